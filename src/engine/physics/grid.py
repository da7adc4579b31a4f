"""Orthogonal grids and boxes of voxels around points."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import InputError
from ..density.map import DensityMap

__all__ = ["Grid", "box_voxels"]


_ALIGNED = 1e-6
"""Off-diagonal step, as a fraction of the voxel size, below which a map counts as aligned."""


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

    @classmethod
    def of_map(cls, map: DensityMap) -> Grid:
        """Return the grid of a map whose steps run along x, y and z.

        Raises
        ------
        InputError
            If the map's axes are oblique or turned; such a map has to be resampled first.
        """
        x, y, z = np.diag(map.axes).tolist()
        if np.abs(map.axes - np.diag([x, y, z])).max() > _ALIGNED * min(x, y, z):
            raise InputError("The map's axes are oblique or turned; resample it to an orthogonal grid first.")
        ox, oy, oz = map.origin.tolist()
        return cls((ox, oy, oz), (x, y, z), map.shape)

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
