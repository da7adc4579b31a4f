import numpy as np

from adp3d.density.map import DensityMap
from adp3d.density.neighbourhood import finite_points, near, near_pairs


def test_pairs_are_those_of_all_distances(oblique):
    grid = DensityMap(np.zeros((14, 12, 10)), np.array([3.0, -1.0, 2.0]), oblique)
    rng = np.random.default_rng(0)
    points = grid.to_points(rng.uniform(-3, 15, (40, 3)))
    voxels = grid.to_points(np.stack(np.indices(grid.shape), axis=-1)).reshape(-1, 3)
    distance = np.linalg.norm(points[:, None] - voxels, axis=-1)
    for radius in (0.3, 1.7, 4.0):
        expected = distance <= radius
        batches = list(near_pairs(grid, points, radius))
        point, voxel = (np.concatenate(part) for part in zip(*batches, strict=True))
        found = np.zeros_like(expected)
        found[point, voxel] = True
        np.testing.assert_array_equal(found, expected)
        assert len(point) == expected.sum()
        np.testing.assert_array_equal(near(grid, points, radius).ravel(), expected.any(axis=0))


def test_unknown_atoms_are_skipped():
    grid = DensityMap(np.zeros((5, 5, 5)), np.zeros(3), np.eye(3))
    points = np.array([[[2.0, 2, 2], [np.nan, 1, 1]]])
    assert finite_points(points).shape == (1, 3)
    assert near(grid, points, 1.0).sum() == 7
    assert not near(grid, points[:, 1:], 1.0).any()
