"""Places of free density."""

from __future__ import annotations

import torch

from adp3d.prior.builtin.density_grids import DensityGrids
from adp3d.prior.builtin.density_points import DensityPoints, density_points, stack_points


def test_each_cell_gives_its_highest_voxel():
    values = torch.full((10, 9, 7), -3.0)
    peaks = [(0, 0, 0), (4, 4, 4), (9, 8, 6), (5, 3, 5)]
    for height, voxel in enumerate(peaks, 1):
        values[voxel] = float(height)
    found = density_points([values, values, values], [values, values], 1.0, 100)
    # (5, 3, 5) and (4, 4, 4) share a cell of 3 A: the higher one stands for it
    assert sorted(found.xyz[0].int().tolist()) == [[0, 0, 0], [5, 3, 5], [9, 8, 6]]
    order = found.features[0, :, 0].argsort()
    assert found.features[0, order, 3].tolist() == [1.0, 3.0, 4.0]
    assert found.valid.all()
    fewer = density_points([values] * 3, [values] * 2, 1.0, 2)
    assert sorted(fewer.features[0, :, 0].tolist()) == [3.0, 4.0]


def test_explained_density_gives_no_places(random_map):
    evidence = random_map()
    grids = DensityGrids.of([evidence], [0], 1000)
    voxels = (grids.points.xyz[0] - 1.0).round().long()
    assert len(voxels) > 10
    assert not evidence.taken[voxels[:, 0], voxels[:, 1], voxels[:, 2]].any()
    # what is sampled at a place is what its features say
    x = grids.points.xyz + grids.origin[:, None]
    seen = grids.sample(2, x)[0]
    torch.testing.assert_close(seen, grids.points.features[0][:, [2, 4]], atol=1e-4, rtol=1e-4)


def test_lists_of_different_lengths_are_padded():
    def made(n):
        return DensityPoints(torch.ones(1, n, 3), torch.ones(1, n, 5), torch.ones(1, n, dtype=torch.bool))

    stacked = stack_points([made(2), made(5), made(0)])
    assert stacked.valid.sum(1).tolist() == [2, 5, 0] and stacked.xyz.shape == (3, 5, 3)
    assert stack_points([made(0)]).xyz.shape == (1, 1, 3)
