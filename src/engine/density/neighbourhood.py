"""Which voxels lie near which atoms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from .map import DensityMap

__all__ = ["finite_points", "near", "near_pairs"]

PAIRS_AT_ONCE = 2**21


def finite_points(points: ArrayLike) -> NDArray[np.float64]:
    """Rows of `points` (..., 3) without NaN, as shape (P, 3)."""
    flat = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    return flat[np.isfinite(flat).all(axis=1)]


def near_pairs(
    map: DensityMap, points: NDArray[np.float64], radius: float
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """All pairs of a point and a voxel whose centre is within `radius` of it, in batches.

    Cost and memory grow with the number of pairs, not with the map.

    Parameters
    ----------
    map : DensityMap
        The grid; its values are not used.
    points : ndarray, shape (P, 3)
        Finite positions in angstrom.
    radius : float
        In angstrom.

    Yields
    ------
    point, voxel : ndarray of int64, shape (M,)
        Index into `points` and flat (C order) index of the voxel.
    """
    # A sphere reaches radius * |row of the inverse| index units along each axis.
    reach = np.ceil(radius * np.linalg.norm(np.linalg.inv(map.axes), axis=0) + 0.5).astype(np.int64)
    shape = np.array(map.shape)
    steps = np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij")
    offsets = np.stack(steps, axis=-1).reshape(-1, 3)
    # No voxel centre further than radius plus half a voxel diagonal from the nearest one can be inside.
    half_diagonal = 0.5 * np.abs(map.axes).sum(axis=0)
    offsets = offsets[np.linalg.norm(offsets @ map.axes, axis=1) <= radius + np.linalg.norm(half_diagonal)]
    index = map.to_index(points)
    whole = np.rint(index).astype(np.int64)
    rest = index - whole
    batch = max(1, PAIRS_AT_ONCE // max(1, len(offsets)))
    for start in range(0, len(points), batch):
        part = slice(start, start + batch)
        voxel = whole[part, None, :] + offsets
        squared = np.square((offsets - rest[part, None, :]) @ map.axes).sum(axis=-1)
        keep = (squared <= radius * radius) & ((voxel >= 0) & (voxel < shape)).all(axis=-1)
        point, offset = np.nonzero(keep)
        yield point + start, np.ravel_multi_index(tuple(voxel[point, offset].T), map.shape)


def near(map: DensityMap, points: ArrayLike, radius: float) -> NDArray[np.bool_]:
    """Voxels whose centre is within `radius` angstrom of any point.

    Parameters
    ----------
    map : DensityMap
        The grid, shape (nx, ny, nz); its values are not used.
    points : array_like, shape (..., 3)
        Positions in angstrom; rows with NaN are skipped.
    radius : float
        In angstrom.

    Returns
    -------
    ndarray of bool, shape (nx, ny, nz)
        True near a point.
    """
    inside = np.zeros(map.shape, dtype=bool)
    atoms = finite_points(points)
    if not len(atoms):
        return inside
    # only voxels in the box around the atoms can be near; a tree answers for each of them in turn
    index = map.to_index(atoms)
    reach = radius * np.linalg.norm(np.linalg.inv(map.axes), axis=0)
    low = np.clip(np.floor(index.min(0) - reach), 0, map.shape).astype(np.int64)
    high = np.clip(np.ceil(index.max(0) + reach) + 1, 0, map.shape).astype(np.int64)
    tree = cKDTree(atoms)
    slab = max(1, PAIRS_AT_ONCE // max(1, int(np.prod(high[1:] - low[1:]))))
    for first in range(int(low[0]), int(high[0]), slab):
        last = min(first + slab, int(high[0]))
        ranges = (np.arange(first, last), np.arange(low[1], high[1]), np.arange(low[2], high[2]))
        voxels = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1)
        distance, _ = tree.query(map.to_points(voxels), distance_upper_bound=np.nextafter(radius, np.inf))
        inside[first:last, low[1] : high[1], low[2] : high[2]] = np.isfinite(distance)
    return inside
