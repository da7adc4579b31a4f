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
from .resolution import amplitude_spectrum

__all__ = ["GuinierFit", "RelativeSharpness", "guinier_fit", "relative_sharpness"]

PAD = (8, 8, 8)
TAPER_VOXELS = 3.0
LEAST_SHELLS = 4
LEAST_CORRELATION = 0.1


@dataclass(frozen=True)
class GuinierFit:
    """Straight line through ln of the mean amplitude against s^2.

    Parameters
    ----------
    b_factor : float
        B in A^2, with amplitudes falling as exp(-B s^2 / 4); about 0 or below for a sharpened map.
    intercept : float
        ln amplitude at s = 0.
    correlation : float
        Pearson correlation of the fitted points with the line (negative for a falling one).
    low, high : float
        Resolution range fitted, in angstrom.
    """

    b_factor: float
    intercept: float
    correlation: float
    low: float
    high: float


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


def guinier_fit(map: DensityMap, resolution: float, low: float = 10.0) -> GuinierFit:
    """Global B-factor of a map: ``ln sqrt(mean |F|^2) = c - B s^2 / 4`` (Rosenthal and Henderson, 2003).

    Fitted from `low` to `resolution`, shells weighted by their number of coefficients. Proteins have a
    dip around 6 A and a rise at 4.5 A, so that B is uncertain by tens of A^2 where the range is
    short; for maps coarser than 7 A the fit starts at 1.5 times the resolution or more and says little.

    Parameters
    ----------
    map : DensityMap
        The map.
    resolution : float
        In angstrom.
    low : float
        Coarse end of the range in angstrom.

    Raises
    ------
    InputError
        If the range holds fewer than four shells of this map.
    """
    if not (resolution > 0 and math.isfinite(resolution)):
        raise InputError(f"The resolution must be a positive number of angstrom, not {resolution}.")
    low = max(low, 1.5 * resolution)
    groups, power = amplitude_spectrum(map)
    s = groups.frequency
    used = (s >= 1 / low) & (s <= 1 / resolution) & (power > 0)
    if used.sum() < LEAST_SHELLS:
        raise InputError(
            f"The map is too small or its voxels are too large to measure its sharpness at {resolution:g} A."
        )
    x, y, w = s[used] ** 2, 0.5 * np.log(power[used]), groups.count[used]
    slope, intercept, correlation = _weighted_line(x, y, w)
    return GuinierFit(-4 * slope, intercept, correlation, low, resolution)


def relative_sharpness(
    map: DensityMap, model: NDArray[np.floating], resolution: float, low: float = 12.0
) -> RelativeSharpness:
    """Blur and scale between a map and a density computed from a model on the same grid.

    Fits ``ln(A_map / A_model) = ln k - Delta B s^2 / 4`` over resolution shells, A being root mean
    square amplitudes. Each shell weighs as many coefficients as it has times its map-model Fourier
    shell correlation squared, and shells below 0.1 are left out: there the map is noise or the model
    wrong. The factor is amplitude, not projection, so that errors of the model's coordinates do not
    pass for blur; noise in the map makes Delta B slightly too low. A model that misses a fraction f of
    the density gives k too large by about 1 / sqrt(1 - f).

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
        If map and model do not agree in enough shells.
    """
    if model.shape != map.shape:
        raise ValueError(f"a model density of shape {model.shape} does not fit a map of shape {map.shape}")
    width = TAPER_VOXELS * float(map.voxel_size.max())
    weights = taper_weights(map, blank_voxels(map), width)
    box_map = padded(map.values * weights, PAD)
    box_model = padded(model.astype(np.float32) * weights, PAD)
    f_map, f_model = fft.rfftn(box_map), fft.rfftn(box_model)
    groups = shells((box_map.shape[0], box_map.shape[1], box_map.shape[2]), map.axes)
    p_map, p_model = groups.mean(np.abs(f_map) ** 2), groups.mean(np.abs(f_model) ** 2)
    cross = groups.mean((f_map * f_model.conj()).real)
    product = p_map * p_model
    correlation = np.divide(cross, np.sqrt(product), out=np.zeros_like(cross), where=product > 0)
    s = groups.frequency
    used = (s >= 1 / max(low, 1.5 * resolution)) & (s <= 1 / resolution) & (correlation > LEAST_CORRELATION)
    if used.sum() < LEAST_SHELLS:
        raise InputError(
            "Map and model do not agree at any resolution, so the map's sharpness cannot be measured; "
            "check that the model is docked into this map."
        )
    weight = groups.count[used] * correlation[used] ** 2
    slope, intercept, _ = _weighted_line(s[used] ** 2, 0.5 * np.log(p_map[used] / p_model[used]), weight)
    mean = float(np.average(correlation[used], weights=weight))
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
