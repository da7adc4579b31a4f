"""Maps of one or several examples, and their values at points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..evidence import DensityEvidence
from ..standard_map import EMPTY
from .density_points import DensityPoints, density_points, stack_points

__all__ = ["DensityGrids"]

_CLIP = (-4.0, 8.0)
"""Standard units; sharp maps have peaks of metals and noise beyond."""


@dataclass(frozen=True)
class DensityGrids:
    """What B examples see of M maps.

    Attributes
    ----------
    levels : tuple of tuple of Tensor, each of shape (1, C, nx, ny, nz)
        For each map its levels, with a border of emptiness. The first level is the map; the blurred ones have
        the free density (what no known atom explains) as a second channel.
    spacing, resolution : Tensor, shape (M,)
        Step of the grid and resolution of each map, in angstrom.
    points : DensityPoints
        Places of free density of each map.
    map_of : tuple of int, length B
        Map of each example; -1 without one.
    origin : Tensor, shape (B, 3)
        Position of the first voxel in the frame of each example, in angstrom.
    """

    levels: tuple[tuple[Tensor, ...], ...]
    spacing: Tensor
    resolution: Tensor
    points: DensityPoints
    map_of: tuple[int, ...]
    origin: Tensor

    @staticmethod
    def of(maps: Sequence[DensityEvidence], map_of: Sequence[int], most_points: int) -> DensityGrids:
        """Grids of maps, for examples that see one of them each.

        Parameters
        ----------
        maps : sequence of DensityEvidence
            At least one; the origin of each has shape (3,) or one row for each example that sees it.
        map_of : sequence of int, length B
            Map of each example; -1 without one.
        most_points : int
            Places of free density kept for each map.
        """
        device = maps[0].levels.device
        levels, points = [], []
        for evidence in maps:
            padded = [torch.nn.functional.pad(level.clamp(*_CLIP), (1,) * 6, value=EMPTY) for level in evidence.levels]
            taken = torch.nn.functional.pad(evidence.taken, (1,) * 6)
            free = [level + taken * (EMPTY - level) for level in padded[1:]]
            blurred = [torch.stack(pair) for pair in zip(padded[1:], free, strict=True)]
            levels.append(tuple(channels[None] for channels in (padded[0][None], *blurred)))
            points.append(density_points(padded, free, evidence.spacing, most_points))
        origin = torch.zeros(len(map_of), 3, device=device)
        seen = [0] * len(maps)
        for example, number in enumerate(map_of):
            if number >= 0:
                corner = maps[number].origin
                origin[example] = (corner if corner.ndim == 1 else corner[seen[number]]) - maps[number].spacing
                seen[number] += 1
        return DensityGrids(
            tuple(levels),
            torch.tensor([evidence.spacing for evidence in maps], device=device),
            torch.tensor([evidence.resolution for evidence in maps], device=device),
            stack_points(points),
            tuple(map_of),
            origin,
        )

    def seen_from(self, origin: Tensor) -> DensityGrids:
        """The one map of a job for replicas whose frames put its first inner voxel at ``origin`` (B, 3)."""
        return replace(self, map_of=(0,) * len(origin), origin=origin.float() - self.spacing[0])

    def in_their_own_frames(self) -> DensityGrids:
        """Each map once, its first voxel at the origin."""
        count = len(self.levels)
        return replace(self, map_of=tuple(range(count)), origin=self.origin.new_zeros(count, 3))

    @property
    def present(self) -> Tensor:
        """Whether each example has a map: bool, shape (B,)."""
        return self._rows >= 0

    def of_example(self, per_map: Tensor) -> Tensor:
        """Rows of a tensor (M, ...) for each example, (B, ...); the first one's where there is no map."""
        return per_map[self._rows.clamp(min=0)]

    def sample(self, level: int, x: Tensor) -> Tensor:
        """Trilinear interpolation of one level; the border's emptiness outside.

        Parameters
        ----------
        level : int
        x : Tensor, shape (B, K, 3)
            In the frame of each example, in angstrom.

        Returns
        -------
        Tensor, shape (B, K, C)
            Zero for examples without a map.
        """
        if len(self.levels) == 1 and min(self.map_of) == 0:
            return self._interpolate(0, level, x, self.origin)
        out = x.new_zeros(*x.shape[:2], self.levels[0][level].shape[1])
        for number in range(len(self.levels)):
            rows = [i for i, m in enumerate(self.map_of) if m == number]
            if rows:
                out[rows] = self._interpolate(number, level, x[rows], self.origin[rows])
        return out

    def _interpolate(self, number: int, level: int, x: Tensor, origin: Tensor) -> Tensor:
        values = self.levels[number][level]
        extent = torch.tensor(values.shape[2:], device=x.device) - 1
        at = (x - origin[:, None]) * (2.0 / (self.spacing[number] * extent)) - 1.0
        # torch names the axes of a volume the other way round
        grid = at.flip(-1).reshape(1, -1, 1, 1, 3)
        with torch.autocast(x.device.type, enabled=False):
            found = torch.nn.functional.grid_sample(values, grid.float(), "bilinear", "border", align_corners=True)
        return found.view(values.shape[1], -1).T.view(*x.shape[:2], -1)

    @property
    def _rows(self) -> Tensor:
        return torch.tensor(self.map_of, device=self.origin.device)
