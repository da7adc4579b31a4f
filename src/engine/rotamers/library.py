"""Rotamers of each residue type, from the contours that validation judges side chains by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from ..sidechain.templates import CHIS, MSE, N_TYPES, RESIDUE_NAMES
from ..validation.rotamers import RotamerContours, load_rotamers

__all__ = ["Rotamers", "chi_log_density", "contours_of", "peaks_of", "rotamers_of"]

Array = NDArray[np.float64]

_WIDTH = 30.0
"""Degrees for each chi: the probability of a rotamer is its density over a box of this width, about what belongs to one
peak (standard deviations of 8 to 12 degrees)."""
_MOST = 36
"""Rotamers of a type, the likeliest ones; lysine and arginine have more peaks, which hold 3 % of their residues."""
_SHIFT = np.deg2rad(14.0)
"""Radians by which the first two chi are turned off each peak for further candidates: a step that the descent bridges
in any map (the end of arginine moves 1.5 A with it)."""


@dataclass(frozen=True)
class Rotamers:
    """Rotamers of one residue type, likeliest first.

    Attributes
    ----------
    chi : ndarray, shape (K, 4)
        In radians; zero where the type has no such torsion.
    """

    chi: Array


@lru_cache(maxsize=1)
def rotamers_of() -> Mapping[int, Rotamers]:
    """Rotamers by residue type (rows of `adp3d.sidechain.templates.RESIDUE_NAMES`) with torsions."""
    found = {row: peaks_of(contours) for row, contours in contours_of().items()}
    return {row: Rotamers(_turned(peaks)) for row, peaks in found.items()}


def chi_log_density(aatype: NDArray[np.integer], chi: NDArray[np.floating]) -> Array:
    """Log probability of rotamers, ``log(p(chi) (30 / 360)^n)``: the density of each chi over 30 degrees.

    Parameters
    ----------
    aatype : ndarray of int, shape (C,)
    chi : ndarray, shape (C, 4)
        In radians.

    Returns
    -------
    ndarray, shape (C,)
        0 for types without torsions.
    """
    result = np.zeros(len(aatype))
    degrees = np.rad2deg(np.asarray(chi, np.float64))
    for row, contours in contours_of().items():
        mine = np.flatnonzero(np.asarray(aatype) == row)
        if mine.size:
            periods = contours.periods
            level = contours.evaluate(degrees[mine, : periods.size])
            result[mine] = np.minimum(level + np.log(np.minimum(_WIDTH / periods, 1.0)).sum(), 0.0)
    return result


@lru_cache(maxsize=1)
def contours_of() -> Mapping[int, RotamerContours]:
    """Contours of validation by residue type (rows of `adp3d.sidechain.templates.RESIDUE_NAMES`) with torsions."""
    tables = load_rotamers()
    named = {row: tables.get(RESIDUE_NAMES[row]) for row in range(N_TYPES)}
    named[MSE] = tables["MET"]
    return {row: contours for row, contours in named.items() if contours is not None}


def peaks_of(contours: RotamerContours) -> Array:
    """Angles (K, 4) in radians of the peaks of the density, highest first."""
    table, periods = contours.log_density, contours.periods
    # the highest point within 30 degrees along each axis; the table is rounded, and of equal points the first counts
    table = table - 1e-9 * np.arange(table.size).reshape(table.shape)
    size = [2 * max(1, round(_WIDTH * n / p)) + 1 for n, p in zip(table.shape, periods, strict=True)]
    top = (table == maximum_filter(table, size, mode="wrap")) & (table >= contours.allowed)
    at = np.argwhere(top)
    order = np.argsort(-table[tuple(at.T)], kind="stable")[:_MOST]
    chi = np.zeros((len(order), CHIS))
    chi[:, : periods.size] = np.deg2rad(at[order] * periods / np.array(table.shape))
    return chi


def _turned(peaks: Array) -> Array:
    """Peaks and their neighbours, the first two chi turned a little either way."""
    turns = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]
    every = [peaks + _SHIFT * np.array([first, second, 0, 0]) for first, second in turns]
    return np.concatenate(every)
