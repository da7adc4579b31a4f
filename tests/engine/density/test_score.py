import numpy as np
import pytest

from adp3d.density.map import DensityMap
from adp3d.density.neighbourhood import near
from adp3d.density.sample import sample
from adp3d.density.score import mask_radius, residue_correlation, residue_share

RNG = np.random.default_rng(2)
A = RNG.normal(size=(14, 13, 12)).astype(np.float32)
B = (0.6 * A + 0.8 * RNG.normal(size=A.shape)).astype(np.float32)


def pearson(mask):
    return np.corrcoef(A[mask].astype(float), B[mask].astype(float))[0, 1]


def test_the_mask_is_as_wide_as_the_resolution_asks():
    assert mask_radius(3.0) == 2.0 and mask_radius(6.0) == 3.0


def test_residue_correlation_is_pearsons_over_the_voxels_near_its_atoms(oblique):
    grid = DensityMap(A, np.array([1.0, 2, 3]), oblique)
    atoms = grid.to_points(RNG.uniform(0, 12, (25, 3)))
    atoms[3] = np.nan
    residue = np.repeat(np.arange(5), 5)
    found = residue_correlation(grid, B, atoms, residue, 6, 1.8)
    for i in range(5):
        assert found[i] == pytest.approx(pearson(near(grid, atoms[residue == i], 1.8)))
    assert np.isnan(found[5])
    # scale and offset of either density do not matter, its sign does
    again = residue_correlation(grid, 3 * B - 7, atoms, residue, 6, 1.8)
    np.testing.assert_allclose(again, found, atol=1e-5)
    np.testing.assert_allclose(residue_correlation(grid, -A, atoms, residue, 5, 1.8), -1.0)


def test_residues_outside_and_constant_densities():
    grid = DensityMap(A, np.zeros(3), np.eye(3))
    far = np.array([[500.0, 0, 0], [5, 5, 5]])
    found = residue_correlation(grid, np.ones_like(A), far, np.array([0, 1]), 2, 2.0)
    assert np.isnan(found[0]) and found[1] == 0
    assert np.isnan(residue_correlation(grid, B, far[:0], np.zeros(0, int), 3, 2.0)).all()


def test_residue_share_is_of_sums_at_the_atoms(oblique):
    grid = DensityMap(A, np.array([1.0, 2, 3]), oblique)
    should = np.abs(B) + 0.5
    atoms = grid.to_points(RNG.uniform(0, 11, (15, 3)))
    atoms[3] = np.nan
    residue = np.repeat(np.arange(3), 5)
    found = residue_share(grid, should, atoms, residue, 4)
    for i in range(3):
        own = atoms[(residue == i) & np.isfinite(atoms).all(1)]
        expected = sample(grid, own).sum() / sample(DensityMap(should, grid.origin, grid.axes), own).sum()
        assert found[i] == pytest.approx(expected, rel=1e-5)
    assert np.isnan(found[3])
    assert np.isnan(residue_share(grid, np.zeros_like(A), atoms, residue, 3)).all()
