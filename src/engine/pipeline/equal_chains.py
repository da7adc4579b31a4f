"""Chains of equal sequence: what one of them shows is a first guess of what another lacks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..placing.target import Target
from ..structure.equal_residues import equal_residues
from ..structure.polymer import Polymer
from ..validation.superpose import kabsch, rmsd

__all__ = ["EqualChains"]

Array = NDArray[np.float64]

_BESIDE = 12
"""Residues on either side of a gap that chains are superposed by: what touches a loop from its own ends."""
_FEWEST = 4
"""Residues that a superposition needs: fewer lie on a line too often."""
_ALIKE = 2.0
"""Angstrom (rms, backbone) by which these may differ: chains that differ by more there are of another state."""


@dataclass(frozen=True)
class EqualChains:
    """The residues of a model among which chains of equal sequence are looked for.

    Attributes
    ----------
    xyz : ndarray, shape (N, 4, 3)
        N, CA, C, O of the whole model in angstrom, NaN where unknown.
    others : tuple of ndarray of int64
        For each residue the same residue of the chains of equal sequence; most often none.
    chain_index : ndarray of int64, shape (N,)
    rows : ndarray of int64, shape (K,)
        Residues of the model that a job samples, ascending.
    """

    xyz: Array
    others: tuple[NDArray[np.int64], ...]
    chain_index: NDArray[np.int64]
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, target: Target) -> EqualChains:
        """Those of a job that samples all its residues."""
        polymer = target.polymer
        xyz = np.where(target.known[..., None], target.xyz, np.nan)
        return cls(xyz, _same_residues(polymer), polymer.chain_index, np.arange(polymer.n_residues))

    def sampling(self, rows: NDArray[np.int64]) -> EqualChains:
        """The same for a job that samples these of its residues."""
        return replace(self, rows=self.rows[rows])

    def guesses(self, x: Array, found: NDArray[np.bool_], gap: slice) -> list[Array]:
        """Backbones (n, 4, 3) of a gap as other chains have it, those first whose ends are most alike.

        Parameters
        ----------
        x : ndarray, shape (K, 4, 3)
            Residues that are sampled, in angstrom.
        found : ndarray of bool, shape (K,)
            Those whose places are known by now.
        gap : slice
            Of these K; without a residue in between that is not sampled.
        """
        lacking = self.rows[gap]
        copies = np.array([self.others[row] for row in lacking.tolist()])
        if not copies.size:
            return []
        xyz = self.xyz.copy()
        xyz[self.rows] = np.where(found[:, None, None], x, np.nan)
        beside = self._beside(lacking)
        around = np.array([self.others[row] for row in beside.tolist()]).reshape(len(beside), -1)
        guesses: list[tuple[float, Array]] = []
        for copy, ends in zip(copies.T, around.T, strict=True):
            there = np.isfinite(xyz[ends]).all((1, 2)) & np.isfinite(xyz[beside]).all((1, 2))
            if there.sum() < _FEWEST or not np.isfinite(xyz[copy]).all():
                continue
            mobile, fixed = xyz[ends[there]].reshape(-1, 3), xyz[beside[there]].reshape(-1, 3)
            motion = kabsch(mobile, fixed)
            apart = float(rmsd(motion.apply(mobile), fixed))
            if apart < _ALIKE:
                guesses.append((apart, motion.apply(xyz[copy].reshape(-1, 3)).reshape(-1, 4, 3)))
        return [guess for _, guess in sorted(guesses, key=lambda one: one[0])]

    def _beside(self, lacking: NDArray[np.int64]) -> NDArray[np.int64]:
        """Residues of the model next to a gap, in its chain."""
        first, last = int(lacking[0]), int(lacking[-1])
        near = np.r_[max(first - _BESIDE, 0) : first, last + 1 : min(last + 1 + _BESIDE, len(self.chain_index))]
        return np.asarray(near[self.chain_index[near] == self.chain_index[first]])


def _same_residues(polymer: Polymer) -> tuple[NDArray[np.int64], ...]:
    """For each residue the same one of the other chains of equal sequence."""
    others = [np.zeros(0, np.int64)] * polymer.n_residues
    for rows in equal_residues(polymer):
        for same in rows:  # one residue in all chains
            for row in same.tolist():
                others[row] = same[same != row]
    return tuple(others)
