"""Oxygens of peptide groups from N, CA and C, and the N that follows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .ideal_geometry import ANGLES, BONDS

__all__ = ["place_missing_oxygen"]


def place_missing_oxygen(backbone: NDArray[np.float64], bonded: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Where O belongs: in the plane of the peptide, opposite to the next N; at an end opposite to the own N.

    Parameters
    ----------
    backbone : ndarray, shape (N, 4 or more, 3)
        N, CA, C ... in angstrom.
    bonded : ndarray of bool, shape (N,)
        Whether a residue is bonded to the next one.

    Returns
    -------
    ndarray, shape (N, 3)
    """
    n, ca, c = backbone[:, 0], backbone[:, 1], backbone[:, 2]
    other = np.where(bonded[:, None], np.roll(n, -1, axis=0), n)
    bend = np.deg2rad(ANGLES["CA-C-O"][0][0])
    along = _unit(ca - c)
    beside = other - c
    across = _unit(beside - (beside * along).sum(-1, keepdims=True) * along)
    return np.asarray(c + BONDS["C-O"][0][0] * (np.cos(bend) * along - np.sin(bend) * across))


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9))
