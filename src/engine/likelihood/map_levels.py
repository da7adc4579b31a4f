"""A target map at several degrees of blur, for fitting from coarse to fine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..physics.form_factors import B_PER_VARIANCE
from ..physics.grid import Grid

__all__ = ["MapLevel", "blur_map", "prepare_levels"]


@dataclass(frozen=True)
class MapLevel:
    """One blur of the target map.

    Parameters
    ----------
    blur : float
        B in A^2 by which the map was blurred, and the model must be: both are multiplied by
        ``exp(-B k^2 / 4)`` in Fourier space.
    values : Tensor, shape (nx, ny, nz)
        The blurred map, in map units.
    variance : float
        Noise variance of a voxel after the blur, in squared map units.
    independent_fraction : float
        Independent measurements per voxel, at most 1.
    """

    blur: float
    values: Tensor
    variance: float
    independent_fraction: float


def blur_map(values: Tensor, grid: Grid, b_factor: float) -> Tensor:
    """Multiply a map by ``exp(-B k^2 / 4)`` in Fourier space, its border values continued outwards.

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
    sigma = math.sqrt(b_factor / B_PER_VARIANCE)
    pads = [math.ceil(4 * sigma / step) for step in grid.spacing]
    widths = [pad for pad in reversed(pads) for _ in range(2)]
    padded = torch.nn.functional.pad(values[None, None], widths, mode="replicate")[0, 0]
    transform = torch.fft.rfftn(padded)
    for axis, step in enumerate(grid.spacing):
        frequencies = torch.fft.rfftfreq if axis == 2 else torch.fft.fftfreq
        k = frequencies(padded.shape[axis], step, device=values.device, dtype=values.dtype)
        shape = [1, 1, 1]
        shape[axis] = -1
        transform *= torch.exp(-b_factor * k**2 / 4).reshape(shape)
    blurred = torch.fft.irfftn(transform, s=padded.shape)
    inner = tuple(slice(pad, pad + n) for pad, n in zip(pads, grid.shape, strict=True))
    return blurred[inner].contiguous()


def prepare_levels(
    values: Tensor, grid: Grid, variance: float, resolution: float, blurs: Sequence[float] = (0.0,)
) -> tuple[MapLevel, ...]:
    """Blur a map to each level, with the noise variance and the voxel correlation that go with it.

    Voxels closer than half the resolution are not independent: a map to resolution d carries one
    independent value per (d/2)^3, so a voxel counts as ``min(1, voxel volume / (d/2)^3)``
    measurements. After a blur B the resolution is taken as ``sqrt(d^2 + B/4)`` (where the blur alone
    has fallen to 1/e). Noise is taken as white up to 1/d, which leaves of its variance the fraction
    ``3 int_0^1 u^2 exp(-B u^2 / (2 d^2)) du``.

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
    blurs : sequence of float
        B of each level in A^2, usually from large to 0.

    Returns
    -------
    tuple of MapLevel

    Raises
    ------
    ValueError
        If a blur is negative, or variance or resolution are not positive.
    """
    if min(blurs) < 0 or variance <= 0 or resolution <= 0:
        raise ValueError("blurs must not be negative; variance and resolution must be positive")
    u = (np.arange(1000) + 0.5) / 1000
    levels = []
    for blur in blurs:
        left = float(np.mean(3 * u**2 * np.exp(-blur * u**2 / (2 * resolution**2))))
        cell = (resolution**2 + blur / 4) ** 1.5 / 8
        fraction = min(1.0, grid.voxel_volume / cell)
        levels.append(MapLevel(blur, blur_map(values, grid, blur), variance * left, fraction))
    return tuple(levels)
