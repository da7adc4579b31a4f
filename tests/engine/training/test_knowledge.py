"""Patterns of known atoms that training shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adp3d.training.crops import Crop
from adp3d.training.knowledge import EXACT, built_and_missing, draw_pattern, every_kth, smooth_bend


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


def test_of_two_chains_one_is_often_known_whole():
    index = np.tile(np.arange(100), (2000, 1))
    two = Crop(
        (60, 40), np.zeros((2000, 100, 4, 3), np.float32), index % 20, (index >= 60) * 1, index, np.zeros(2000, bool)
    )
    known = (draw_pattern(two, np.random.default_rng(0)).sigma > 0).any(2)
    first, second = known[:, :60], known[:, 60:]
    alone = [(a.all(1) & ~b.any(1)).sum() for a, b in ((first, second), (second, first))]
    # half of the six in ten that know anything
    assert sum(alone) / len(known) == pytest.approx(0.3, abs=0.05)
    assert min(alone) > 0.3 * sum(alone)


def test_rebuilt_chains_show_only_ca():
    pattern = draw_pattern(crop(200, 60, ca_only=True), np.random.default_rng(1))
    assert pattern.sigma[..., 1].any() and not pattern.sigma[..., [0, 2, 3]].any()


def test_examples_with_a_map_know_longer_stretches_and_may_be_bent():
    rng = np.random.default_rng(0)
    given = crop(600, 120)
    spread = replace(given, xyz=rng.normal(size=given.xyz.shape).astype(np.float32) * 12)
    pattern = draw_pattern(spread, rng, np.arange(600) % 2 == 0)
    bent = np.abs(pattern.bend).max((1, 2, 3)) > 0
    assert not bent[1::2].any()
    informed = pattern.informed
    assert informed[::2].mean() == pytest.approx(0.85, abs=0.05) and informed[1::2].mean() == pytest.approx(
        0.6, abs=0.06
    )
    assert bent[::2][informed[::2]].mean() == pytest.approx(0.3, abs=0.06)
    # only known residues are bent, and the bend is all of their error
    known = pattern.sigma > 0
    assert not np.abs(pattern.bend[~known.any(-1)]).any()
    assert (pattern.own[bent] <= EXACT + 1e-6).all()
    np.testing.assert_array_equal(pattern.own[~bent], pattern.sigma[~bent])


def test_built_stretches_and_gaps_have_the_lengths_of_jobs():
    rng = np.random.default_rng(1)
    for _ in range(50):
        known = built_and_missing(300, rng)
        edges = np.flatnonzero(np.diff(known.astype(int))) + 1
        runs = np.diff(edges)
        kinds = known[edges[:-1]]
        assert set(runs[kinds]) <= set(range(12, 41)) and set(runs[~kinds]) <= set(range(6, 31))


def test_a_bend_is_smooth_and_of_the_size_asked_for():
    rng = np.random.default_rng(2)
    xyz = rng.uniform(-20, 20, (400, 4, 3))
    bend = smooth_bend(xyz, 1.5, rng)
    assert np.sqrt(np.square(bend).sum(-1).mean()) == pytest.approx(1.5, rel=1e-6)
    # a field of waves of at least 25 A changes by no more than its slope allows over a bond
    near = smooth_bend(np.stack([xyz, xyz + np.array([1.5, 0, 0])]), 1.5, np.random.default_rng(3))
    assert np.linalg.norm(near[0] - near[1], axis=-1).max() < 1.5 * 4 * 2 * np.pi * 1.5 / 25
