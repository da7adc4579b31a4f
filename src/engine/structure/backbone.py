"""Ideal backbone geometry: local frames, carbonyl oxygen and CB from N, CA and C (numpy)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["place_atom", "place_cb", "place_oxygen", "residue_frames", "transfer_rigidly"]

Array = NDArray[np.float64]

# Engh & Huber (2001), International Tables F, ch. 18.3: averages over the non-proline, non-glycine types.
C_O_LENGTH = 1.231
CA_C_O_ANGLE = np.deg2rad(120.4)
CA_CB_LENGTH = 1.53
N_CA_CB_ANGLE = np.deg2rad(110.5)
C_CA_CB_ANGLE = np.deg2rad(110.1)

_TINY = 1e-8


def _unit(vector: Array) -> Array:
    """Normalise the last axis; a zero vector stays zero."""
    norm = np.linalg.norm(vector, axis=-1, keepdims=True)
    unit: Array = vector / np.maximum(norm, _TINY)
    return unit


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


def place_atom(a: Array, b: Array, c: Array, length: float, angle: float, dihedral: float | Array) -> Array:
    """Place atom d from three atoms: ``|cd| = length``, ``angle(b, c, d)``, ``dihedral(a, b, c, d)``.

    ``d = c + length (-cos(angle) u + sin(angle) cos(dihedral) m + sin(angle) sin(dihedral) u x m)``
    with ``u = unit(c - b)`` and ``m`` the unit normal to u in the plane of a, b, c, pointing towards a.

    Parameters
    ----------
    a, b, c : ndarray, shape (..., 3)
        Positions in angstrom.
    length : float
        Bond length c-d in angstrom.
    angle, dihedral : float or ndarray, shape (...)
        Bond angle b-c-d and dihedral a-b-c-d in radians.

    Returns
    -------
    ndarray, shape (..., 3)
        Position of d in angstrom; NaN where an input is NaN.
    """
    u = _unit(c - b)
    m = _perpendicular_part(a - b, u)
    turn = np.asarray(dihedral)[..., None]
    direction = -np.cos(angle) * u + np.sin(angle) * (np.cos(turn) * m - np.sin(turn) * _cross(m, u))
    placed: Array = c + length * direction
    return placed


def place_oxygen(n: Array, ca: Array, c: Array, next_n: Array | None = None, psi: float = np.deg2rad(135.0)) -> Array:
    """Place the carbonyl O: in the plane of CA, C and the next N, or by psi where there is no next N.

    ``O = C + 1.231 (cos(120.4 deg) e1 - sin(120.4 deg) e2)`` with ``e1 = unit(CA - C)`` and ``e2`` the
    part of ``N(i+1) - C`` normal to e1. Without a next residue the dihedral N-CA-C-O is psi - 180 deg.

    Parameters
    ----------
    n, ca, c : ndarray, shape (..., 3)
        Positions in angstrom.
    next_n : ndarray, shape (..., 3), optional
        N of the next residue; entries that are NaN fall back to ``psi``.
    psi : float
        Dihedral N-CA-C-N(i+1) in radians assumed where the next N is unknown.

    Returns
    -------
    ndarray, shape (..., 3)
        Oxygen positions in angstrom; NaN where N, CA or C is NaN.
    """
    by_psi = place_atom(n, ca, c, C_O_LENGTH, float(CA_C_O_ANGLE), psi - np.pi)
    if next_n is None:
        return by_psi
    e1 = _unit(ca - c)
    e2 = _perpendicular_part(next_n - c, e1)
    in_plane = c + C_O_LENGTH * (np.cos(CA_C_O_ANGLE) * e1 - np.sin(CA_C_O_ANGLE) * e2)
    known = np.isfinite(next_n).all(axis=-1, keepdims=True)
    return np.where(known, in_plane, by_psi)


def place_cb(n: Array, ca: Array, c: Array) -> Array:
    """Place CB of an L residue: ``d . u_N = cos(110.5 deg)``, ``d . u_C = cos(110.1 deg)``, ``|d| = 1``.

    ``CB = CA + 1.53 d`` where u_N, u_C are the unit vectors from CA to N and C and d lies on the side of
    ``u_C x u_N`` opposite to HA. Both angles are met exactly whatever the angle N-CA-C is.

    Parameters
    ----------
    n, ca, c : ndarray, shape (..., 3)
        Positions in angstrom.

    Returns
    -------
    ndarray, shape (..., 3)
        CB positions in angstrom.
    """
    u_n, u_c = _unit(n - ca), _unit(c - ca)
    cosine = np.clip(np.sum(u_n * u_c, axis=-1, keepdims=True), -0.999999, 0.999999)
    target_n, target_c = np.cos(N_CA_CB_ANGLE), np.cos(C_CA_CB_ANGLE)
    along_n = (target_n - cosine * target_c) / (1 - cosine**2)
    along_c = (target_c - cosine * target_n) / (1 - cosine**2)
    in_plane = along_n * u_n + along_c * u_c
    height = np.sqrt(np.maximum(1 - np.sum(in_plane**2, axis=-1, keepdims=True), 0.0))
    return ca + CA_CB_LENGTH * _unit(in_plane + height * _unit(_cross(u_n, u_c)))


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
    moved: Array = (points - old[1]) @ rotation.T + new[1]
    return moved
