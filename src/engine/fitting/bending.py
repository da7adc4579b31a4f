"""When known residues fit clearly better elsewhere, so that a bent model should follow the map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .chance import by_chance, caution

__all__ = ["ask_of_moves", "least_move", "merit_of_places"]

_GAIN, _ALONG, _CERTAIN = 0.02, 20, 0.5
"""Local correlation by which known residues must fit better elsewhere: replicas that agree within 0.1 A differ by so
much; and over how many residues, in what part of its deviation by chance (both places share noise)."""
_FAR_GAIN, _MOST_FAR = 0.04, 0.4
"""Local correlation for each angstrom that a residue is moved, and at most: what fits where it is (0.7 and more) does
not leave for other density, what does not (0.1 to 0.5) may go as far as a hinge takes it. Chosen by hand, after parts
of a right model went astray in a run of few steps."""
_WAY, _DETAIL = 0.3, 0.15
"""Angstrom, and part of the resolution, from which a known residue counts as moved, and its old place as wrong; the
last stage may do less. What is bent in maps of 4 A comes to be off by 0.4 to 0.6 A; right models of 44 residues, off by
0.17 and 0.35 A, came to 0.21 to 0.28 A there when 0.3 A was enough, and to 0.12 to 0.18 A with this."""
_MOST = 10.0
"""More than any local correlation."""


def merit_of_places(
    fit: NDArray[np.float64],
    far: NDArray[np.float64],
    known: NDArray[np.bool_],
    loose: NDArray[np.bool_],
    typical: float,
    resolution: float,
) -> NDArray[np.float64]:
    """How good the places of residues are, so that one is left only for a clearly better one.

    Parameters
    ----------
    fit : ndarray, shape (structure, N)
        Local correlation of known residues; the first structure is the model as it is.
    far : ndarray, shape (structure, N)
        How far residues are from where the model has them, in angstrom.
    known, loose : ndarray of bool, shape (N,)
        Residues that the model has, and those of them that may move.
    typical : float
        Local correlation of what is right in this map.
    resolution : float
        In angstrom.

    Returns
    -------
    ndarray, shape (structure, N)
        0 for residues that are not known.
    """
    merit = np.where(known, fit, 0.0)
    gain = max(_GAIN, _CERTAIN * by_chance(typical, resolution, _ALONG)) * caution(resolution)
    merit[0] += np.where(loose, gain, np.where(known, _MOST, 0.0))
    merit -= np.where(known, ask_of_moves(far), 0.0)
    return merit


def ask_of_moves(far: NDArray[np.float64]) -> NDArray[np.float64]:
    """Local correlation that residues have to gain where they are moved so far, in angstrom."""
    return np.minimum(_FAR_GAIN * far, _MOST_FAR)


def least_move(resolution: float) -> float:
    """Angstrom from which a residue counts as moved in a map of a resolution in angstrom."""
    return max(_WAY, _DETAIL * resolution)
