from __future__ import annotations

import numpy as np
import pytest
import torch

from adp3d.contract.errors import InputError
from adp3d.density.map import DensityMap
from adp3d.physics.grid import Grid, box_voxels


def test_grid_of_an_ordinary_map():
    axes = np.diag([1.0, 1.5, 0.5])
    grid = Grid.of_map(DensityMap(np.zeros((3, 4, 5), np.float32), np.array([1.0, 2.0, 3.0]), axes))
    assert grid == Grid((1.0, 2.0, 3.0), (1.0, 1.5, 0.5), (3, 4, 5))
    assert grid.n_voxels == 60
    assert grid.voxel_volume == pytest.approx(0.75)


@pytest.mark.parametrize("axes", [[[1, 0.1, 0], [0, 1, 0], [0, 0, 1]], [[0, 1, 0], [1, 0, 0], [0, 0, 1]]])
def test_oblique_or_turned_maps_are_refused(axes):
    with pytest.raises(InputError, match="resample"):
        Grid.of_map(DensityMap(np.zeros((3, 4, 5), np.float32), np.zeros(3), np.array(axes, dtype=float)))


@pytest.mark.parametrize(
    ("origin", "spacing", "shape"),
    [
        ((0, 0, 0), (1, 0, 1), (4, 4, 4)),
        ((0, float("nan"), 0), (1, 1, 1), (4, 4, 4)),
        ((0, 0, 0), (1, 1, 1), (4, 0, 4)),
    ],
)
def test_unusable_grids_are_refused(origin, spacing, shape):
    with pytest.raises(InputError):
        Grid(origin, spacing, shape)


def test_boxes_hold_every_voxel_within_the_radius():
    grid = Grid((-3.0, 0.5, 2.0), (0.9, 1.1, 0.7), (14, 12, 16))
    points = torch.tensor([[2.0, 6.0, 7.0], [-3.4, 0.4, 13.0], [40.0, 0.0, 0.0]], dtype=torch.float64)
    radius, size = 2.3, 7
    voxel, offset, inside = box_voxels(points, grid, radius, size)
    for axis in range(3):
        centres = grid.origin[axis] + grid.spacing[axis] * np.arange(grid.shape[axis])
        for point, index, distance, valid in zip(
            points[:, axis], voxel[:, axis], offset[:, axis], inside[:, axis], strict=True
        ):
            expected = set(np.flatnonzero(np.abs(centres - float(point)) <= radius))
            assert expected <= set(index[valid].tolist())
            np.testing.assert_allclose(centres[index[valid]] - float(point), distance[valid], atol=1e-12)
    assert not inside[2].all(dim=-1).any() or not inside[2, 0].any()
    assert int(voxel.min()) >= 0
    assert (voxel < torch.tensor(grid.shape)[:, None]).all()
