"""Patterns of known atoms that training shows."""

from __future__ import annotations

import numpy as np
import pytest

from adp3d.training.crops import Crop
from adp3d.training.knowledge import EXACT, draw_pattern, every_kth


def crop(b, n, ca_only=False):
    index = np.tile(np.arange(n), (b, 1))
    return Crop((n,), np.zeros((b, n, 4, 3), np.float32), index % 20, 0 * index, index, np.full(b, ca_only))


def test_every_kth_residue():
    pattern = every_kth(crop(2, 17), 8)
    assert np.flatnonzero(pattern.sigma[1].all(-1)).tolist() == [0, 8, 16]
    assert pattern.weights[0, 8] == pytest.approx(np.full(4, EXACT**-2), rel=1e-6)
    assert (pattern.weights[0, 1:8] == 0).all()


def test_draws_cover_all_that_the_prior_is_used_for():
    pattern = draw_pattern(crop(4000, 100), np.random.default_rng(0))
    known = pattern.sigma > 0
    some = known.any((1, 2))
    assert some.mean() == pytest.approx(0.6, abs=0.03)
    assert ((pattern.weights > 0) == known).all()
    fraction = known[some].any(2).mean(1)
    assert fraction.min() < 0.06 and fraction.max() > 0.9
    assert pattern.sigma[known].min() >= 0.99 * EXACT and pattern.sigma[known].max() <= 2.0
    exact = (pattern.sigma <= 1.01 * EXACT) | ~known
    assert exact[some].all((1, 2)).mean() == pytest.approx(0.5, abs=0.05)
    narrow = (known[some].any(1).sum(1) == 1).mean()
    assert narrow == pytest.approx(0.12, abs=0.03)
    # regular traces as well as long missing stretches
    longest_gap = [np.diff(np.flatnonzero(np.append(np.insert(k.any(1), 0, True), True))).max() for k in known[some]]
    assert min(longest_gap) <= 2 and max(longest_gap) > 60


def test_rebuilt_chains_show_only_ca():
    pattern = draw_pattern(crop(200, 60, ca_only=True), np.random.default_rng(1))
    assert pattern.sigma[..., 1].any() and not pattern.sigma[..., [0, 2, 3]].any()
