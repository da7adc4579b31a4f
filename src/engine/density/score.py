"""How well a model's density agrees with a map: correlations of the whole, of residues, of places."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .map import DensityMap
from .neighbourhood import near_pairs
from .sample import sample

__all__ = ["mask_radius", "residue_correlation", "residue_share"]


def mask_radius(resolution: float) -> float:
    """Radius of the mask around atoms that the scores use by default: max(2, d / 2) angstrom."""
    return max(2.0, 0.5 * resolution)


def residue_correlation(
    map: DensityMap,
    calculated: NDArray[np.floating],
    points: ArrayLike,
    residue: NDArray[np.integer],
    n_residues: int,
    radius: float,
) -> NDArray[np.float64]:
    """Correlation of two densities around each residue.

    The voxels of a residue are those within `radius` of any of its atoms; the correlation over them is Pearson's,
    ``sum (a - <a>)(b - <b>) / sqrt(sum (a - <a>)^2 sum (b - <b>)^2)``.

    Parameters
    ----------
    map : DensityMap
        Observed density, shape (nx, ny, nz).
    calculated : ndarray, shape (nx, ny, nz)
        Density of the model at the same points.
    points : array_like, shape (A, 3)
        Atom positions in angstrom; rows with NaN are skipped.
    residue : ndarray of int, shape (A,)
        Residue of each atom, 0 to n_residues - 1.
    n_residues : int
        Number of residues N.
    radius : float
        In angstrom.

    Returns
    -------
    ndarray of float64, shape (N,)
        NaN for residues without atoms or outside the map, 0 where either density is constant.
    """
    if calculated.shape != map.shape:
        raise ValueError(f"a density of shape {calculated.shape} does not fit a map of shape {map.shape}")
    atoms = np.asarray(points, dtype=np.float64)
    owner = np.asarray(residue, dtype=np.int64)
    known = np.isfinite(atoms).all(axis=1)
    atoms, owner = atoms[known], owner[known]
    size = map.values.size
    # A voxel near several atoms of a residue counts once: pairs as single numbers, made unique.
    found = [np.unique(owner[point] * size + voxel) for point, voxel in near_pairs(map, atoms, radius)]
    pairs = np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)
    group, voxel = np.divmod(pairs, size)
    a = map.values.ravel()[voxel].astype(np.float64)
    b = calculated.ravel()[voxel].astype(np.float64)
    count = np.bincount(group, minlength=n_residues)
    some = np.maximum(count, 1)
    a -= (np.bincount(group, a, minlength=n_residues) / some)[group]
    b -= (np.bincount(group, b, minlength=n_residues) / some)[group]
    ab, aa, bb = (np.bincount(group, product, minlength=n_residues) for product in (a * b, a * a, b * b))
    norm = np.sqrt(aa * bb)
    result: NDArray[np.float64] = np.divide(ab, norm, out=np.zeros(n_residues), where=norm > 0)
    result[count == 0] = np.nan
    return result


def residue_share(
    map: DensityMap,
    calculated: NDArray[np.floating],
    points: ArrayLike,
    residue: NDArray[np.integer],
    n_residues: int,
) -> NDArray[np.float64]:
    """Density that is there over that which should be, at the atoms of each residue.

    Unlike a correlation it does not fall where something is that the model does not have.

    Parameters
    ----------
    map : DensityMap
        Observed density, on the scale of the calculated one and without offset.
    calculated, points, residue, n_residues
        As of `residue_correlation`.

    Returns
    -------
    ndarray of float64, shape (N,)
        Sum over the atoms of a residue of the one over that of the other; NaN without atoms or where nothing should be.
    """
    atoms = np.asarray(points, dtype=np.float64)
    known = np.isfinite(atoms).all(axis=1)
    owner = np.asarray(residue, dtype=np.int64)[known]
    should = DensityMap(np.asarray(calculated, dtype=np.float32), map.origin, map.axes)
    there, expected = (np.bincount(owner, sample(one, atoms[known]), minlength=n_residues) for one in (map, should))
    share: NDArray[np.float64] = np.divide(there, expected, out=np.full(n_residues, np.nan), where=expected > 0)
    return share
