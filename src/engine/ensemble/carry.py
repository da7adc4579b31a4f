"""A model that follows its own parts: what is not seen moves with what is seen around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["carried_along"]

_LEAST = 1e-3
"""Weight below which a neighbour is too far to matter: 3.7 times the reach."""
_FEWEST = 4
"""Neighbours without which a rotation means nothing."""


def carried_along(
    start: NDArray[np.float64], moved: NDArray[np.float64], weight: NDArray[np.float64], reach: float = 8.0
) -> NDArray[np.float64]:
    r"""Move each residue as the residues around it moved, as a rigid body.

    Proteins bend smoothly: neighbours within ``reach`` tell where a residue is that no data show. Each residue is moved
    by the superposition of its surroundings in ``start`` on themselves in ``moved``, weighted by
    :math:`w_j \exp(-d_{ij}^2 / 2 r^2)`.

    Parameters
    ----------
    start, moved : ndarray, shape (N, 4, 3)
        The same backbone before and after, in angstrom; N, CA, C and O count alike.
    weight : ndarray, shape (N,)
        How well each residue of ``moved`` is known; 0 for those that are to follow.
    reach : float
        Standard deviation of the neighbourhood in angstrom: the distance between elements of secondary structure that
        pack on each other.

    Returns
    -------
    ndarray, shape (N, 4, 3)
        Residues without any neighbour stay.

    References
    ----------
    Kabsch, Acta Cryst. A34, 827 (1978), for each superposition.
    """
    ca = start[:, 1]
    out = start.copy()
    near = np.flatnonzero(weight > 0)
    if not len(near):
        return out
    for i in range(len(start)):
        distance = np.square(ca[near] - ca[i]).sum(-1)
        w = weight[near] * np.exp(-distance / (2 * reach**2))
        used = near[w > _LEAST]
        if len(used) < _FEWEST:
            continue
        w = np.repeat(w[w > _LEAST], 4)
        before, after = start[used].reshape(-1, 3), moved[used].reshape(-1, 3)
        middle, there = np.average(before, axis=0, weights=w), np.average(after, axis=0, weights=w)
        u, _, vt = np.linalg.svd(((before - middle) * w[:, None]).T @ (after - there))
        turn = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
        out[i] = (start[i] - middle) @ turn + there
    return out
