"""Maps of one or several examples, flat in memory, and their values at points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    channels : tuple of Tensor, each of shape (V, C)
        Values of each level over the voxels of all maps, one map after another, with a border of
        emptiness. The first level is the map; the blurred ones have the free density (what no known atom
        explains) as a second channel. The second half of the channels are those of the next voxel along z:
        interpolation then reads memory at four places instead of eight.
    first, shape, spacing, resolution : Tensor, shapes (M,), (M, 3), (M,), (M,)
        First voxel of each map, its size, step and resolution in angstrom.
    points : DensityPoints
        Places of free density of each map.
    map_of : Tensor of int64, shape (B,)
        Map of each example; -1 without one.
    origin : Tensor, shape (B, 3)
        Position of the first voxel in the frame of each example, in angstrom.
    """

    channels: tuple[Tensor, ...]
    first: Tensor
    shape: Tensor
    spacing: Tensor
    resolution: Tensor
    points: DensityPoints
    map_of: Tensor
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
        channels: list[list[Tensor]] = [[] for _ in maps[0].levels]
        shapes, points = [], []
        for evidence in maps:
            padded = [torch.nn.functional.pad(level.clamp(*_CLIP), (1,) * 6, value=EMPTY) for level in evidence.levels]
            taken = torch.nn.functional.pad(evidence.taken, (1,) * 6)
            free = [level + taken * (EMPTY - level) for level in padded[1:]]
            channels[0].append(padded[0].reshape(-1, 1))
            for i, pair in enumerate(zip(padded[1:], free, strict=True), 1):
                channels[i].append(torch.stack(pair, -1).reshape(-1, 2))
            shapes.append(padded[0].shape)
            points.append(density_points(padded, free, evidence.spacing, most_points))
        sizes = torch.tensor([shape.numel() for shape in shapes])
        spacing = torch.tensor([evidence.spacing for evidence in maps], device=device)
        origin = torch.zeros(len(map_of), 3, device=device)
        seen = [0] * len(maps)
        for example, number in enumerate(map_of):
            if number >= 0:
                corner = maps[number].origin
                origin[example] = (corner if corner.ndim == 1 else corner[seen[number]]) - maps[number].spacing
                seen[number] += 1
        return DensityGrids(
            tuple(_with_next(torch.cat(channel)) for channel in channels),
            (sizes.cumsum(0) - sizes).to(device),
            torch.tensor([list(shape) for shape in shapes], device=device),
            spacing,
            torch.tensor([evidence.resolution for evidence in maps], device=device),
            stack_points(points),
            torch.tensor(map_of, device=device),
            origin,
        )

    def seen_from(self, origin: Tensor) -> DensityGrids:
        """The one map of a job for replicas whose frames put its first inner voxel at ``origin`` (B, 3)."""
        map_of = torch.zeros(len(origin), dtype=torch.int64, device=origin.device)
        return DensityGrids(
            self.channels, self.first, self.shape, self.spacing, self.resolution, self.points, map_of,
            origin.float() - self.spacing[0],
        )  # fmt: skip

    @property
    def present(self) -> Tensor:
        """Whether each example has a map: bool, shape (B,)."""
        return self.map_of >= 0

    def of_example(self, per_map: Tensor) -> Tensor:
        """Rows of a tensor (M, ...) for each example, (B, ...); the first one's where there is no map."""
        return per_map[self.map_of.clamp(min=0)]

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
        shape = self.of_example(self.shape)[:, None]
        at = (x - self.origin[:, None]) / self.of_example(self.spacing)[:, None, None]
        # the border is empty: what lies outside reads it
        at = torch.minimum(at.clamp(min=0.0), (shape - 1).to(at))
        low = torch.minimum(at.floor(), (shape - 2).to(at))
        part = at - low
        low = low.long()
        stride = torch.stack([shape[..., 1] * shape[..., 2], shape[..., 2], torch.ones_like(shape[..., 0])], -1)
        start = (low * stride).sum(-1) + self.of_example(self.first)[:, None]
        sy, sx = stride[..., 1], stride[..., 0]
        values, lines = self.channels[level], []
        px, py, pz = (part[..., i : i + 1] for i in range(3))
        for offset in (0, sy, sx, sx + sy):
            corner = (start + offset).flatten()
            near, far = values.index_select(0, corner).view(*start.shape, -1).chunk(2, -1)
            lines.append(torch.lerp(near, far, pz))
        front, back = torch.lerp(lines[0], lines[1], py), torch.lerp(lines[2], lines[3], py)
        return torch.lerp(front, back, px) * self.present[:, None, None]


def _with_next(values: Tensor) -> Tensor:
    """Channels of each voxel (V, C) and of the one that follows it, (V, 2 C)."""
    return torch.cat([values, values.roll(-1, 0)], -1)
