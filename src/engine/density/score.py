"""How well a model's density agrees with a map: correlations of the whole, of residues, of places."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter

from .map import DensityMap
from .neighbourhood import near, near_pairs

__all__ = ["box_correlation", "local_correlation", "mask_correlation", "mask_radius", "residue_correlation"]


def mask_radius(resolution: float) -> float:
    """Radius of the mask around atoms that the scores use by default: max(2, d / 2) angstrom."""
    return max(2.0, 0.5 * resolution)


def box_correlation(
    observed: NDArray[np.floating], calculated: NDArray[np.floating], mask: NDArray[np.bool_] | None = None
) -> float:
    """Pearson correlation of two densities over all voxels, or over those in a mask.

    ``sum (a - <a>)(b - <b>) / sqrt(sum (a - <a>)^2 sum (b - <b>)^2)``, the means over the same voxels.
    Over the whole box this is CC_box of Afonine et al. (2018).

    Parameters
    ----------
    observed, calculated : ndarray, shape (nx, ny, nz)
        Densities on the same grid, in any units.
    mask : ndarray of bool, shape (nx, ny, nz), optional
        Voxels to use.

    Returns
    -------
    float
        Between -1 and 1; 0 where either density is constant, NaN for an empty mask.
    """
    if observed.shape != calculated.shape:
        raise ValueError(f"densities of shapes {observed.shape} and {calculated.shape} cannot be compared")
    a = (observed if mask is None else observed[mask]).astype(np.float64).ravel()
    b = (calculated if mask is None else calculated[mask]).astype(np.float64).ravel()
    if a.size == 0:
        return math.nan
    a -= a.mean()
    b -= b.mean()
    norm = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / norm if norm > 0 else 0.0


def mask_correlation(map: DensityMap, calculated: NDArray[np.floating], points: ArrayLike, radius: float) -> float:
    """Correlation over the voxels within `radius` of any atom (CC_mask of Afonine et al., 2018).

    Parameters
    ----------
    map : DensityMap
        Observed density, shape (nx, ny, nz).
    calculated : ndarray, shape (nx, ny, nz)
        Density of the model at the same points.
    points : array_like, shape (..., 3)
        Atom positions in angstrom; rows with NaN are skipped.
    radius : float
        In angstrom, see `mask_radius`.

    Returns
    -------
    float
        As `box_correlation`; NaN if no voxel is near an atom.
    """
    return box_correlation(map.values, calculated, near(map, points, radius))


def residue_correlation(
    map: DensityMap,
    calculated: NDArray[np.floating],
    points: ArrayLike,
    residue: NDArray[np.integer],
    n_residues: int,
    radius: float,
    half_window: int = 0,
    chain_index: NDArray[np.integer] | None = None,
) -> NDArray[np.float64]:
    """Correlation of two densities around each residue.

    The voxels of residue i are those within `radius` of any atom of the residues ``i - half_window``
    to ``i + half_window`` of its chain; the correlation over them is that of `box_correlation`.

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
    half_window : int
        Neighbours to either side that share their voxels.
    chain_index : ndarray of int, shape (N,), optional
        Chain of each residue; windows do not reach into another one.

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
    if half_window > 0:
        pairs = _widened(pairs, size, n_residues, half_window, chain_index)
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


def local_correlation(map: DensityMap, calculated: NDArray[np.floating], sigma: float) -> NDArray[np.float64]:
    """Correlation around every voxel, with Gaussian weights (real-space local correlation).

    Means, variances and covariance are weighted averages with a Gaussian of standard deviation
    `sigma`; the border of the box is mirrored.

    Parameters
    ----------
    map : DensityMap
        Observed density, shape (nx, ny, nz), on perpendicular axes.
    calculated : ndarray, shape (nx, ny, nz)
        Density of the model at the same points.
    sigma : float
        In angstrom; about the resolution is a good choice.

    Returns
    -------
    ndarray of float64, shape (nx, ny, nz)
        Between -1 and 1; 0 where either density is locally constant.

    Raises
    ------
    ValueError
        If the axes are oblique (resample first) or the shapes differ.
    """
    if not map.is_orthogonal:
        raise ValueError("local_correlation needs perpendicular axes; resample the map first")
    if calculated.shape != map.shape:
        raise ValueError(f"a density of shape {calculated.shape} does not fit a map of shape {map.shape}")
    width = sigma / map.voxel_size
    # Subtracting the global means first keeps the differences of squares accurate.
    a = map.values.astype(np.float64) - float(map.values.mean(dtype=np.float64))
    b = calculated.astype(np.float64) - float(calculated.mean(dtype=np.float64))

    def average(values: NDArray[np.float64]) -> NDArray[np.float64]:
        averaged: NDArray[np.float64] = gaussian_filter(values, width, mode="mirror", truncate=3.0)
        return averaged

    mean_a, mean_b = average(a), average(b)
    variance_a = average(a * a) - mean_a**2
    variance_b = average(b * b) - mean_b**2
    covariance = average(a * b) - mean_a * mean_b
    tiny_a, tiny_b = 1e-10 * float(np.square(a).mean()), 1e-10 * float(np.square(b).mean())
    varied = (variance_a > tiny_a) & (variance_b > tiny_b)
    norm = np.sqrt(np.where(varied, variance_a * variance_b, 1.0))
    return np.where(varied, np.clip(covariance / norm, -1.0, 1.0), 0.0)


def _widened(
    pairs: NDArray[np.int64],
    size: int,
    n_residues: int,
    half_window: int,
    chain_index: NDArray[np.integer] | None,
) -> NDArray[np.int64]:
    """Every residue's voxels also given to its neighbours of the same chain."""
    chain = np.zeros(n_residues, dtype=np.int64) if chain_index is None else np.asarray(chain_index)
    group, voxel = np.divmod(pairs, size)
    shared: list[NDArray[np.int64]] = []
    for shift in range(-half_window, half_window + 1):
        target = group + shift
        valid = (target >= 0) & (target < n_residues)
        valid[valid] = chain[target[valid]] == chain[group[valid]]
        shared.append(target[valid] * size + voxel[valid])
    return np.unique(np.concatenate(shared))
