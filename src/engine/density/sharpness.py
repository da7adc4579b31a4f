"""How fast a map's amplitudes fall with resolution, absolutely and against a model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ..contract.errors import InputError
from .blank import blank_voxels, taper_weights
from .fourier import padded, shells
from .map import DensityMap

__all__ = ["RelativeSharpness", "relative_sharpness"]

PAD = (8, 8, 8)
TAPER_VOXELS = 3.0
LEAST_SHELLS = 4
LEAST_CORRELATION = 0.1
_NEARLY_ALL = 1.15
"""Limit of agreement, in units of the resolution, to which shells are chosen by their agreement. Models bent by 2 A
agree to 1.1 to 2 times the resolution, and what remains there gave B up to 60 A^2 too low; all shells gave it within
5 A^2, and within 20 A^2 for models bent by 4 A."""


@dataclass(frozen=True)
class RelativeSharpness:
    """What has to be done to a model's density to have the amplitudes of a map.

    Parameters
    ----------
    b_factor : float
        Delta B in A^2: blur the model by exp(-Delta B s^2 / 4), or add it to its atomic B-factors.
        Negative if the map is sharper than the model.
    scale : float
        Factor k on the model's density.
    correlation : float
        Mean Fourier shell correlation of map and model over the shells used, by their weights.
    shells_used : int
        How many resolution shells entered.
    """

    b_factor: float
    scale: float
    correlation: float
    shells_used: int


def relative_sharpness(
    map: DensityMap, model: NDArray[np.floating], resolution: float, low: float = 12.0
) -> RelativeSharpness:
    """Blur and scale between a map and a density computed from a model on the same grid.

    Fits ``ln(A_map / A_model) = ln k - Delta B s^2 / 4`` over resolution shells, A being root mean
    square amplitudes. Each shell weighs as many coefficients as it has times its map-model Fourier
    shell correlation squared, and shells below 0.1 are left out: there the map is noise. The factor is
    amplitude, not projection, so that errors of the model's coordinates do not pass for blur; noise in the
    map makes Delta B slightly too low. A model that misses a fraction f of the density gives k too large by
    about 1 / sqrt(1 - f).

    A bent or misplaced model has the amplitudes of the right one, but agrees with the map at low resolution
    only, where solvent and masks have their part. So if the agreement ends far from the resolution, all shells
    count alike.

    Parameters
    ----------
    map : DensityMap
        The map, shape (nx, ny, nz).
    model : ndarray, shape (nx, ny, nz)
        Density of the model at the map's grid points, in any units, without any mask.
    resolution : float
        In angstrom; nothing finer is used.
    low : float
        Nothing coarser is used, in angstrom: solvent and masks rule there.

    Raises
    ------
    InputError
        If there are not enough shells.
    """
    if model.shape != map.shape:
        raise ValueError(f"a model density of shape {model.shape} does not fit a map of shape {map.shape}")
    width = TAPER_VOXELS * float(map.voxel_size.max())
    weights = taper_weights(map, blank_voxels(map), width)
    box_map = padded(map.values * weights, PAD)
    box_model = padded(model.astype(np.float32) * weights, PAD)
    # in double precision: maps have any units, and squares of sharpened noise must be numbers
    f_map, f_model = fft.rfftn(box_map.astype(np.float64)), fft.rfftn(box_model.astype(np.float64))
    groups = shells((box_map.shape[0], box_map.shape[1], box_map.shape[2]), map.axes)
    p_map, p_model = groups.mean(np.abs(f_map) ** 2), groups.mean(np.abs(f_model) ** 2)
    cross = groups.mean((f_map * f_model.conj()).real)
    product = p_map * p_model
    correlation = np.divide(cross, np.sqrt(product), out=np.zeros_like(cross), where=product > 0)
    s = groups.frequency
    band = (s >= 1 / max(low, 1.5 * resolution)) & (s <= 1 / resolution) & (product > 0)
    if band.sum() < LEAST_SHELLS:
        raise InputError(
            f"The map is too small to measure its sharpness to {resolution:.1f} A; check 'resolution' and voxel size."
        )
    used = band & (correlation > LEAST_CORRELATION)
    weight = groups.count * correlation**2
    if used.sum() < LEAST_SHELLS or s[used].max() * _NEARLY_ALL < s[band].max():
        used, weight = band, groups.count.astype(np.float64)
    chosen = weight[used]
    slope, intercept, _ = _weighted_line(s[used] ** 2, 0.5 * np.log(p_map[used] / p_model[used]), chosen)
    mean = float(np.average(correlation[used], weights=chosen))
    return RelativeSharpness(-4 * slope, math.exp(intercept), mean, int(used.sum()))


def _weighted_line(
    x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Slope, intercept and correlation of a weighted least-squares line."""
    x_mean, y_mean = float(np.average(x, weights=weight)), float(np.average(y, weights=weight))
    xx = float(np.average((x - x_mean) ** 2, weights=weight))
    yy = float(np.average((y - y_mean) ** 2, weights=weight))
    xy = float(np.average((x - x_mean) * (y - y_mean), weights=weight))
    slope = xy / xx
    return slope, y_mean - slope * x_mean, xy / math.sqrt(xx * yy) if yy > 0 else 0.0
