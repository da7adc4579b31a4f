"""Places of free density: what residues that are far off can see of a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["POINT_FEATURES", "DensityPoints", "density_points", "stack_points"]

_CELL = 3.0
"""Side in angstrom of the cells that give one point each: a residue has about five."""

_LEAST = -0.5
"""Free density at B = 120 A^2, in standard units, below which a cell counts as empty: the mean near the
backbone is 0, solvent -1.5 and lower."""

POINT_FEATURES = 5
"""Values of the map at each of three blurs, and of the free density at the two larger ones."""


@dataclass(frozen=True)
class DensityPoints:
    """Points of M maps, padded to P each.

    Attributes
    ----------
    xyz : Tensor, shape (M, P, 3)
        From the first voxel of the bordered grid, in angstrom.
    features : Tensor, shape (M, P, POINT_FEATURES)
    valid : Tensor of bool, shape (M, P)
    """

    xyz: Tensor
    features: Tensor
    valid: Tensor


def density_points(levels: Sequence[Tensor], free: Sequence[Tensor], spacing: float, most: int) -> DensityPoints:
    """The highest free density of each small cell; of too many, the highest.

    Parameters
    ----------
    levels : sequence of Tensor, each of shape (nx, ny, nz)
        Map at each blur.
    free : sequence of Tensor
        Free density at each blur but the first.
    spacing : float
        In angstrom.
    most : int
        Points to keep.

    Returns
    -------
    DensityPoints
        With M = 1.
    """
    side = max(1, round(_CELL / spacing))
    values = free[0]
    shape = values.shape
    padding = [extra for n in reversed(shape) for extra in (0, -n % side)]
    padded = torch.nn.functional.pad(values, padding, value=-torch.inf)
    cells = padded.unfold(0, side, side).unfold(1, side, side).unfold(2, side, side)
    count = cells.shape[:3]
    peak, where = cells.reshape(-1, side**3).max(-1)
    chosen = torch.nonzero(peak > _LEAST).flatten()
    if len(chosen) > most:
        chosen = chosen[peak[chosen].topk(most).indices]
    inside = where[chosen]
    cell = torch.stack(torch.unravel_index(chosen, count), -1)
    voxel = cell * side + torch.stack(torch.unravel_index(inside, (side,) * 3), -1)
    x, y, z = voxel.unbind(-1)
    features = torch.stack([field[x, y, z] for field in (*levels, *free)], -1)
    valid = torch.ones(1, len(voxel), dtype=torch.bool, device=values.device)
    return DensityPoints(voxel[None] * spacing, features[None], valid)


def stack_points(each: Sequence[DensityPoints]) -> DensityPoints:
    """Points of several maps side by side, padded to the longest list."""
    longest = max(1, *(points.valid.shape[1] for points in each))

    def padded(rows: list[Tensor]) -> Tensor:
        pads = [torch.cat([row, row.new_zeros(1, longest - row.shape[1], *row.shape[2:])], 1) for row in rows]
        return torch.cat(pads)

    return DensityPoints(
        padded([points.xyz for points in each]).float(),
        padded([points.features for points in each]).float(),
        padded([points.valid for points in each]),
    )
