"""How fine the detail in a map is: Fourier shell correlation, and an estimate without half maps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ..contract.errors import InputError
from .blank import blank_voxels, is_masked, taper_weights
from .fourier import Shells, padded, shells
from .map import DensityMap

__all__ = [
    "Fsc",
    "ResolutionEstimate",
    "amplitude_spectrum",
    "estimate_resolution",
    "fourier_shell_correlation",
    "half_map_resolution",
]

PAD = (8, 8, 8)
TAPER_VOXELS = 3.0
LEAST_POINTS = 12
LOWEST_FREQUENCY = 1 / 15
CLIFF_SLOPE = -15.0
EDGE_SLOPE = -9.0
FLAT_SLOPE = -2.0
LEAST_SHARED = 0.99
"""Part of what is blank in either half that is blank in both where one mask was applied to them."""
NEAR_NYQUIST = 1.1
"""Times the finest detail that voxels can hold: half maps that agree to there have not shown where they stop to."""


@dataclass(frozen=True)
class Fsc:
    """Fourier shell correlation.

    Parameters
    ----------
    frequency : ndarray of float64, shape (S,)
        |s| of the shells in 1/A, increasing.
    correlation : ndarray of float64, shape (S,)
        Re sum F_a conj(F_b) / sqrt(sum |F_a|^2 sum |F_b|^2) per shell.
    count : ndarray of float64, shape (S,)
        Fourier coefficients per shell.
    """

    frequency: NDArray[np.float64]
    correlation: NDArray[np.float64]
    count: NDArray[np.float64]

    def resolution(self, threshold: float = 0.143) -> float:
        """Where the curve first falls below `threshold`, in angstrom; Nyquist if it never does."""
        below = np.flatnonzero(self.correlation < threshold)
        if len(below) == 0:
            return 1.0 / float(self.frequency[-1])
        j = int(below[0])
        if j == 0:
            return 1.0 / float(self.frequency[0])
        high, low = self.correlation[j - 1], self.correlation[j]
        part = (high - threshold) / (high - low)
        return 1.0 / float(self.frequency[j - 1] + part * (self.frequency[j] - self.frequency[j - 1]))


@dataclass(frozen=True)
class ResolutionEstimate:
    """A resolution in angstrom and how it was found.

    Parameters
    ----------
    value : float
        Resolution in angstrom.
    method : {"half maps", "cutoff", "noise floor", "fall-off"}
        See `estimate_resolution`.
    relative_error : float
        Typical relative error of that method.
    warnings : tuple of str
        What makes it doubtful, one sentence each.
    """

    value: float
    method: Literal["half maps", "cutoff", "noise floor", "fall-off"]
    relative_error: float
    warnings: tuple[str, ...] = ()


def fourier_shell_correlation(map_a: DensityMap, map_b: DensityMap, mask: NDArray[np.floating] | None = None) -> Fsc:
    """Fourier shell correlation of two maps on the same grid (Harauz and van Heel, 1986).

    Parameters
    ----------
    map_a, map_b : DensityMap
        Shape (nx, ny, nz) each.
    mask : ndarray, shape (nx, ny, nz), optional
        Weights between 0 and 1 for both maps; it should have soft edges, or it correlates the maps.

    Raises
    ------
    InputError
        If the grids differ.
    """
    if not map_a.same_grid(map_b):
        raise InputError("The two maps are on different grids; give half maps of the same reconstruction.")
    weights = np.float32(1) if mask is None else mask.astype(np.float32)
    box_a, box_b = (padded(m.values * weights, PAD) for m in (map_a, map_b))
    f_a, f_b = fft.rfftn(box_a), fft.rfftn(box_b)
    groups = shells((box_a.shape[0], box_a.shape[1], box_a.shape[2]), map_a.axes)
    cross = groups.mean((f_a * f_b.conj()).real)
    power = groups.mean(np.abs(f_a) ** 2) * groups.mean(np.abs(f_b) ** 2)
    correlation = np.divide(cross, np.sqrt(power), out=np.zeros_like(cross), where=power > 0)
    return Fsc(groups.frequency, np.clip(correlation, -1.0, 1.0), groups.count)


def half_map_resolution(half_a: DensityMap, half_b: DensityMap) -> ResolutionEstimate:
    """Resolution at FSC = 0.143 of two half maps (Rosenthal and Henderson, 2003).

    Measured on the whole box, so up to a fifth more pessimistic than a masked value where the molecule
    fills little of it; parts blank in either half are left out with a soft edge. A mask that both halves share makes
    them agree where the data do not; that, and agreement up to Nyquist, is told in the ``warnings``.

    Raises
    ------
    InputError
        If the half maps are on different grids, the same map twice, or do not resemble each other.
    """
    value, masked_alike = _compare_halves(half_a, half_b)
    warnings: tuple[str, ...] = ()
    if masked_alike:
        warnings = (
            "Both half maps are blank outside of one mask, which makes them agree where the data do not, so that "
            f"{value:.1f} A from them may be too fine; give half maps without a mask, or --resolution.",
        )
    elif value < NEAR_NYQUIST * _finest(half_a):
        warnings = (
            f"The half maps agree up to the finest detail that their voxels can hold ({value:.1f} A); if they were "
            "masked or filtered together, give --resolution.",
        )
    return ResolutionEstimate(value, "half maps", 0.05, warnings)


def _compare_halves(half_a: DensityMap, half_b: DensityMap) -> tuple[float, bool]:
    """Resolution at FSC = 0.143 in angstrom, and whether one mask was applied to both halves."""
    if not half_a.same_grid(half_b):
        raise InputError("The half maps are on different grids; give both halves of one reconstruction.")
    if np.array_equal(half_a.values, half_b.values):
        raise InputError("The two half maps are identical; give both halves of the data.")
    blank_a, blank_b = blank_voxels(half_a), blank_voxels(half_b)
    blank = blank_a | blank_b
    width = TAPER_VOXELS * float(half_a.voxel_size.max())
    curve = fourier_shell_correlation(half_a, half_b, taper_weights(half_a, blank, width))
    if curve.correlation[: max(3, len(curve.correlation) // 10)].max() < 0.143:
        raise InputError("The half maps do not resemble each other at any resolution; check the files.")
    shared = np.count_nonzero(blank_a & blank_b) > LEAST_SHARED * np.count_nonzero(blank)
    return curve.resolution(), bool(shared) and is_masked(half_a, blank)


def _finest(map: DensityMap) -> float:
    """Finest detail that a map's voxels can hold, in angstrom."""
    return 2.0 * float(map.voxel_size.max())


def amplitude_spectrum(map: DensityMap) -> tuple[Shells, NDArray[np.float64]]:
    """Shells and mean |F|^2 in each, (S,), blank surroundings softened away.

    F is the sum over voxels of weighted density times the phase factor, in map units.
    """
    weights = taper_weights(map, blank_voxels(map), TAPER_VOXELS * float(map.voxel_size.max()))
    box = padded(map.values * weights, PAD)
    groups = shells((box.shape[0], box.shape[1], box.shape[2]), map.axes)
    return groups, groups.mean(np.abs(fft.rfftn(box)) ** 2)


def estimate_resolution(map: DensityMap, half_maps: tuple[DensityMap, DensityMap] | None = None) -> ResolutionEstimate:
    """Resolution of a map, in angstrom.

    With half maps: `half_map_resolution`, unless a mask that both share makes them agree up to Nyquist, which says
    nothing. Without, from the mean power P(s) in resolution shells, the first of these that applies:

    - *cutoff*: published maps are filtered to their resolution; where the slope d ln P / d ln s is
      steepest and below -15 (below -9 if there is no noise floor either), that is where. On five real
      maps of 1.75 to 3.9 A: within 10 % of the published value on four, 25 % too coarse on one whose
      cutoff is faint; within 10 % on the same maps filtered to 3 to 8 A.
    - *noise floor*: the outermost spectrum is flat; the resolution is where P falls to 4/3 of it, which
      is FSC = 0.143 between the halves of such a map. Within 22 % on simulated maps.
    - *fall-off*: neither, as in simulated maps; with P falling as exp(-B s^2 / 2), the resolution is
      sqrt(B) / 2, where amplitudes have fallen to 1/e (the convention of ChimeraX's ``molmap``). Within
      15 % on noise-free maps simulated at 2 to 4 A; up to a factor of 1.9 too coarse beyond 4 A and
      on unfiltered maps whose noise is just not visible: give the resolution there.

    Parameters
    ----------
    map : DensityMap
        The map.
    half_maps : pair of DensityMap, optional
        Unfiltered half maps.

    Raises
    ------
    InputError
        As `half_map_resolution`; or if the map has too few voxels to tell.
    """
    if half_maps is not None:
        value, masked_alike = _compare_halves(*half_maps)
        if not (masked_alike and value < NEAR_NYQUIST * _finest(half_maps[0])):
            return half_map_resolution(*half_maps)
        reason = (
            "Both half maps are blank outside of one mask, which makes them agree up to the finest detail that their "
            "voxels can hold, so the resolution was estimated from the map alone; give half maps without a mask, or "
            "--resolution."
        )
        return replace(estimate_resolution(map), warnings=(reason,))
    groups, power = amplitude_spectrum(map)
    used = power > 0
    s, log_power, count = groups.frequency[used], np.log(power[used]), groups.count[used]
    if len(s) < 8 or min(map.shape) < LEAST_POINTS:
        raise InputError("The map is too small to estimate its resolution; give it.")
    slope, where = _steepest(s, log_power, count)
    if slope < CLIFF_SLOPE:
        return ResolutionEstimate(1.0 / where, "cutoff", 0.1)
    outer = s > 0.85 * s[-1]
    if outer.sum() >= 3 and _slope(np.log(s[outer]), log_power[outer], count[outer]) > FLAT_SLOPE:
        floor = float(np.average(log_power[outer], weights=count[outer]))
        above = np.flatnonzero(log_power > floor + np.log(4 / 3))
        if len(above):
            return ResolutionEstimate(1.0 / float(s[above[-1]]), "noise floor", 0.2)
    if slope < EDGE_SLOPE:
        return ResolutionEstimate(1.0 / where, "cutoff", 0.25)
    return ResolutionEstimate(_fall_off(s, log_power, count), "fall-off", 0.5)


def _slope(x: NDArray[Any], y: NDArray[Any], weight: NDArray[Any]) -> float:
    x_mean, y_mean = np.average(x, weights=weight), np.average(y, weights=weight)
    return float((weight * (x - x_mean) * (y - y_mean)).sum() / (weight * (x - x_mean) ** 2).sum())


def _steepest(s: NDArray[Any], log_power: NDArray[Any], count: NDArray[Any]) -> tuple[float, float]:
    """Most negative d ln P / d ln s (fitted over 6 % or two shells to either side), and its frequency."""
    log_s = np.log(s)
    best = (0.0, float(s[-1]))
    for i in range(1, len(s) - 1):
        reach = max(0.06, 1.05 * (log_s[i + 1] - log_s[i - 1]))
        window = np.abs(log_s - log_s[i]) < reach
        if s[i] < LOWEST_FREQUENCY or window.sum() < 4 or log_s[i] + 0.9 * reach > log_s[-1]:
            continue
        slope = _slope(log_s[window], log_power[window], count[window])
        if slope < best[0]:
            best = (slope, float(s[i]))
    return best


def _fall_off(s: NDArray[Any], log_power: NDArray[Any], count: NDArray[Any]) -> float:
    """Self-consistent d = sqrt(B) / 2, B fitted between 2.5 d and 0.8 d."""
    finest = 1.0 / float(s[-1])
    d = 2 * finest
    for _ in range(12):
        window = (s > 1 / (2.5 * d)) & (s < 1 / (0.8 * d))
        if window.sum() < 4:
            break
        b_factor = -2.0 * _slope(s[window] ** 2, log_power[window], count[window])
        d = 0.5 * d + 0.5 * max(np.sqrt(max(b_factor, 0.0)) / 2, finest)
    return float(d)
