import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adp3d.density.map import DensityMap
from adp3d.density.neighbourhood import near
from adp3d.density.score import (
    box_correlation,
    local_correlation,
    mask_correlation,
    mask_radius,
    residue_correlation,
)

RNG = np.random.default_rng(2)
A = RNG.normal(size=(14, 13, 12)).astype(np.float32)
B = (0.6 * A + 0.8 * RNG.normal(size=A.shape)).astype(np.float32)


@given(st.floats(0.01, 100), st.floats(-100, 100))
def test_box_correlation_is_pearsons_and_ignores_scale_and_offset(scale, offset):
    expected = np.corrcoef(A.ravel().astype(float), B.ravel().astype(float))[0, 1]
    assert box_correlation(A, B * scale + offset) == pytest.approx(expected, abs=1e-4)
    assert box_correlation(A, -A * scale) == pytest.approx(-1)


def test_degenerate_correlations():
    assert box_correlation(A, np.ones_like(A)) == 0
    assert np.isnan(box_correlation(A, B, np.zeros(A.shape, bool)))
    with pytest.raises(ValueError, match="compared"):
        box_correlation(A, B[:3])
    assert mask_radius(3.0) == 2.0 and mask_radius(6.0) == 3.0


def test_mask_correlation_uses_the_voxels_near_atoms(oblique):
    grid = DensityMap(A, np.array([1.0, 2, 3]), oblique)
    atoms = grid.to_points([[4, 4, 4], [8, 7, 6]])
    mask = near(grid, atoms, 2.5)
    expected = np.corrcoef(A[mask].astype(float), B[mask].astype(float))[0, 1]
    assert mask_correlation(grid, B, atoms, 2.5) == pytest.approx(expected)


def test_residue_correlation_is_the_mask_correlation_of_each_residue(oblique):
    grid = DensityMap(A, np.array([1.0, 2, 3]), oblique)
    atoms = grid.to_points(RNG.uniform(0, 12, (25, 3)))
    atoms[3] = np.nan
    residue = np.repeat(np.arange(5), 5)
    found = residue_correlation(grid, B, atoms, residue, 6, 1.8)
    for i in range(5):
        own = atoms[residue == i]
        assert found[i] == pytest.approx(mask_correlation(grid, B, own, 1.8))
    assert np.isnan(found[5])
    # Windows of three, which do not cross from residue 2 to residue 3.
    chains = np.array([0, 0, 0, 1, 1, 1])
    windowed = residue_correlation(grid, B, atoms, residue, 6, 1.8, half_window=1, chain_index=chains)
    for i, members in enumerate(([0, 1], [0, 1, 2], [1, 2], [3, 4], [3, 4], [4])):
        own = atoms[np.isin(residue, members)]
        assert windowed[i] == pytest.approx(mask_correlation(grid, B, own, 1.8))


def test_residues_outside_and_constant_densities():
    grid = DensityMap(A, np.zeros(3), np.eye(3))
    far = np.array([[500.0, 0, 0], [5, 5, 5]])
    found = residue_correlation(grid, np.ones_like(A), far, np.array([0, 1]), 2, 2.0)
    assert np.isnan(found[0]) and found[1] == 0
    assert np.isnan(residue_correlation(grid, B, far[:0], np.zeros(0, int), 3, 2.0)).all()


def test_local_correlation_finds_the_wrong_half():
    grid = DensityMap(np.random.default_rng(0).normal(size=(40, 24, 24)), np.zeros(3), np.diag([1.0, 0.8, 1.2]))
    calculated = grid.values.copy()
    calculated[20:] = np.random.default_rng(1).normal(size=(20, 24, 24))
    local = local_correlation(grid, 5 * calculated + 2, 3.0)
    assert local.shape == grid.shape
    assert np.abs(local).max() <= 1
    assert local[:10].min() > 0.95
    assert np.abs(local[30:]).mean() < 0.2


def test_local_correlation_at_a_point_is_the_weighted_pearson():
    grid = DensityMap(A, np.zeros(3), np.eye(3))
    index = np.stack(np.indices(A.shape), axis=-1)
    # The filter is cut at three sigma along each axis; the point is far enough from the border.
    offset = index - np.array([7, 6, 6])
    w = np.exp(-0.5 * np.square(offset).sum(axis=-1) / 1.5**2) * (np.abs(offset) <= 4).all(axis=-1)
    a = A - np.average(A, weights=w)
    b = B - np.average(B, weights=w)
    expected = (w * a * b).sum() / np.sqrt((w * a * a).sum() * (w * b * b).sum())
    assert local_correlation(grid, B, 1.5)[7, 6, 6] == pytest.approx(expected, abs=0.02)
    assert (local_correlation(grid, np.ones_like(A), 1.5) == 0).all()


def test_local_correlation_needs_perpendicular_axes(oblique):
    with pytest.raises(ValueError, match="perpendicular"):
        local_correlation(DensityMap(A, np.zeros(3), oblique), B, 2.0)
    with pytest.raises(ValueError, match="fit"):
        local_correlation(DensityMap(A, np.zeros(3), np.eye(3)), B[:3], 2.0)
