import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from adp3d.density.map import DensityMap


def test_points_and_indices_are_inverse(oblique):
    grid = DensityMap(np.zeros((4, 5, 6)), np.array([1.0, -2.0, 3.0]), oblique)

    @given(arrays(np.float64, (7, 3), elements=st.floats(-50, 50)))
    def check(index):
        np.testing.assert_allclose(grid.to_index(grid.to_points(index)), index, atol=1e-9)

    check()
    np.testing.assert_allclose(grid.to_points([1, 2, 3]), [1.0, -2.0, 3.0] + oblique.T @ [1, 2, 3])


def test_geometry(oblique):
    grid = DensityMap(np.zeros((4, 5, 6)), np.zeros(3), oblique)
    assert grid.voxel_volume == pytest.approx(0.9 * 0.8 * 1.1)
    np.testing.assert_allclose(grid.voxel_size, np.sqrt([0.81, 0.8, 1.26]))
    assert not grid.is_orthogonal
    assert grid.shape == (4, 5, 6)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turned = DensityMap(np.zeros((2, 3, 4)), np.ones(3), np.diag([1.0, 2.0, 3.0]) @ turn)
    assert turned.is_orthogonal
    np.testing.assert_allclose(turned.centre, 1 + np.array([0.5, 2.0, 4.5]) @ turn)


@pytest.mark.parametrize(
    ("values", "origin", "axes"),
    [
        (np.zeros((3, 3)), np.zeros(3), np.eye(3)),
        (np.zeros((1, 3, 3)), np.zeros(3), np.eye(3)),
        (np.full((2, 2, 2), np.nan), np.zeros(3), np.eye(3)),
        (np.zeros((2, 2, 2)), np.zeros(2), np.eye(3)),
        (np.zeros((2, 2, 2)), np.array([0, 0, np.inf]), np.eye(3)),
        (np.zeros((2, 2, 2)), np.zeros(3), np.diag([1.0, 1.0, 0.0])),
        (np.zeros((2, 2, 2)), np.zeros(3), np.array([[1.0, 0, 0], [1, 0, 0], [0, 0, 1]])),
    ],
)
def test_impossible_maps_are_refused(values, origin, axes):
    with pytest.raises(ValueError):
        DensityMap(values, origin, axes)


def test_same_grid_notices_shift_and_stretch():
    grid = DensityMap(np.zeros((20, 20, 20)), np.zeros(3), np.eye(3))
    assert grid.same_grid(DensityMap(np.ones((20, 20, 20)), np.full(3, 1e-3), np.eye(3)))
    assert not grid.same_grid(DensityMap(np.ones((20, 20, 20)), np.full(3, 0.1), np.eye(3)))
    assert not grid.same_grid(DensityMap(np.ones((20, 20, 20)), np.zeros(3), np.eye(3) * 1.01))
    assert not grid.same_grid(DensityMap(np.ones((20, 20, 21)), np.zeros(3), np.eye(3)))
    with pytest.raises(ValueError, match="do not fit"):
        grid.with_values(np.zeros((2, 2, 2)))
