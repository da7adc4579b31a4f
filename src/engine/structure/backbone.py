"""Local frames of residues, from N, CA and C (numpy)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["residue_frames", "transfer_rigidly"]

Array = NDArray[np.float64]

_TINY = 1e-8


def _unit(vector: Array) -> Array:
    """Normalise the last axis; a zero vector stays zero."""
    norm = np.linalg.norm(vector, axis=-1, keepdims=True)
    result: Array = vector / np.maximum(norm, _TINY)
    return result


def _cross(a: Array, b: Array) -> Array:
    """Cross product over the last axis (numpy's own is several times slower for few vectors)."""
    return a[..., [1, 2, 0]] * b[..., [2, 0, 1]] - a[..., [2, 0, 1]] * b[..., [1, 2, 0]]


def _any_perpendicular(axis: Array) -> Array:
    """Return one unit vector perpendicular to each unit vector in ``axis``."""
    smallest = np.argmin(np.abs(axis), axis=-1)
    helper = np.eye(3)[smallest]
    return _unit(_cross(axis, helper))


def _perpendicular_part(vector: Array, axis: Array) -> Array:
    """Return the unit vector along the part of ``vector`` normal to ``axis`` (any normal if none)."""
    part = vector - np.sum(vector * axis, axis=-1, keepdims=True) * axis
    parallel = np.linalg.norm(part, axis=-1, keepdims=True) < 1e-6
    if not parallel.any():
        return _unit(part)
    return np.where(parallel, _any_perpendicular(axis), _unit(part))


def residue_frames(n: Array, ca: Array, c: Array) -> Array:
    """Right-handed orthonormal frame of each residue, origin at CA.

    Columns: e1 along CA->C, e2 the part of CA->N normal to e1, e3 = e1 x e2. Collinear atoms get an
    arbitrary but valid e2.

    Parameters
    ----------
    n, ca, c : ndarray, shape (..., 3)
        Positions in angstrom.

    Returns
    -------
    ndarray, shape (..., 3, 3)
        Rotation matrices from frame to laboratory coordinates.
    """
    e1 = _unit(c - ca)
    e2 = _perpendicular_part(n - ca, e1)
    return np.stack([e1, e2, _cross(e1, e2)], axis=-1)


def transfer_rigidly(points: Array, old: Array, new: Array) -> Array:
    """Move points with a residue: ``x' = F_new F_old^T (x - CA_old) + CA_new``.

    Parameters
    ----------
    points : ndarray, shape (M, 3)
        Positions in angstrom of atoms that belong to the residue.
    old, new : ndarray, shape (3, 3)
        Rows N, CA, C before and after, in angstrom.

    Returns
    -------
    ndarray, shape (M, 3)
        Moved positions in angstrom; distances among ``points`` and to CA are kept.
    """
    rotation = residue_frames(*new) @ residue_frames(*old).T
    result: Array = (points - old[1]) @ rotation.T + new[1]
    return result
