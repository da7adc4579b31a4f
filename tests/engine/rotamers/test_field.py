from __future__ import annotations

import numpy as np
import pytest
import torch

from adp3d.density.map import DensityMap
from adp3d.rotamers.field import MapNoise, density_field, model_density

FIXED = np.array([[9.0, 10.0, 11.0], [10.4, 10.2, 11.0], [11.0, 11.5, 11.9]])
ELEMENTS = ["N", "C", "C"]
PLACE = np.array([12.3, 12.1, 10.7])
NOISE = MapNoise(variance=0.04, independent_fraction=0.5, b_factor=25.0, resolution=2.0)


@pytest.fixture(scope="module")
def field():
    empty = DensityMap(np.zeros((34, 36, 38), np.float32), np.array([1.0, 2.0, 1.5]), 0.6 * np.eye(3))
    whole = model_density(empty, np.concatenate([FIXED, PLACE[None]]), [*ELEMENTS, "C"], 25.0)
    noise = np.random.default_rng(0).normal(scale=0.05, size=whole.shape)
    return density_field(empty.with_values(3.0 * whole + noise + 0.7), NOISE, FIXED, ELEMENTS)


def test_scale_and_offset_are_those_of_the_map(field):
    assert field.scale == pytest.approx(3.0, rel=0.05)
    assert field.offset == pytest.approx(0.7, abs=0.1)


def test_an_atom_counts_what_it_adds_to_the_log_likelihood(field):
    """The difference of two sums of squares, but for the atom's own square."""
    left = field.map.values - field.scale * model_density(field.map, FIXED, ELEMENTS, 25.0) - field.offset
    for place in (PLACE, PLACE + np.array([0.4, -0.3, 0.2]), PLACE - 1.5):
        own = field.scale * model_density(field.map, place[None], ["C"], 25.0)
        gain = 0.5 * (left**2 - (left - own) ** 2).sum() + 0.5 * (own**2).sum()
        # the misfit of the fixed part, where that is larger, stands for the noise
        voxels = np.stack(np.indices(own.shape), -1) * 0.6 + field.map.origin
        near = np.min([np.linalg.norm(voxels - atom, axis=-1) for atom in FIXED], 0)
        variance = max(NOISE.variance, float(np.square(left[near <= 2.0]).mean()))
        expected = NOISE.independent_fraction * gain / variance
        assert float(field(torch.tensor(place, dtype=torch.float32))) == pytest.approx(expected, rel=0.02, abs=0.05)


def test_the_atom_lies_best_where_it_is_and_the_gradient_leads_there(field):
    at = torch.tensor(PLACE + np.array([0.5, 0.2, -0.4]), dtype=torch.float64, requires_grad=True)
    value = field(at)
    (slope,) = torch.autograd.grad(value, at)
    step = 1e-4
    for axis in range(3):
        shift = torch.zeros(3, dtype=torch.float64)
        shift[axis] = step
        numeric = float(field(at.detach() + shift) - field(at.detach() - shift)) / (2 * step)
        assert float(slope[axis]) == pytest.approx(numeric, rel=1e-3, abs=1e-3)
    assert float(slope @ torch.tensor(PLACE - at.detach().numpy())) > 0
    assert float(field(torch.tensor(PLACE))) > float(value.detach())


def test_nothing_outside_the_map(field):
    assert float(field(torch.tensor([-40.0, 0.0, 0.0]))) == 0.0
