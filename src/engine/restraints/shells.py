"""Spherical shells around known points, in which CA atoms of single residues lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Shells"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Shells:
    """What distances to known atoms say of places: K shells, several of which may be about one residue.

    Attributes
    ----------
    residue : ndarray of int64, shape (K,)
        Which residue lies in each.
    centre : ndarray, shape (K, 3)
        In angstrom.
    lower, upper : ndarray, shape (K,)
        Radii in angstrom; ``lower`` may be 0 and ``upper`` infinite.
    sigma : ndarray, shape (K,)
        Standard deviation in angstrom of what lies outside.
    """

    residue: NDArray[np.int64]
    centre: Array
    lower: Array
    upper: Array
    sigma: Array

    @classmethod
    def none(cls) -> Shells:
        """Nothing is said of any residue."""
        empty = np.zeros(0)
        return cls(np.zeros(0, np.int64), np.zeros((0, 3)), empty, empty, empty)

    def __len__(self) -> int:
        return len(self.residue)

    def __add__(self, other: Shells) -> Shells:
        return Shells(
            np.concatenate([self.residue, other.residue]),
            np.concatenate([self.centre, other.centre]),
            np.concatenate([self.lower, other.lower]),
            np.concatenate([self.upper, other.upper]),
            np.concatenate([self.sigma, other.sigma]),
        )

    def within(self, rows: slice) -> Shells:
        """Those of some residues in a row, which are counted from the first of them."""
        own = (self.residue >= rows.start) & (self.residue < rows.stop)
        return self._of(own, self.residue[own] - rows.start)

    def reversed(self, length: int) -> Shells:
        """The same with so many residues counted from the last one."""
        return self._of(np.ones(len(self), bool), length - 1 - self.residue)

    def _of(self, rows: NDArray[np.bool_], residue: NDArray[np.int64]) -> Shells:
        return Shells(residue, self.centre[rows], self.lower[rows], self.upper[rows], self.sigma[rows])
