from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch
from atom14_model import DEMO, demo_atom14
from scipy.special import logsumexp

from adp3d.density.noise import estimate_noise
from adp3d.density.read import read_map
from adp3d.rotamers.field import MapNoise, MapView, density_field
from adp3d.rotamers.register import find_shifts, side_chain_fit, type_scores

START, STOP = 60, 76


@lru_cache(maxsize=1)
def demo_scores():
    """Types (N,) and scores (N, 20) of the demo's true model in its map."""
    atoms, aatype, present = demo_atom14(torch.float32)
    density = read_map(DEMO.with_name("emd_20026_protomer.map.gz"))
    noise = estimate_noise(density, None, atoms[present].double().numpy())
    view = MapView(density, MapNoise(noise.sigma**2, density.voxel_volume / 0.875**3, 8.0, 1.75))
    backbone = atoms[:, :4]
    field = density_field(
        view.map, view.noise, backbone.reshape(-1, 3).double().numpy(), ["N", "C", "C", "O"] * len(atoms)
    )
    with torch.no_grad():
        return aatype.numpy(), type_scores(backbone, field)


def test_the_true_model_is_in_register():
    types, scores = demo_scores()
    fit = side_chain_fit(scores, types)
    assert find_shifts(fit, types, np.arange(len(types))) == []
    right = fit[np.arange(len(types)), types].mean()
    wrong = fit[np.arange(len(types) - 1), types[1:]].mean()
    assert right > 0.8
    assert wrong < -1.0


@pytest.mark.parametrize("shift", [-2, -1, 1, 2])
def test_a_planted_shift_is_found_with_its_ends(shift):
    types, scores = demo_scores()
    planted = types.copy()
    planted[START:STOP] = types[START - shift : STOP - shift]
    found = find_shifts(side_chain_fit(scores, planted), planted, np.arange(len(types)))
    assert [one.shift for one in found] == [shift]
    assert abs(found[0].first - START) <= 4
    assert abs(found[0].last - STOP + 1) <= 4


def test_gaps_and_unknown_types_are_no_evidence():
    types, scores = demo_scores()
    planted = types.copy()
    planted[START:STOP] = types[START - 1 : STOP - 1]
    fit = side_chain_fit(scores, planted)
    unknown = np.where((np.arange(len(types)) >= START) & (np.arange(len(types)) < STOP), 20, planted)
    assert find_shifts(fit, unknown, np.arange(len(types))) == []
    # stretches between gaps are shorter than eight
    rows = np.array([i for i in range(len(types)) if i % 8])
    assert find_shifts(fit[rows], planted, rows) == []


def test_odds_are_those_of_probabilities_and_vanish_without_side_chains():
    types, scores = demo_scores()
    fit = side_chain_fit(scores, types)
    usual = np.bincount(types, minlength=20) + 1.0
    np.testing.assert_allclose(logsumexp(fit + np.log(usual / usual.sum()), axis=1), 0.0, atol=1e-9)
    noise = np.random.default_rng(0).normal(size=scores.shape)
    assert np.abs(side_chain_fit(noise, types)).mean() < 0.2
    assert (side_chain_fit(scores, np.full(len(types), 20)) == 0).all()
