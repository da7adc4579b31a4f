"""The residues a job is about: sequence, chains and positions, without coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["AMINO_ACIDS", "UNKNOWN", "Polymer"]

AMINO_ACIDS = "ARNDCQEGHILKMFPSTWYV"
"""One-letter codes in the order used for network input; index 20 stands for unknown."""

UNKNOWN = "X"


@dataclass(frozen=True)
class Polymer:
    """Sequence and connectivity of the N residues of a job.

    Parameters
    ----------
    sequence : str
        N one-letter codes; anything outside the 20 standard ones counts as unknown (``X``).
    chain_index : ndarray of int64, shape (N,)
        Chain of each residue, 0-based and non-decreasing.
    residue_index : ndarray of int64, shape (N,)
        0-based position of each residue on the sequence of its chain, increasing within a chain.
    chain_ids : tuple of str
        Name of each chain, as the user sees it.

    Raises
    ------
    ValueError
        If the lengths disagree or the indices are not ordered as described.
    """

    sequence: str
    chain_index: NDArray[np.int64]
    residue_index: NDArray[np.int64]
    chain_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        n = len(self.sequence)
        if self.chain_index.shape != (n,) or self.residue_index.shape != (n,):
            raise ValueError(f"chain_index and residue_index must have shape ({n},)")
        if n == 0:
            raise ValueError("a polymer has at least one residue")
        chain_step = np.diff(self.chain_index)
        if (chain_step < 0).any() or self.chain_index[0] != 0 or self.chain_index[-1] >= len(self.chain_ids):
            raise ValueError("chain_index must start at 0, never decrease and stay below len(chain_ids)")
        if (np.diff(self.residue_index)[chain_step == 0] <= 0).any():
            raise ValueError("residue_index must increase within a chain")

    @classmethod
    def single_chain(cls, sequence: str, chain_id: str = "A") -> Polymer:
        """One uninterrupted chain with the given one-letter sequence."""
        n = len(sequence)
        return cls(sequence, np.zeros(n, np.int64), np.arange(n, dtype=np.int64), (chain_id,))

    @property
    def n_residues(self) -> int:
        """Number of residues N."""
        return len(self.sequence)

    @property
    def segment_lengths(self) -> tuple[int, ...]:
        """Lengths of the runs without chain change or jump in ``residue_index``; they sum to N."""
        jump = (np.diff(self.chain_index) != 0) | (np.diff(self.residue_index) != 1)
        bounds = np.concatenate([[0], np.flatnonzero(jump) + 1, [self.n_residues]])
        return tuple(int(length) for length in np.diff(bounds))

    @property
    def aatype(self) -> NDArray[np.int64]:
        """Residue types as indices into `AMINO_ACIDS`, 20 where unknown; shape (N,)."""
        lookup = {code: i for i, code in enumerate(AMINO_ACIDS)}
        return np.array([lookup.get(code, len(AMINO_ACIDS)) for code in self.sequence], dtype=np.int64)
