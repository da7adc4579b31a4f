"""Parts of a box that hold no measurement: what a mask or a zone cut left behind."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .map import DensityMap

__all__ = ["LEAST_FRACTION", "blank_voxels", "filling_value", "is_masked", "taper_weights"]

LEAST_FRACTION = 0.02
"""Part of the box that must be blank to count: less is chance or a few broken voxels."""
INNER_BALL = 0.8
"""Part of half the shortest edge of the box: reconstruction programs leave the corners outside of a ball blank, which
is no mask around the molecule."""


def blank_voxels(map: DensityMap) -> NDArray[np.bool_]:
    """Voxels in regions filled with one exact value, as outside a mask.

    The filling is 0 or the value in a corner of the box, whichever is more frequent. A voxel is blank if
    a cube of 27 voxels of the same value contains it: in maps stored as integers single voxels have
    that value by chance. All false if less than 2 % of the box would be blank.

    Returns
    -------
    ndarray of bool, shape (nx, ny, nz)
        True where there is no measurement.
    """
    values = map.values
    filled = values == filling_value(map)
    if np.count_nonzero(filled) < LEAST_FRACTION * values.size:
        return np.zeros(map.shape, dtype=bool)
    # Beyond the box a mask goes on: the edge must not count as measured.
    filling = np.pad(filled, 2, mode="edge")
    cube = np.ones((3, 3, 3), dtype=bool)
    blank: NDArray[np.bool_] = ndimage.binary_opening(filling, cube)[2:-2, 2:-2, 2:-2]
    if np.count_nonzero(blank) < LEAST_FRACTION * values.size:
        return np.zeros(map.shape, dtype=bool)
    return blank


def filling_value(map: DensityMap) -> float:
    """Value that blank parts would have: 0 or that of a corner of the box, whichever is more frequent."""
    values = map.values
    corners = values[:: values.shape[0] - 1, :: values.shape[1] - 1, :: values.shape[2] - 1]
    candidates = np.unique(np.append(corners.ravel(), np.float32(0)))
    counts = [int(np.count_nonzero(values == candidate)) for candidate in candidates]
    return float(candidates[int(np.argmax(counts))])


def is_masked(map: DensityMap, blank: NDArray[np.bool_]) -> bool:
    """Whether what is blank is more than the corners of the box, where reconstructions end."""
    shape = np.array(map.shape)
    steps = map.voxel_size
    radius = INNER_BALL * 0.5 * float((shape * steps).min())
    offsets = [np.square((np.arange(n) - (n - 1) / 2) * step) for n, step in zip(shape, steps, strict=True)]
    inside = offsets[0][:, None, None] + offsets[1][:, None] + offsets[2] < radius**2
    return bool((blank & inside).any())


def taper_weights(map: DensityMap, blank: NDArray[np.bool_], width: float) -> NDArray[np.float32]:
    """Weights that rise smoothly from 0 in blank voxels to 1 at `width` angstrom from them.

    Multiplying with them takes away the step at a mask's border, which would otherwise fill the high
    frequencies of the transform. With nothing blank they are all 1.
    """
    if not blank.any():
        return np.ones(map.shape, dtype=np.float32)
    step = map.voxel_size
    depth = ndimage.distance_transform_edt(~blank, sampling=step) - 0.5 * step.min()
    rise = np.clip(depth / max(width, float(step.min())), 0.0, 1.0)
    result: NDArray[np.float32] = (0.5 - 0.5 * np.cos(math.pi * rise)).astype(np.float32)
    return result
