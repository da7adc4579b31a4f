"""How noisy a map is: from its half maps, or from where the molecule is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from ..contract.errors import InputError
from .blank import LEAST_FRACTION, blank_voxels, filling_value, taper_weights
from .fourier import shells
from .map import DensityMap
from .neighbourhood import near
from .resample import resample_like

__all__ = ["NoiseModel", "estimate_noise", "noise_from_half_maps", "noise_from_solvent"]

TAPER_VOXELS = 3.0
LEAST_VOXELS = 500
SMALLEST_FRACTION = 0.05
MOST_VALUES = 2**21
MAD_TO_SIGMA = 1.482602218505602
LEAST_BELOW = 1e-3
"""Share of what is not blank that lies below the filling where noise can be seen. Noise has both signs: four
experimental zone cuts and masked maps have 0.015 to 0.5, thresholded, simulated and learned-sharpened ones none."""
ROUNDING = 12**-0.5
"""Standard deviation of what rounding to whole numbers takes away."""


@dataclass(frozen=True)
class NoiseModel:
    """Standard deviation of the noise of a map, in its units.

    Parameters
    ----------
    sigma : float
        Per voxel in real space; always positive.
    frequency, shell_sigma : ndarray of float64, shape (S,), or None
        |s| in 1/A of resolution shells, and the noise in each as sqrt(mean |N(s)|^2 / n) over n voxels,
        with N the plain sum over voxels: white noise of standard deviation sigma has shell_sigma =
        sigma everywhere. None where only `sigma` is known.
    method : {"half maps", "solvent", "low density", "floor"}
        Where it comes from.
    """

    sigma: float
    frequency: NDArray[np.float64] | None
    shell_sigma: NDArray[np.float64] | None
    method: Literal["half maps", "solvent", "low density", "floor"]

    def at(self, frequency: ArrayLike) -> NDArray[np.float64]:
        """Shell sigma at any |s| in 1/A: interpolated, constant beyond the ends; `sigma` without shells."""
        wanted = np.asarray(frequency, dtype=np.float64)
        if self.frequency is None or self.shell_sigma is None:
            return np.full(wanted.shape, self.sigma)
        return np.interp(wanted, self.frequency, self.shell_sigma)


def estimate_noise(
    map: DensityMap,
    half_maps: tuple[DensityMap, DensityMap] | None = None,
    points: ArrayLike | None = None,
) -> NoiseModel:
    """Noise of a map: `noise_from_half_maps` if there are any, else `noise_from_solvent`."""
    if half_maps is not None:
        return noise_from_half_maps(*half_maps, full=map)
    return noise_from_solvent(map, points)


def noise_from_half_maps(half_a: DensityMap, half_b: DensityMap, full: DensityMap | None = None) -> NoiseModel:
    """Noise per resolution shell, from the difference of two half maps.

    The mean of the halves has noise power <|F_a - F_b|^2> / 4. The map that is used has usually been
    sharpened and filtered: given as `full`, the noise of each shell is multiplied by the ratio of its
    amplitudes to those of the mean of the halves, which is what the filter did to it. Regions blank in
    any map are left out with soft edges.

    Parameters
    ----------
    half_a, half_b : DensityMap
        Unfiltered half maps, on one grid.
    full : DensityMap, optional
        The map that the noise is wanted for; the halves are brought onto its grid.

    Raises
    ------
    InputError
        If the halves are on different grids, identical, or do not overlap with `full`.
    """
    if not half_a.same_grid(half_b):
        raise InputError("The half maps are on different grids; give both halves of one reconstruction.")
    if np.array_equal(half_a.values, half_b.values):
        raise InputError("The two half maps are identical; give both halves of the data.")
    if full is not None and not full.same_grid(half_a):
        half_a, half_b = resample_like(half_a, full), resample_like(half_b, full)
    blank = blank_voxels(half_a) | blank_voxels(half_b)
    if full is not None:
        blank |= blank_voxels(full)
    difference = 0.5 * (half_a.values - half_b.values)
    if not difference[~blank].any():
        raise InputError("The half maps and the map do not overlap; check that they belong together.")
    width = TAPER_VOXELS * float(half_a.voxel_size.max())
    weights = taper_weights(half_a, blank, width)
    # No padding: continuing noise beyond the box would add power that is not there.
    groups = shells(half_a.shape, half_a.axes)
    scale = float(np.square(weights, dtype=np.float64).sum())
    power = groups.mean(np.abs(fft.rfftn(difference * weights)) ** 2) / scale
    if full is not None:
        mean = 0.5 * (half_a.values + half_b.values)
        of_mean = groups.mean(np.abs(fft.rfftn(mean * weights)) ** 2)
        of_full = groups.mean(np.abs(fft.rfftn(full.values * weights)) ** 2)
        power = power * np.divide(of_full, of_mean, out=np.zeros_like(power), where=of_mean > 0)
    # Beyond the last shell (the corners of the transform) noise goes on as in the last shell.
    spectrum = groups.spread(power, float(power[-1]))
    sigma = float(np.sqrt((groups.weight * spectrum).sum() / groups.weight.sum()))
    least = SMALLEST_FRACTION * float((full or half_a).values[~blank].std(dtype=np.float64))
    return NoiseModel(max(sigma, least), groups.frequency, np.sqrt(power), "half maps")


def noise_from_solvent(map: DensityMap, points: ArrayLike | None = None, distance: float = 6.0) -> NoiseModel:
    """Noise per voxel from the density where the molecule is not.

    Blank voxels (masks, zone cuts) never count. Of the rest, those further than `distance` from all
    points are taken ("solvent"). Without points, or with fewer than 500 such voxels (a zone cut), all
    of them are ("low density"). Either may contain molecule: missing parts, neighbours. So only the
    lower half of the histogram is used: its mode m, and sigma = 1.4826 median(m - rho | rho < m), exact
    for Gaussian noise with positive density mixed in. In a zone cut this includes the ripples of the
    model's own density and is an upper estimate.

    Never below 5 % of the standard deviation of what is not blank (method "floor"): simulated maps have
    no noise, and a likelihood must not divide by nothing. For comparison, four experimental maps gave 0.5 to 0.7
    of it. A map with nothing below its filling shows no noise, whatever it has: its solvent was cut off
    (thresholded, sharpened by a network), and what is left away from the model is other molecules. It gets the floor
    too; too low a noise does no harm, since residuals bound the weight of the density. In maps of whole numbers it
    is at least that of rounding.

    Parameters
    ----------
    map : DensityMap
        The map.
    points : array_like, shape (..., 3), optional
        Atom positions in angstrom.
    distance : float
        How far from them solvent begins, in angstrom.
    """
    filling, whole_numbers = filling_value(map), _whole_numbers(map.values)
    measured = ~blank_voxels(map)
    single = measured & (map.values == filling)
    # A few voxels at the rim of a mask are left to it; more, and the noise itself was cut off voxel by voxel.
    if not whole_numbers and np.count_nonzero(single) > LEAST_FRACTION * np.count_nonzero(measured):
        measured &= ~single
    method: Literal["solvent", "low density", "floor"] = "low density"
    chosen = map.values[measured]
    # (a map of two values has no spread inside)
    least = SMALLEST_FRACTION * float(chosen.std(dtype=np.float64) or map.values.std(dtype=np.float64))
    if whole_numbers:
        least = max(least, ROUNDING)
    is_cut = len(chosen) < (1.0 - LEAST_FRACTION) * map.values.size
    if is_cut and np.count_nonzero(chosen < filling) < LEAST_BELOW * len(chosen):
        return NoiseModel(least, None, None, "floor")
    if points is not None:
        solvent = map.values[measured & ~near(map, points, distance)]
        if len(solvent) >= LEAST_VOXELS:
            chosen, method = solvent, "solvent"
    # A regular subset of a very large map is as good and sorts faster.
    ordered = np.sort(chosen[:: 1 + len(chosen) // MOST_VALUES]).astype(np.float64)
    mode = _half_sample_mode(ordered)
    # Of the values at the mode (many, in maps of whole numbers) half belong to the lower side.
    lower = ordered[: int(np.searchsorted(ordered, mode)) + np.count_nonzero(ordered == mode) // 2]
    sigma = MAD_TO_SIGMA * float(mode - np.median(lower)) if len(lower) else 0.0
    if sigma < least:
        sigma, method = least, "floor"
    return NoiseModel(sigma, None, None, method)


def _whole_numbers(values: NDArray[np.float32]) -> bool:
    """Whether a map was stored as integers; one of very large numbers has no use for rounding."""
    some = values.ravel()[:: 1 + values.size // MOST_VALUES]
    return bool((some == np.rint(some)).all())


def _half_sample_mode(ordered: NDArray[np.float64]) -> float:
    """Mode of sorted values: the shortest interval with half of them, again and again.

    Halving stops at a fiftieth of the values, whose mean is steadier than a single spacing.
    """
    stop = max(3, len(ordered) // 50)
    while len(ordered) > stop:
        half = (len(ordered) + 1) // 2
        widths = ordered[half - 1 :] - ordered[: len(ordered) - half + 1]
        first = int(np.argmin(widths))
        ordered = ordered[first : first + half]
    return float(ordered.mean())
