"""Points marked on a grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["splat"]


def splat(index: NDArray[np.float64], weight: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Share out atoms at fractional indices (n, 3) among the eight voxels around each of a periodic grid."""
    box = np.zeros(shape)
    low = np.floor(index).astype(int)
    part = index - low
    for corner in np.ndindex(2, 2, 2):
        share = np.where(np.array(corner), part, 1.0 - part).prod(axis=1) * weight
        voxel = (low + np.array(corner)) % np.array(shape)
        np.add.at(box, (voxel[:, 0], voxel[:, 1], voxel[:, 2]), share)
    return box
