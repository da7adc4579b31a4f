"""Whether a model lies beside its density: parts of it would fit better a little further on."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve1d

from .support import Support, along_chains

__all__ = ["SHIFTS", "displaced_residues", "lies_beside"]

_WAY = 0.7
"""Angstrom of the shifts: about as far as the models that they are to tell from right ones have moved."""
SHIFTS = _WAY * np.array(
    [
        np.array(step) / np.linalg.norm(step)
        for step in itertools.product((-1, 0, 1), repeat=3)
        if np.abs(step).sum() in (1, 3)
    ]
)
"""Shifts (14, 3) in angstrom, along axes and diagonals of a cube."""
_GAIN = 0.05
"""Local correlation, as a fraction of a typical one, by which a residue must fit better."""
_ALONG, _DISPLACED = 100, 25
"""Of so many residues in a row, so many that would fit better elsewhere tell that the model is bent or shifted. Of
six validation chains (101 to 156 residues) in maps at 2.5 and 3.5 A, at most 1 % would with errors of 0.2 A, 28 to
44 % bent by 0.5 A, and more than 60 % bent by 0.8 A and more. At 4.5 A 11 to 31 % would with errors of 0.2 A."""


def displaced_residues(
    fit: NDArray[np.float64], shifted: NDArray[np.float64], support: Support, chain_index: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Residues (N,) that the map supports and that would fit clearly better with all of the model shifted.

    Parameters
    ----------
    fit : ndarray, shape (N,)
        Local map-model correlation of known residues; NaN elsewhere.
    shifted : ndarray, shape (S, N)
        The same of the model with each of `SHIFTS`.
    support : Support
    chain_index : ndarray of int64, shape (N,)
    """
    here = along_chains(fit, chain_index)
    there = np.stack([along_chains(one, chain_index) for one in shifted])
    with np.errstate(invalid="ignore"):
        return np.asarray(support.trusted & ((there - here).max(0) > _GAIN * support.typical))


def lies_beside(displaced: NDArray[np.bool_], chain_index: NDArray[np.int64]) -> bool:
    """Whether 25 of some 100 residues in a row of a chain are displaced (N,)."""
    for chain in np.unique(chain_index):
        own = displaced[chain_index == chain].astype(np.int64)
        if convolve1d(own, np.ones(_ALONG, np.int64), mode="constant").max() >= _DISPLACED:
            return True
    return False
