"""Density at points between the voxels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from .map import DensityMap

__all__ = ["sample"]


def sample(map: DensityMap, points: ArrayLike, outside: float = 0.0) -> NDArray[np.float64]:
    """Trilinear interpolation of a map; exact at voxel centres and for linear functions.

    Parameters
    ----------
    map : DensityMap
        The map.
    points : array_like, shape (..., 3)
        Positions in angstrom; NaN in a position gives NaN.
    outside : float
        Value beyond the outermost voxel centres.

    Returns
    -------
    ndarray of float64, shape (...)
        In the map's units.
    """
    index = map.to_index(points)
    flat = index.reshape(-1, 3)
    known = np.isfinite(flat).all(axis=1)
    last = np.array(map.shape) - 1
    # Points on the faces may fall outside by rounding only.
    safe = np.where(np.abs(flat - np.clip(flat, 0, last)) < 1e-6, np.clip(flat, 0, last), flat)
    values = np.full(len(flat), np.nan)
    values[known] = map_coordinates(
        map.values, safe[known].T, output=np.float64, order=1, mode="constant", cval=outside
    )
    return values.reshape(index.shape[:-1])
