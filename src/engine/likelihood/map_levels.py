"""A target map at several degrees of blur, for fitting from coarse to fine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import InputError
from ..density.fourier import filtered
from ..density.map import DensityMap
from ..physics.form_factors import B_PER_VARIANCE
from ..physics.grid import Grid

__all__ = ["MapLevel", "blur_map", "prepare_levels"]

_STEPS_PER_RESOLUTION = 3
"""Voxels per resolution that a blurred map keeps."""


@dataclass(frozen=True)
class MapLevel:
    """One blur of the target map.

    Parameters
    ----------
    blur : float
        B in A^2 by which the map was blurred, and the model must be: both are multiplied by
        ``exp(-B k^2 / 4)`` in Fourier space.
    grid : Grid
        Voxels of this level: those of the map, or every second, third ... along each axis.
    values : Tensor, shape (nx, ny, nz)
        The blurred map less its mean over the mask, in map units.
    mask : Tensor, shape (nx, ny, nz)
        Weight of each voxel, 0 to 1.
    mean : float
        Mean of the blurred map over the mask.
    square : float
        Sum of ``mask * values^2``.
    variance : float
        Noise variance of a voxel after the blur, in squared map units.
    independent_fraction : float
        Independent measurements per voxel, at most 1.
    """

    blur: float
    grid: Grid
    values: Tensor
    mask: Tensor
    mean: float
    square: float
    variance: float
    independent_fraction: float

    @cached_property
    def total(self) -> float:
        """Sum of the mask."""
        return float(self.mask.sum(dtype=torch.float64))

    def as_map(self) -> DensityMap:
        """Return the values as a map (on the CPU)."""
        return _density_map(self.values, self.grid)


def blur_map(values: Tensor, grid: Grid, b_factor: float) -> Tensor:
    """Multiply a map by ``exp(-B k^2 / 4)`` in Fourier space.

    Parameters
    ----------
    values : Tensor, shape (nx, ny, nz)
        The map.
    grid : Grid
        Its voxel steps.
    b_factor : float
        B in A^2, not negative.

    Returns
    -------
    Tensor, shape (nx, ny, nz)
    """
    if b_factor == 0:
        return values.clone()
    margin = 4 * math.sqrt(b_factor / B_PER_VARIANCE)
    blurred = filtered(_density_map(values, grid), lambda squared: np.exp(-b_factor * squared / 4), margin)
    return torch.as_tensor(blurred.values).to(values)


def prepare_levels(
    values: Tensor,
    grid: Grid,
    variance: float,
    resolution: float,
    mask: Tensor | None = None,
    blurs: Sequence[float] = (0.0,),
) -> tuple[MapLevel, ...]:
    """Blur a map to each level, with the noise variance and the voxel correlation that go with it.

    Voxels closer than half the resolution are not independent: a map to resolution d carries one
    independent value per (d/2)^3, so a voxel counts as ``min(1, voxel volume / (d/2)^3)``
    measurements. After a blur B the resolution is taken as ``sqrt(d^2 + B/4)`` (where the blur alone
    has fallen to 1/e), and voxels are left out as long as three per resolution remain. Noise is taken
    as white up to 1/d, which leaves of its variance ``3 int_0^1 u^2 exp(-B u^2 / (2 d^2)) du``.

    Parameters
    ----------
    values : Tensor, shape (nx, ny, nz)
        The map.
    grid : Grid
        Its voxel steps.
    variance : float
        Noise variance of a voxel, in squared map units.
    resolution : float
        Resolution d in A.
    mask : Tensor, shape (nx, ny, nz), optional
        Voxel weights 0 to 1, or a bool mask; all voxels if absent.
    blurs : sequence of float
        B of each level in A^2, usually from large to 0.

    Returns
    -------
    tuple of MapLevel

    Raises
    ------
    InputError
        If the mask is empty, or the map is constant or not finite under it.
    ValueError
        If a blur is negative, variance or resolution are not positive, or shapes disagree.
    """
    if min(blurs) < 0 or not variance > 0 or not resolution > 0:
        raise ValueError("blurs must not be negative; variance and resolution must be positive")
    weights = torch.ones_like(values) if mask is None else mask.to(values)
    if tuple(values.shape) != grid.shape or weights.shape != values.shape:
        raise ValueError(f"map {tuple(values.shape)}, mask {tuple(weights.shape)} and grid {grid.shape} differ")
    used = values[weights > 0]
    if used.numel() == 0:
        raise InputError("The mask holds no voxel of the map; check that map, mask and model overlap.")
    if not bool(torch.isfinite(used).all()) or bool(used.max() == used.min()):
        raise InputError("The map is constant, or not finite, where the model is to be fitted.")
    return tuple(_level(values, grid, variance, resolution, weights, blur) for blur in blurs)


def _level(values: Tensor, grid: Grid, variance: float, resolution: float, mask: Tensor, blur: float) -> MapLevel:
    blurred_resolution = math.sqrt(resolution**2 + blur / 4)
    longest = blurred_resolution / _STEPS_PER_RESOLUTION
    sx, sy, sz = (max(1, math.floor(longest / step)) if blur > 0 else 1 for step in grid.spacing)
    kept = blur_map(values, grid, blur)[::sx, ::sy, ::sz].contiguous()
    weights = mask[::sx, ::sy, ::sz].contiguous()
    nx, ny, nz = kept.shape
    dx, dy, dz = grid.spacing
    coarse = Grid(grid.origin, (dx * sx, dy * sy, dz * sz), (nx, ny, nz))
    total = weights.sum(dtype=torch.float64).clamp_min(1e-6)
    mean = float((weights * kept).sum(dtype=torch.float64) / total)
    kept = kept - mean
    u = (np.arange(1000) + 0.5) / 1000
    left = float(np.average(np.exp(-blur * u**2 / (2 * resolution**2)), weights=u**2))
    return MapLevel(
        blur=blur,
        grid=coarse,
        values=kept,
        mask=weights,
        mean=mean,
        square=float((weights * kept**2).sum(dtype=torch.float64)),
        variance=variance * left,
        independent_fraction=min(1.0, coarse.voxel_volume / (blurred_resolution / 2) ** 3),
    )


def _density_map(values: Tensor, grid: Grid) -> DensityMap:
    return DensityMap(values.detach().cpu().numpy(), np.array(grid.origin), np.diag(grid.spacing))
