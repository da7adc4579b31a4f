"""Ideal backbones from internal coordinates, for tests; on their path by ``pythonpath`` in pyproject.toml."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["build_backbone", "place_atom", "place_cb", "place_oxygen"]

Array = NDArray[np.float64]

# Engh & Huber (2001), International Tables F, ch. 18.3: averages over the non-proline, non-glycine types.
C_O_LENGTH = 1.231
CA_C_O_ANGLE = np.deg2rad(120.4)
CA_CB_LENGTH = 1.53
N_CA_CB_ANGLE = np.deg2rad(110.5)
C_CA_CB_ANGLE = np.deg2rad(110.1)


def build_backbone(phi: Sequence[float], psi: Sequence[float], omega: float | Sequence[float] = 180.0) -> Array:
    """Backbone (N, 4, 3) in A with the given torsions in degrees and Engh and Huber's bonds and angles."""
    n = len(phi)
    omega = np.broadcast_to(omega, n)
    atoms = [np.zeros(3), np.array([1.459, 0.0, 0.0]), np.array([2.01, 1.424, 0.0])]
    for i in range(n):
        following = phi[i + 1] if i + 1 < n else phi[i]
        for length, angle, torsion in ((1.336, 117.2, psi[i]), (1.459, 121.7, omega[i]), (1.525, 111.0, following)):
            atoms.append(place_atom(*atoms[-3:], length, np.deg2rad(angle), np.deg2rad(torsion)))
    trace = np.array(atoms)
    main = trace[: 3 * n].reshape(n, 3, 3)
    oxygen = place_oxygen(main[:, 0], main[:, 1], main[:, 2], trace[3 : 3 * n + 1 : 3])
    return np.concatenate([main, oxygen[:, None]], axis=1)


def _unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True)


def _perpendicular_part(vector: Array, axis: Array) -> Array:
    return _unit(vector - np.sum(vector * axis, axis=-1, keepdims=True) * axis)


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
    direction = -np.cos(angle) * u + np.sin(angle) * (np.cos(turn) * m - np.sin(turn) * np.cross(m, u))
    return c + length * direction


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
    return ca + CA_CB_LENGTH * _unit(in_plane + height * _unit(np.cross(u_n, u_c)))
