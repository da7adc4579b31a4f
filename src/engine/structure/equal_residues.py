"""Chains of equal sequence, residue by residue."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from .polymer import Polymer

__all__ = ["equal_residues"]


def equal_residues(polymer: Polymer) -> list[NDArray[np.int64]]:
    """Rows of the residues of chains that have the same sequence.

    Returns
    -------
    list of ndarray of int64, each of shape (L, n)
        For each sequence that two chains or more have, its L residues in these n chains.
    """
    chains: dict[str, list[NDArray[np.int64]]] = defaultdict(list)
    for chain in range(len(polymer.chain_ids)):
        rows = np.flatnonzero(polymer.chain_index == chain)
        chains["".join(polymer.sequence[row] for row in rows.tolist())].append(rows)
    return [np.stack(same, axis=1) for same in chains.values() if len(same) > 1]
