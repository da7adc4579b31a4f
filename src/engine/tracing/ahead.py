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


def nats_ahead(shells: Shells, number: int, place: Array, first: int | None = None) -> Array:
    r"""Log-likelihood (...) of the distances of a residue and all later ones, if it is at places (..., 3).

    .. math::
        -\sum_{k:\, i_k \ge m} E\!\Big(\frac{\max(d_k - u_k - r, 0) + \max(l_k - d_k - r, 0)}{s_k}\Big), \quad
        r = 0.92 \cdot 3.8\,\mathrm{Å}\, (i_k - n), \quad s_k^2 = \sigma_k^2 + (1\,\mathrm{Å})^2

    with E harmonic up to 2 and linear beyond, n the residue at the place, m the first one that counts, and d the
    distances of the place to the centres. What later residues can still reach costs nothing.

    Parameters
    ----------
    shells : Shells
        Residues counted along the trace.
    number : int
        Which of them is at the places.
    place : ndarray, shape (..., 3)
        In angstrom.
    first : int, optional
        Residue from which distances count; the one at the places by default.

    Returns
    -------
    ndarray
        In nats, not positive.
    """
    out = np.zeros(place.shape[:-1])
    for k in np.flatnonzero(shells.residue >= (number if first is None else first)):
        reach = STRETCH * BOND * (shells.residue[k] - number)
        distance = np.linalg.norm(place - shells.centre[k], axis=-1)
        outside = np.maximum(distance - shells.upper[k] - reach, 0) + np.maximum(shells.lower[k] - distance - reach, 0)
        scaled = outside / np.hypot(shells.sigma[k], _COARSE)
        inside = np.minimum(scaled, _SWITCH)
        out -= inside * scaled - 0.5 * np.square(inside)
    return out
