"""Rotamer classes of side chains, from contours in chi space derived from crystal structures.

The contours come with the package (``data/rotamers.npz``) and are made by
``python -m adp3d.training.rotamer_statistics``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import product

import numpy as np
from numpy.typing import NDArray

from .amino_acids import CHI_PATHS, SYMMETRIC_CHI, chi_count
from .ramachandran import ALLOWED, FAVOURED, OUTLIER, UNDEFINED
from .torsions import dihedral

__all__ = ["RotamerContours", "RotamerReport", "chi_angles", "chi_periods", "classify_rotamers", "load_rotamers"]

Array = NDArray[np.float64]

LARGEST_CHI = 4
_SAME_AS = {"MSE": "MET"}


@dataclass(frozen=True)
class RotamerContours:
    """Log density of one residue type in the space of its chi angles, and the levels of its classes.

    Parameters
    ----------
    log_density : ndarray, shape (G_1, ..., G_D)
        Natural log of the probability density relative to a uniform one, on a periodic grid: index i along axis k is
        ``chi_k = i periods[k] / G_k`` degrees.
    favoured, allowed : float
        A residue is favoured, or at least allowed, from these log densities up: they enclose 98 % and 99.7 % of the
        residues of good crystal structures, as in MolProbity (Hintze et al. 2016, Proteins 84, 1177).
    periods : ndarray, shape (D,)
        In degrees: 360, or 180 for a chi that a half turn leaves as it is.
    """

    log_density: Array
    favoured: float
    allowed: float
    periods: Array

    def evaluate(self, chi: NDArray[np.floating]) -> Array:
        """Interpolate the log density (periodic, multilinear) at angles (..., D) in degrees; NaN where one is NaN."""
        chi = np.asarray(chi, np.float64)
        shape = np.array(self.log_density.shape)
        defined = np.isfinite(chi).all(-1)
        u = np.mod(np.where(defined[..., None], chi, 0.0), self.periods) * shape / self.periods
        low = np.floor(u).astype(np.int64)
        part = u - low
        value = np.zeros(chi.shape[:-1])
        for corner in product((0, 1), repeat=len(shape)):
            step = np.array(corner)
            weight = np.where(step == 1, part, 1.0 - part).prod(-1)
            index = np.moveaxis((low + step) % shape, -1, 0)
            value += weight * self.log_density[tuple(index)]
        return np.where(defined, value, np.nan)


@dataclass(frozen=True)
class RotamerReport:
    """Rotamer classes of N residues.

    Parameters
    ----------
    classes : ndarray of int8, shape (N,)
        `FAVOURED`, `ALLOWED`, `OUTLIER` or `UNDEFINED` (glycine, alanine, other types, missing atoms).
    favoured, allowed, outliers : float
        Fractions of the defined residues; NaN where there are none.
    """

    classes: NDArray[np.int8]
    favoured: float
    allowed: float
    outliers: float


def chi_periods(name: str) -> Array:
    """Periods in degrees of the chi angles of a residue type; shape (D,)."""
    periods = np.full(chi_count(name), 360.0)
    if name in SYMMETRIC_CHI:
        periods[SYMMETRIC_CHI[name] - 1] = 180.0
    return periods


def chi_angles(name: str, atoms: Mapping[str, Sequence[float] | NDArray[np.floating]]) -> Array:
    """Chi angles of one residue in degrees, (-180, 180]; shape (D,), NaN where an atom is missing.

    Parameters
    ----------
    name : str
        Residue name.
    atoms : mapping of str to (3,)
        Positions in A by atom name.
    """
    path = CHI_PATHS.get(name, ())
    points = np.array([atoms.get(atom, (np.nan,) * 3) for atom in path], np.float64).reshape(-1, 3)
    return dihedral(points[:-3], points[1:-2], points[2:-1], points[3:])


@lru_cache(maxsize=1)
def load_rotamers() -> Mapping[str, RotamerContours]:
    """Contours shipped with the package, by residue name."""
    found = {}
    with (files(__package__) / "data" / "rotamers.npz").open("rb") as stream, np.load(stream) as z:
        offset, step = float(z["offset"]), float(z["step"])
        for row, name in enumerate(z["names"].tolist()):
            table = offset + step * z[name].astype(np.float64)
            found[name] = RotamerContours(table, float(z["favoured"][row]), float(z["allowed"][row]), chi_periods(name))
    return found


def classify_rotamers(names: Sequence[str], chi: NDArray[np.floating]) -> RotamerReport:
    """Classes of N side chains.

    Parameters
    ----------
    names : sequence of str
        N residue names; selenomethionine counts as methionine.
    chi : ndarray, shape (N, 4)
        Chi angles in degrees; those that a type does not have are not looked at.

    Returns
    -------
    RotamerReport
    """
    chi = np.asarray(chi, np.float64)
    types = np.array([_SAME_AS.get(name, name) for name in names], dtype=object)
    classes = np.full(len(types), UNDEFINED, np.int8)
    for name, contours in load_rotamers().items():
        mine = np.flatnonzero(types == name)
        level = contours.evaluate(chi[mine, : contours.periods.size])
        found = np.where(level >= contours.favoured, FAVOURED, np.where(level >= contours.allowed, ALLOWED, OUTLIER))
        classes[mine] = np.where(np.isfinite(level), found, UNDEFINED)
    defined = int((classes != UNDEFINED).sum())
    share = [float((classes == kind).sum()) / defined if defined else np.nan for kind in (FAVOURED, ALLOWED, OUTLIER)]
    return RotamerReport(classes, *share)
