"""Internal coordinates of the backbone: distances, angles, torsions, and who is bonded to whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..structure.polymer import Polymer

__all__ = ["BackboneTorsions", "angle", "backbone_torsions", "dihedral", "distance", "linked_residues"]

Array = NDArray[np.float64]
Points = NDArray[np.floating]


@dataclass(frozen=True)
class BackboneTorsions:
    """Torsions in degrees, (-180, 180], NaN where an atom or a neighbour is missing; shape (..., N).

    ``phi_i`` = C(i-1) N CA C, ``psi_i`` = N CA C N(i+1), ``omega_i`` = CA C N(i+1) CA(i+1).
    """

    phi: Array
    psi: Array
    omega: Array


def linked_residues(polymer: Polymer) -> NDArray[np.bool_]:
    """Whether residue i is followed, on the sequence of its chain, by residue i + 1; shape (N - 1,)."""
    result: NDArray[np.bool_] = (np.diff(polymer.chain_index) == 0) & (np.diff(polymer.residue_index) == 1)
    return result


def distance(a: Points, b: Points) -> Array:
    """Distances ``|a - b|`` between points of shape (..., 3), in A."""
    result: Array = np.sqrt(((a - b) ** 2).sum(-1))
    return result


def angle(a: Points, b: Points, c: Points) -> Array:
    """Angles a-b-c between points of shape (..., 3), in degrees [0, 180]."""
    u, v = a - b, c - b
    result: Array = np.degrees(np.arctan2(np.sqrt((np.cross(u, v) ** 2).sum(-1)), (u * v).sum(-1)))
    return result


def dihedral(a: Points, b: Points, c: Points, d: Points) -> Array:
    """Torsion angles a-b-c-d (IUPAC sign: positive clockwise looking from b to c), in degrees."""
    u, v, w = b - a, c - b, d - c
    first, second = np.cross(u, v), np.cross(v, w)
    sine = (np.cross(first, second) * v).sum(-1)
    cosine = (first * second).sum(-1) * np.sqrt((v * v).sum(-1))
    result: Array = np.degrees(np.arctan2(sine, cosine))
    return result


def backbone_torsions(x: NDArray[np.floating], linked: NDArray[np.bool_]) -> BackboneTorsions:
    """Phi, psi and omega of every residue.

    Parameters
    ----------
    x : ndarray, shape (..., N, 4, 3)
        N, CA, C, O in A; missing atoms are NaN.
    linked : ndarray of bool, shape (N - 1,)
        Residues bonded to their successor; see `linked_residues`.

    Returns
    -------
    BackboneTorsions
    """
    x = np.asarray(x, np.float64)
    n, ca, c = (x[..., atom, :] for atom in range(3))
    here, after = slice(None, -1), slice(1, None)
    undefined = np.full(x.shape[:-2], np.nan)
    phi, psi, omega = undefined.copy(), undefined.copy(), undefined.copy()
    phi[..., 1:] = np.where(
        linked, dihedral(c[..., here, :], n[..., after, :], ca[..., after, :], c[..., after, :]), np.nan
    )
    psi[..., :-1] = np.where(
        linked, dihedral(n[..., here, :], ca[..., here, :], c[..., here, :], n[..., after, :]), np.nan
    )
    omega[..., :-1] = np.where(
        linked, dihedral(ca[..., here, :], c[..., here, :], n[..., after, :], ca[..., after, :]), np.nan
    )
    return BackboneTorsions(phi, psi, omega)
