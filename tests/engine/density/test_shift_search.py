import numpy as np
import pytest

from adp3d.density.map import DensityMap
from adp3d.density.shift_search import ShiftSearch

ATOMS = np.random.default_rng(5).uniform(0, 1, (150, 3)) * np.array([24.0, 30.0, 36.0]) + 20.0


@pytest.fixture(scope="module")
def density(gaussian_map):
    """A random molecule at about 5 A, and another one beside it."""
    other = np.random.default_rng(6).uniform(0, 1, (100, 3)) * np.array([18.0, 30.0, 36.0]) + [50.0, 20.0, 20.0]
    return gaussian_map(np.concatenate([ATOMS, other]), 150.0, (55, 50, 56), np.eye(3) * 1.5)


def test_atoms_in_their_place(density):
    found = ShiftSearch(density, ATOMS).fit()
    assert found.here > 0.9 and found.best - found.here < 0.02
    assert np.abs(found.shift).max() <= 2.0


@pytest.mark.parametrize("shift", [(8.0, -6.0, 4.0), (0.0, 30.0, -14.0), (-300.0, 20.0, 0.0)])
def test_displaced_atoms_are_found_again(density, shift):
    found = ShiftSearch(density, ATOMS + np.array(shift)).fit()
    assert found.here < 0.3 and found.best > 0.9
    np.testing.assert_allclose(found.shift, -np.array(shift), atol=1.5)


def test_mirrored_and_scaled_maps(density):
    for axis in range(3):
        search = ShiftSearch(DensityMap(np.flip(density.values, axis), density.origin, density.axes), ATOMS)
        assert search.fit().best < 0.6 and search.fit(mirror=axis).best > 0.8
    search = ShiftSearch(DensityMap(density.values, density.origin, density.axes / 1.2), ATOMS)
    assert search.fit().best < 0.8 and search.fit(scale=1 / 1.2).best > 0.8


def test_any_grid_and_missing_atoms(density):
    turn = np.array([[0.8, 0.6, 0.0], [-0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
    turned = DensityMap(density.values, density.origin @ turn.T, density.axes @ turn.T)
    atoms = np.concatenate([ATOMS @ turn.T, np.full((5, 3), np.nan)])
    assert ShiftSearch(turned, atoms).fit().here > 0.85
