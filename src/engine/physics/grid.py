"""Orthogonal grids, boxes of voxels around points, and zones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError

__all__ = ["Grid", "box_voxels", "zone_mask"]


@dataclass(frozen=True)
class Grid:
    """Orthogonal grid whose voxel (i, j, k) is centred at ``origin + (i, j, k) * spacing``.

    Parameters
    ----------
    origin : tuple of 3 floats
        Position of voxel (0, 0, 0) in A.
    spacing : tuple of 3 floats
        Positive steps along x, y and z in A.
    shape : tuple of 3 ints
        Number of voxels along x, y and z.

    Raises
    ------
    InputError
        If a step is not positive and finite, or an axis is empty.
    """

    origin: tuple[float, float, float]
    spacing: tuple[float, float, float]
    shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        if not all(0 < step < math.inf for step in self.spacing) or not all(map(math.isfinite, self.origin)):
            raise InputError("The map's voxel size or origin is not a usable number; check its header.")
        if min(self.shape) < 1:
            raise InputError("The map is empty along one axis; check its header or the crop.")

    @property
    def n_voxels(self) -> int:
        """Number of voxels."""
        return math.prod(self.shape)

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel in A^3."""
        return math.prod(self.spacing)


def box_voxels(points: Tensor, grid: Grid, radius: float, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Voxels of a box that starts at the first voxel within `radius` of each point along each axis.

    Parameters
    ----------
    points : Tensor, shape (M, 3)
        Positions in A.
    grid : Grid
        Voxel positions.
    radius : float
        Distance in A.
    size : int
        Voxels of the box along each axis.

    Returns
    -------
    voxel : Tensor of int64, shape (M, 3, size)
        Voxel index along each axis, moved to the nearest face where the box leaves the grid.
    offset : Tensor, shape (M, 3, size)
        Voxel position (before it was moved) minus point, in A.
    inside : Tensor of bool, shape (M, 3, size)
        Whether the voxel lies on the grid.
    """
    origin, spacing, shape = (points.new_tensor(value) for value in (grid.origin, grid.spacing, grid.shape))
    shape = shape[:, None]
    first = torch.ceil((points - radius - origin) / spacing)[..., None]
    voxel = first.clamp(torch.full_like(shape, -size), shape) + torch.arange(size, device=points.device)
    offset = voxel * spacing[:, None] + (origin - points)[..., None]
    on_grid = torch.minimum(voxel.clamp(min=0), shape - 1)
    return on_grid.long(), offset, voxel == on_grid


def zone_mask(grid: Grid, points: Tensor, radius: float) -> Tensor:
    """Voxels within a distance of any point.

    Parameters
    ----------
    grid : Grid
        Where the mask is wanted.
    points : Tensor, shape (P, 3)
        Positions in A.
    radius : float
        Distance in A.

    Returns
    -------
    Tensor of bool, shape (nx, ny, nz)
    """
    mask = torch.zeros(grid.shape, dtype=torch.bool, device=points.device)
    size = math.floor(2 * radius / min(grid.spacing)) + 1
    for part in points.split(max(1, (1 << 20) // size**3)):
        voxel, offset, inside = box_voxels(part, grid, radius, size)
        square = (offset**2).masked_fill(~inside, math.inf)
        x, y, z = square.unbind(1)
        near = x[:, :, None, None] + y[:, None, :, None] + z[:, None, None, :] <= radius**2
        point, i, j, k = torch.nonzero(near, as_tuple=True)
        mask[voxel[point, 0, i], voxel[point, 1, j], voxel[point, 2, k]] = True
    return mask
