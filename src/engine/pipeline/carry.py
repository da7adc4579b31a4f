"""A model that follows its own parts: what is not seen moves with what is seen around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..validation.superpose import kabsch

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
        before, after = (one[used].reshape(-1, 3) for one in (start, moved))
        out[i] = kabsch(before, after, weights=np.repeat(w[w > _LEAST], 4)).apply(start[i])
    return out
