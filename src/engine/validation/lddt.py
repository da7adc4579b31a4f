"""Local distance difference test, a superposition-free score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

__all__ = ["Lddt", "THRESHOLDS", "backbone_lddt", "ca_lddt"]

THRESHOLDS = (0.5, 1.0, 2.0, 4.0)
"""Tolerances in A whose preserved fractions are averaged."""


@dataclass(frozen=True)
class Lddt:
    """Scores in [0, 1]; NaN where the reference has no neighbour to compare with.

    Parameters
    ----------
    overall : ndarray, shape (...)
        Preserved fraction over all atom pairs of the reference.
    per_residue : ndarray, shape (..., N)
        The same over the pairs that involve each residue.
    """

    overall: NDArray[np.float64]
    per_residue: NDArray[np.float64]


def ca_lddt(model: NDArray[np.floating], reference: NDArray[np.floating], inclusion: float = 15.0) -> Lddt:
    """LDDT over CA atoms; `model` (..., N, 3) and `reference` (N, 3) in A. See `backbone_lddt`."""
    return backbone_lddt(np.asarray(model)[..., None, :], np.asarray(reference)[..., None, :], inclusion)


def backbone_lddt(model: NDArray[np.floating], reference: NDArray[np.floating], inclusion: float = 15.0) -> Lddt:
    r"""LDDT over all given atoms.

    ``lDDT = 1/4 sum_{t in 0.5, 1, 2, 4} P(| |m_i - m_j| - |r_i - r_j| | < t)`` over the pairs of atoms
    of different residues closer than `inclusion` in the reference.

    Parameters
    ----------
    model : ndarray, shape (..., N, A, 3)
        Atoms per residue, in A. A missing (NaN) atom preserves none of its distances.
    reference : ndarray, shape (N, A, 3)
        The truth, in A; missing (NaN) atoms do not count.
    inclusion : float
        Radius R_0 in A, taken on the reference.

    Returns
    -------
    Lddt

    Raises
    ------
    ValueError
        If the shapes disagree.

    References
    ----------
    V. Mariani, M. Biasini, A. Barbato, T. Schwede (2013), Bioinformatics 29, 2722. Stereochemical
    checks and the sequence separation filter of that paper are not applied.
    """
    model, reference = np.asarray(model, np.float64), np.asarray(reference, np.float64)
    if model.shape[-3:] != reference.shape or reference.ndim != 3:
        raise ValueError(f"model {model.shape} and reference {reference.shape} do not correspond")
    n, atoms = reference.shape[:2]
    batch = model.shape[:-3]
    first, second = _pairs(reference.reshape(-1, 3), atoms, inclusion)
    counts = np.bincount(first // atoms, minlength=n) + np.bincount(second // atoms, minlength=n)
    flat = reference.reshape(-1, 3)
    expected = np.sqrt(((flat[first] - flat[second]) ** 2).sum(-1))
    overall, per_residue = [], []
    for points in model.reshape(-1, n * atoms, 3):
        found = np.sqrt(((points[first] - points[second]) ** 2).sum(-1))
        error = np.where(np.isfinite(found), np.abs(found - expected), np.inf)
        preserved = np.mean([error < threshold for threshold in THRESHOLDS], axis=0)
        sums = np.bincount(first // atoms, preserved, n) + np.bincount(second // atoms, preserved, n)
        overall.append(preserved.mean() if preserved.size else np.nan)
        per_residue.append(np.divide(sums, counts, out=np.full(n, np.nan), where=counts > 0))
    return Lddt(np.reshape(overall, batch), np.reshape(per_residue, (*batch, n)))


def _pairs(points: NDArray[np.floating], atoms: int, inclusion: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of present points of different residues closer than `inclusion`."""
    present = np.flatnonzero(np.isfinite(points).all(-1))
    if present.size < 2:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    near = cKDTree(points[present]).query_pairs(inclusion, output_type="ndarray").reshape(-1, 2)
    first, second = present[near[:, 0]], present[near[:, 1]]
    different = first // atoms != second // atoms
    return first[different], second[different]
