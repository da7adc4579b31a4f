import numpy as np
import pytest

from adp3d.density.map import DensityMap
from adp3d.density.sample import sample


def test_linear_densities_are_exact(oblique):
    grid = DensityMap(np.zeros((8, 7, 6)), np.array([1.0, 2, 3]), oblique)
    slope = np.array([0.3, -0.2, 0.5])
    linear = grid.with_values(grid.to_points(np.stack(np.indices(grid.shape), axis=-1)) @ slope)
    points = grid.to_points(np.random.default_rng(0).uniform(0, 5, (50, 3)))
    np.testing.assert_allclose(sample(linear, points), points @ slope, atol=1e-5)
    corner = grid.to_points([7, 6, 5])
    assert sample(linear, corner) == pytest.approx(corner @ slope, abs=1e-5)


def test_outside_and_unknown_points():
    grid = DensityMap(np.ones((4, 4, 4)), np.zeros(3), np.eye(3))
    values = sample(grid, [[[-0.01, 1, 1], [3.5, 1, 1]], [[np.nan, 1, 1], [1, 1, 3]]], outside=-7.0)
    np.testing.assert_array_equal(values, [[-7, -7], [np.nan, 1]])
