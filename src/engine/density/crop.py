"""Cutting out the part of a map that belongs to a model, and telling whether there is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..contract.errors import InputError
from .blank import blank_voxels
from .map import DensityMap
from .neighbourhood import finite_points
from .sample import sample

__all__ = ["NoOverlapError", "Overlap", "check_overlap", "crop"]

MINIMUM_INSIDE = 0.02


class NoOverlapError(InputError):
    """Model and map lie in different places."""


@dataclass(frozen=True)
class Overlap:
    """Where a model lies in a map.

    Parameters
    ----------
    inside : float
        Fraction of the atoms inside the box of the map.
    on_data : float
        Fraction of the atoms at which the map is not blank (see `blank_voxels`).
    mean_z : float
        Mean over the atoms inside of (density - mean) / standard deviation of the map; about 0 for
        a model that is not docked, well above 1 for one that is.
    centre_distance : float
        Distance between the centres of model and box in angstrom.
    """

    inside: float
    on_data: float
    mean_z: float
    centre_distance: float


def check_overlap(map: DensityMap, points: ArrayLike) -> Overlap:
    """Refuse a model that lies outside a map; measure how well it lies inside otherwise.

    Parameters
    ----------
    map : DensityMap
        The map.
    points : array_like, shape (..., 3)
        Atom positions in angstrom; rows with NaN are skipped.

    Raises
    ------
    InputError
        If there are no positions.
    NoOverlapError
        If fewer than 2 % of them are inside the box or where the map is not blank.
    """
    atoms = _atoms(points)
    index = map.to_index(atoms)
    in_box = ((index >= 0) & (index <= np.array(map.shape) - 1)).all(axis=1)
    inside = float(in_box.mean())
    if inside < MINIMUM_INSIDE:
        raise NoOverlapError(f"The model and the map do not overlap{_hint(atoms, map)}")
    density = sample(map, atoms[in_box])
    nearest = tuple(np.rint(index[in_box]).astype(np.int64).T)
    on_data = float(np.count_nonzero(~blank_voxels(map)[nearest])) / len(atoms)
    if on_data < MINIMUM_INSIDE:
        raise NoOverlapError(f"The model lies where the map is blank{_hint(atoms, map)}")
    spread = float(map.values.std(dtype=np.float64))
    mean = float(map.values.mean(dtype=np.float64))
    mean_z = float((density.mean() - mean) / spread) if spread > 0 else 0.0
    return Overlap(inside, on_data, mean_z, float(np.linalg.norm(atoms.mean(axis=0) - map.centre)))


def crop(map: DensityMap, points: ArrayLike, margin: float) -> DensityMap:
    """Cut the smallest box of grid points that holds everything within `margin` of the points.

    Parameters
    ----------
    map : DensityMap
        The map; the result keeps its grid lattice and ends where the map ends.
    points : array_like, shape (..., 3)
        Positions in angstrom; rows with NaN are skipped.
    margin : float
        In angstrom.

    Raises
    ------
    InputError
        If no part of the map is within the margin.
    """
    atoms = _atoms(points)
    reach = margin * np.linalg.norm(np.linalg.inv(map.axes), axis=0)
    index = map.to_index(atoms)
    low, high = np.floor(index.min(axis=0) - reach), np.ceil(index.max(axis=0) + reach)
    if (high < 0).any() or (low > np.array(map.shape) - 1).any():
        raise NoOverlapError(f"The model and the map do not overlap{_hint(atoms, map)}")
    return _cut(map, low, high)


def _atoms(points: ArrayLike) -> NDArray[np.float64]:
    atoms = finite_points(points)
    if len(atoms) == 0:
        raise InputError("The model has no atoms with coordinates; choose another model or selection.")
    return atoms


def _hint(atoms: NDArray[np.float64], map: DensityMap) -> str:
    distance = float(np.linalg.norm(atoms.mean(axis=0) - map.centre))
    return (
        f" (their centres are {distance:.0f} A apart): the model may not be docked into this map, "
        "so place it there first (with 'dock' auto, or 'adp3d dock'), and check that both belong together."
    )


def _cut(map: DensityMap, low: NDArray[np.float64], high: NDArray[np.float64]) -> DensityMap:
    last_of_map = np.array(map.shape) - 1
    first = np.clip(low, 0, last_of_map).astype(np.int64)
    last = np.clip(high, 0, last_of_map).astype(np.int64)
    # A slab of a single point would not be a map: take its neighbour along.
    first = np.where((first == last) & (last == last_of_map), first - 1, first)
    last = np.where(first == last, last + 1, last)
    box = tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))
    return DensityMap(map.values[box].copy(), map.to_points(first), map.axes, map.notes)
