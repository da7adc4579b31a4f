"""Some of the residues of a job, as a job of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..structure.polymer import Polymer
from .target import Target, Unbuilt

__all__ = ["part_of_target", "without_residues"]


def part_of_target(target: Target, rows: NDArray[np.int64]) -> Target:
    """Target with the residues of these ascending rows (K,) only; its `left_out` counts those between them.

    Chains of which no residue is left are not there any more. The report is that of the whole.
    """
    polymer = target.polymer
    chains, chain_index = np.unique(polymer.chain_index[rows], return_inverse=True)
    positions = polymer.residue_index[rows]
    first = np.flatnonzero(np.diff(chain_index, prepend=-1) != 0)
    before = np.zeros(target.n_residues, np.int64) if target.left_out is None else target.left_out
    place = np.cumsum(1 + before)
    left_out = np.diff(place[rows], prepend=0) - 1
    left_out[first] = 0
    lengths = np.diff(np.append(first, len(rows)))
    return replace(
        target,
        polymer=Polymer(
            "".join(polymer.sequence[row] for row in rows),
            chain_index.astype(np.int64),
            positions - np.repeat(positions[first], lengths),
            tuple(polymer.chain_ids[chain] for chain in chains.tolist()),
        ),
        xyz=target.xyz[rows],
        known=target.known[rows],
        sigma=target.sigma[rows],
        labels=tuple(target.labels[row] for row in rows),
        names=tuple(target.names[row] for row in rows),
        sources=tuple(target.sources[row] for row in rows),
        left_out=left_out.astype(np.int64),
        aside=tuple(np.flatnonzero(np.isin(rows, target.aside) & (np.diff(rows, append=-1) == 1)).tolist()),
        lddt=None if target.lddt is None else target.lddt[rows],
    )


def without_residues(target: Target, rows: NDArray[np.int64]) -> Target:
    """Target without the residues of these rows, which the records of its result name nevertheless.

    Parameters
    ----------
    target : Target
        All of whose sequence is in the job.
    rows : ndarray of int64
        Residues that the model does not show; each chain has others.

    Raises
    ------
    ValueError
        If the model shows one of the residues, or the job does not have the whole sequence.
    """
    if any(target.sources[row] is not None for row in rows):
        raise ValueError("residues that the model shows are not left out")
    if target.left_out is not None:
        raise ValueError("the job leaves residues out already")
    gone = np.isin(np.arange(target.n_residues), rows)
    stays = np.flatnonzero(~gone)
    before: list[tuple[str, ...]] = []
    behind: dict[str, tuple[str, ...]] = {}
    for index, chain in enumerate(target.polymer.chain_ids):
        skipped: list[str] = []
        for row in np.flatnonzero(target.polymer.chain_index == index).tolist():
            if gone[row]:
                skipped.append(target.names[row])
                continue
            before.append(tuple(skipped))
            skipped = []
        if skipped:
            behind[chain] = tuple(skipped)
    return replace(part_of_target(target, stays), unbuilt=Unbuilt(tuple(before), behind))
