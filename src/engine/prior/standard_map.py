"""A map as priors see it: in units of its own contrast, at a sharpness that belongs to its resolution."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .evidence import DensityEvidence

__all__ = ["BLURS", "EMPTY", "SPACING", "occupied", "soft_end", "splat", "standard_b", "standard_map"]

BLURS = (0.0, 120.0, 500.0)
"""B in A^2 of the levels: positional spreads of 0, 1.2 and 2.5 A, for cubes of points 1, 2 and 4.5 A apart
(compared in a prototype with one level: sharper detail and further sight at once)."""

SPACING = 1.0
"""Step of the grid in angstrom: Nyquist at 2 A, which is where tracing a chain stops to gain from detail."""

EMPTY = -2.5
"""Value in standard units of places without density, where a map ends or its density is explained. Solvent
of ordinary maps lies between -3 and -1.5 of their standard deviations near the backbone."""

_SPLAT_B = 110.0
"""B in A^2 of the Gaussian that marks a place: 1.2 A wide, so that bonded atoms merge into one tube."""
_LEAST_SPREAD = 1e-6


def standard_b(resolution: float) -> float:
    """Mean B-factor in A^2 at which maps of a resolution d are shown, 8 d^2.

    Amplitudes have then fallen to exp(-2) at d: as sharp as can be without ripples.
    """
    return 8.0 * resolution**2


def soft_end(s2: Tensor, resolution: float) -> Tensor:
    """Factors that end a transform softly at a resolution d: 1 below 0.9 / d, 0 above 1.1 / d.

    Parameters
    ----------
    s2 : Tensor
        |s|^2 in 1/A^2 of each coefficient.
    resolution : float
        In angstrom.
    """
    position = ((s2.sqrt() * resolution - 0.9) / 0.2).clamp(0.0, 1.0)
    return 0.5 * (1.0 + torch.cos(math.pi * position))


def splat(points: Tensor, shape: tuple[int, int, int], weights: Tensor | None = None) -> Tensor:
    """Points marked on a grid, by trilinear shares; points outside are left out.

    Parameters
    ----------
    points : Tensor, shape (M, 3)
        In voxels.
    shape : tuple of int
        Of the grid (nx, ny, nz).
    weights : Tensor, shape (M,), optional
        Of each point; 1 by default.

    Returns
    -------
    Tensor, shape (nx, ny, nz)
        Sum of the weights, spread over the eight voxels around each point.
    """
    nx, ny, nz = shape
    field = points.new_zeros(nx * ny * nz)
    low = points.floor()
    part = points - low
    low = low.long()
    sizes = torch.tensor(shape, device=points.device)
    inside = ((low >= 0) & (low < sizes - 1)).all(-1)
    low, part = low[inside], part[inside]
    weight = low.new_ones(len(low)).to(points) if weights is None else weights[inside]
    first = (low[:, 0] * ny + low[:, 1]) * nz + low[:, 2]
    for i in (0, 1):
        for j in (0, 1):
            for k in (0, 1):
                share = torch.ones_like(weight)
                for axis, upper in enumerate((i, j, k)):
                    share = share * (part[:, axis] if upper else 1 - part[:, axis])
                field.index_add_(0, first + (i * ny + j) * nz + k, share * weight)
    return field.view(shape)


def frequency_squared(shape: tuple[int, int, int], spacing: float, device: torch.device) -> Tensor:
    """|s|^2 in 1/A^2 of each coefficient of a real transform, shape (nx, ny, nz // 2 + 1)."""
    x, y = (torch.fft.fftfreq(n, spacing, device=device) for n in shape[:2])
    z = torch.fft.rfftfreq(shape[2], spacing, device=device)
    result: Tensor = x[:, None, None] ** 2 + y[None, :, None] ** 2 + z[None, None] ** 2
    return result


def occupied(points: Tensor, shape: tuple[int, int, int], spacing: float, s2: Tensor | None = None) -> Tensor:
    """From 0 to 1: how near each voxel is to one of the points; 1 at a point, 0.1 at 2.5 A from a single one.

    Parameters
    ----------
    points : Tensor, shape (M, 3)
        In voxels.
    shape, spacing
        Of the grid; the spacing in angstrom.
    s2 : Tensor, optional
        `frequency_squared` of the grid, if it is at hand.

    Returns
    -------
    Tensor, shape (nx, ny, nz)
    """
    s2 = frequency_squared(shape, spacing, points.device) if s2 is None else s2
    peak = (spacing**2 * 4 * math.pi / _SPLAT_B) ** 1.5
    spectrum = torch.fft.rfftn(splat(points, shape)) * torch.exp(-0.25 * _SPLAT_B * s2)
    result: Tensor = (torch.fft.irfftn(spectrum, s=shape) / peak).clamp(0.0, 1.0)
    return result


def standard_map(
    spectrum: Tensor,
    shape: tuple[int, int, int],
    origin: Tensor,
    spacing: float,
    resolution: float,
    model: Tensor,
    known: Tensor,
) -> DensityEvidence:
    """Evidence from the transform of a map that has `standard_b` and ends at its resolution.

    Each level is shifted and scaled so that its mean is 0 and its standard deviation 1 over the voxels
    near the model's backbone. These lie inside any mask or zone, so a whole map, a cut one and a masked one
    of the same protein give the same values there, whatever their units and offsets.

    Parameters
    ----------
    spectrum : Tensor, shape (nx, ny, nz // 2 + 1)
        ``torch.fft.rfftn`` of the map.
    shape : tuple of int
        Of the grid.
    origin : Tensor, shape (3,)
        Position of voxel (0, 0, 0), in angstrom.
    spacing : float
        Step along each axis, in angstrom.
    resolution : float
        In angstrom.
    model : Tensor, shape (M, 3)
        Backbone atoms that are near the truth, in angstrom: the ruler.
    known : Tensor, shape (K, 3)
        Atoms whose places are known, in angstrom: their density is explained. May be empty.

    Returns
    -------
    DensityEvidence
    """
    s2 = frequency_squared(shape, spacing, spectrum.device)
    weight = occupied((model - origin) / spacing, shape, spacing, s2)
    total = weight.sum().clamp(min=1.0)
    levels = []
    for blur in BLURS:
        values = torch.fft.irfftn(spectrum * torch.exp(-0.25 * blur * s2) if blur else spectrum, s=shape)
        mean = (weight * values).sum() / total
        spread = ((weight * (values - mean).square()).sum() / total).sqrt()
        levels.append((values - mean) / spread.clamp(min=_LEAST_SPREAD * values.abs().amax().clamp(min=1e-30)))
    taken = occupied((known - origin) / spacing, shape, spacing, s2) if len(known) else torch.zeros_like(weight)
    return DensityEvidence(torch.stack(levels), taken, origin, spacing, resolution)
