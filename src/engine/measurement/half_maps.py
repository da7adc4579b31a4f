"""Half of the data of a map as a measurement of its own: to refine in one half and to score in the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..density.blank import taper_weights
from ..density.half_maps import filtered_as
from ..density.map import DensityMap
from ..density.neighbourhood import near
from ..density.resample import low_pass, resample_like
from ..density.score import mask_radius
from ..likelihood.density import DensityLikelihood
from .density import DensityMeasurement

__all__ = ["bind_half_maps", "soft_mask"]


def bind_half_maps(density: DensityMeasurement) -> tuple[DensityMeasurement, DensityMeasurement]:
    """Both halves of a map, for the residues, mask, sharpness and blurs of the measurement of the whole.

    The halves are filtered as the map was; their noise is what they differ by where the job looks.

    Raises
    ------
    ValueError
        If the map came without its halves.
    """
    if density.whole.halves is None:
        raise ValueError("the map came without half maps")
    place = density.likelihood.levels[0].as_map()
    first, second = (
        _onto(half, place) for half in filtered_as(density.source, *density.whole.halves, density.resolution)
    )
    looked_at = density.likelihood.levels[0].mask.cpu().numpy() > 0
    variance = 0.5 * float(np.var((first.values - second.values)[looked_at], dtype=np.float64))
    # halves that agree exactly there would be divided by nothing
    variance = max(variance, float(density.likelihood.levels[0].variance))
    return _in(density, first, variance), _in(density, second, variance)


def soft_mask(density: DensityMeasurement, x: Tensor) -> NDArray[np.float32]:
    """Weights (nx, ny, nz) of voxels around a backbone x (N, 4, 3), 0 to 1, with an edge as wide as the resolution.

    Voxels that the job does not answer for have none.
    """
    sharp = density.likelihood.levels[0]
    points = x.detach().double().cpu().numpy().reshape(-1, 3)
    inside = near(density.density, points, mask_radius(density.resolution) + density.resolution)
    inside &= sharp.mask.cpu().numpy() > 0
    return taper_weights(density.density, ~inside, density.resolution)


def _onto(half: DensityMap, place: DensityMap) -> DensityMap:
    """A half map on other voxels, without what these cannot hold."""
    coarser = float(place.voxel_size.max()) > 1.01 * float(half.voxel_size.max())
    return resample_like(low_pass(half, 2.0 * float(place.voxel_size.max())) if coarser else half, place)


def _in(density: DensityMeasurement, half: DensityMap, variance: float) -> DensityMeasurement:
    full = density.likelihood
    sharp = full.levels[0]
    likelihood = DensityLikelihood.from_map(
        torch.as_tensor(half.values).to(sharp.values),
        sharp.grid,
        full.atoms,
        full.resolution,
        variance,
        sharp.mask,
        [level.blur for level in full.levels],
    )
    return replace(density, density=half, likelihood=likelihood)
