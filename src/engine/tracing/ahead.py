"""What distances to known atoms say of a trace whose end is at some place: also those of residues still to come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..restraints.shells import Shells
from .steps import BOND, STRETCH

__all__ = ["nats_ahead"]

Array = NDArray[np.float64]

_COARSE = 1.0
"""Standard deviation in angstrom of a trace from the chain that it leads to, beside that of the distance: traces that
differ by less are the same."""
_SWITCH = 2.0
"""Standard deviations beyond which a distance counts linearly, so that a few wrong ones do not decide on a course."""
_ROUNDING = 1e-6
"""Angstrom."""


def nats_ahead(shells: Shells, number: int, place: Array, first: int | None = None) -> Array:
    r"""Log-likelihood of the distances of a residue and all later ones, for each of the places that it may have.

    .. math::
        -\sum_{k:\, i_k \ge m} E\!\Big(\frac{\max(d_k - u_k - r, 0) + \max(l_k - d_k - r, 0)}{s_k}\Big), \quad
        r = 0.92 \cdot 3.8\,\mathrm{Å}\, (i_k - n), \quad s_k^2 = \sigma_k^2 + (1\,\mathrm{Å})^2

    with E harmonic up to 2 and linear beyond, n the residue at the place, m the first one that counts, and d the
    distances of the place to the centres; r is 3.8 A for one residue. What later ones can still reach costs nothing.

    Parameters
    ----------
    shells : Shells
        Residues counted along the trace.
    number : int
        Which of them is at the places.
    place : ndarray, shape (M, 3) or (M, K, 3)
        In angstrom; in the second case the K are close to each other.
    first : int, optional
        Residue from which distances count; the one at the places by default.

    Returns
    -------
    ndarray, shape (M,) or (M, K)
        In nats, not positive.
    """
    out = np.zeros(place.shape[:-1])
    counted = np.flatnonzero(shells.residue >= (number if first is None else first))
    if not len(counted):
        return out
    # few places are too far for what is to come: those around one middle are looked at only if one of them may be
    middle = place.mean(-2) if place.ndim > 2 else place
    around = np.linalg.norm(place - middle[:, None], axis=-1).max(1) + _ROUNDING if place.ndim > 2 else 0.0
    for k in counted:
        reach = _reach(int(shells.residue[k]) - number)
        longest, shortest = shells.upper[k] + reach, shells.lower[k] - reach
        apart = np.linalg.norm(middle - shells.centre[k], axis=-1)
        rows = np.flatnonzero((apart + around > longest) | (apart - around < shortest))
        distance = np.linalg.norm(place[rows] - shells.centre[k], axis=-1)
        outside = np.maximum(distance - longest, 0) + np.maximum(shortest - distance, 0)
        scaled = outside / np.hypot(shells.sigma[k], _COARSE)
        inside = np.minimum(scaled, _SWITCH)
        out[rows] -= inside * scaled - 0.5 * np.square(inside)
    return out


def _reach(steps: int) -> float:
    return BOND * steps if steps < 2 else STRETCH * BOND * steps
