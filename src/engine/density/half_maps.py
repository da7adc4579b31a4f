"""Half maps made comparable with the map that was made of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from .blank import blank_voxels, taper_weights
from .fourier import filtered, shells
from .map import DensityMap
from .noise import TAPER_VOXELS
from .resample import resample_like

__all__ = ["filtered_as"]

_REACH = 4.0
"""Padding in angstrom, per angstrom of resolution or of a voxel: as far as a filter that ends there rings visibly."""


def filtered_as(
    full: DensityMap, half_a: DensityMap, half_b: DensityMap, resolution: float
) -> tuple[DensityMap, DensityMap]:
    """Sharpen and filter two half maps as their map has been, on its grid.

    The map is the mean of its halves, times some function of the frequency, whatever program made it: the square root
    of <|F|^2> / <|F_mean|^2> in each resolution shell. Both halves are multiplied by that.

    Parameters
    ----------
    full : DensityMap
    half_a, half_b : DensityMap
        Unfiltered half maps.
    resolution : float
        In angstrom.
    """
    halves = [half if full.same_grid(half) else resample_like(half, full) for half in (half_a, half_b)]
    blank = blank_voxels(full) | blank_voxels(halves[0]) | blank_voxels(halves[1])
    step = float(full.voxel_size.max())
    weights = taper_weights(full, blank, TAPER_VOXELS * step)
    groups = shells(full.shape, full.axes)
    of_mean = groups.mean(np.abs(fft.rfftn(0.5 * (halves[0].values + halves[1].values) * weights)) ** 2)
    of_full = groups.mean(np.abs(fft.rfftn(full.values * weights)) ** 2)
    gain = np.sqrt(np.divide(of_full, of_mean, out=np.zeros_like(of_full), where=of_mean > 0))

    def transfer(s2: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.interp(np.sqrt(s2), groups.frequency, gain)

    reach = _REACH * max(resolution, step)
    return filtered(halves[0], transfer, reach), filtered(halves[1], transfer, reach)
