"""Steric clashes between backbone heavy atoms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

__all__ = ["Clashes", "backbone_clashes"]

RADII = np.array([1.55, 1.70, 1.70, 1.52])
"""Van der Waals radii of N, CA, C, O in A (A. Bondi 1964, J. Phys. Chem. 68, 441)."""

OVERLAP = 0.5
"""Overlap in A from which two atoms clash; hydrogen bonds N...O are allowed `HYDROGEN_BOND` more."""

HYDROGEN_BOND = 0.1
MAX_BONDS = 4
"""Pairs up to this many covalent bonds apart along the chain are not contacts."""


@dataclass(frozen=True)
class Clashes:
    """Clashing atom pairs of one model.

    Parameters
    ----------
    count : int
        Number of clashing pairs.
    per_1000_atoms : float
        ``1000 count / atoms``; NaN without atoms.
    pairs : ndarray of int64, shape (count, 2, 2)
        (residue, atom) of both partners, worst overlap first.
    overlap : ndarray, shape (count,)
        ``r_i + r_j - |x_i - x_j|`` in A, falling.
    """

    count: int
    per_1000_atoms: float
    pairs: NDArray[np.int64]
    overlap: NDArray[np.float64]


def backbone_clashes(x: NDArray[np.floating], linked: NDArray[np.bool_], overlap: float = OVERLAP) -> Clashes:
    """Count pairs of backbone heavy atoms that are too close to be real.

    Two atoms clash if ``r_i + r_j - |x_i - x_j| >= overlap``, with Bondi radii, unless they are at most
    `MAX_BONDS` covalent bonds apart.

    Parameters
    ----------
    x : ndarray, shape (N, 4, 3)
        N, CA, C, O in A; missing atoms are NaN.
    linked : ndarray of bool, shape (N - 1,)
        Residues bonded to their successor (`torsions.linked_residues`).
    overlap : float
        Least overlap in A that counts.

    Returns
    -------
    Clashes
    """
    points = np.asarray(x, np.float64).reshape(-1, 3)
    present = np.flatnonzero(np.isfinite(points).all(-1))
    if present.size == 0:
        return Clashes(0, float("nan"), np.zeros((0, 2, 2), np.int64), np.zeros(0))
    reach = 2 * RADII.max() - overlap
    near = cKDTree(points[present]).query_pairs(reach, output_type="ndarray").reshape(-1, 2)
    first, second = np.sort(present[near], axis=1).T
    residues, atoms = np.stack([first, second], 1) // 4, np.stack([first, second], 1) % 4
    depth = RADII[atoms].sum(1) - np.sqrt(((points[first] - points[second]) ** 2).sum(-1))
    polar = (atoms == 0).any(1) & (atoms == 3).any(1)
    clash = (depth >= overlap + HYDROGEN_BOND * polar) & (_bonds_between(residues, atoms, linked) > MAX_BONDS)
    worst = np.argsort(-depth[clash], kind="stable")
    pairs = np.stack([residues, atoms], -1)[clash][worst].astype(np.int64)
    return Clashes(len(pairs), 1000.0 * len(pairs) / present.size, pairs, depth[clash][worst])


def _bonds_between(
    residues: NDArray[np.int64], atoms: NDArray[np.int64], linked: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Covalent bonds along the chain between two atoms (first residue <= second); large if unlinked."""
    before, after = residues.T
    first, second = atoms.T
    # Steps along N, CA, C = 0, 1, 2; oxygen hangs on C by one more bond.
    place = np.array([0, 1, 2, 2])
    extra = np.array([0, 0, 0, 1])
    same = before == after
    inside = np.abs(place[first] - place[second]) + extra[first] + extra[second]
    inside = np.where(first == second, 0, inside)
    across = 3 * (after - before) + place[second] - place[first] + extra[first] + extra[second]
    breaks = np.concatenate([[0], np.cumsum(~np.asarray(linked, bool))])
    connected = breaks[before] == breaks[after]
    return np.where(same, inside, np.where(connected, across, 10**6))
