"""Which residues of one model another model has, too."""

from __future__ import annotations

from collections.abc import Sequence

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..structure.polymer import UNKNOWN

__all__ = ["Label", "common_residues"]

Label = tuple[str, int, str]
"""Chain, number and insertion code."""
Rows = NDArray[np.int64]

_FEWEST = 3
"""Residues that two chains share at least: fewer cannot be superposed."""
_ALIKE = 0.9
"""Share of residues facing each other whose types agree; below, it is another protein. Chosen."""


def common_residues(
    labels: Sequence[Label], sequence: str, other_labels: Sequence[Label], other_sequence: str
) -> tuple[Rows, Rows]:
    """Rows of the residues that two models share, in either of them.

    A chain is compared with its namesake, or, where that is another protein or absent, with the chain that has most in
    common with it and no partner yet. Residues face each other by number and insertion code; where the types of these
    disagree, as in models numbered otherwise, by an alignment that at least half of the shorter chain has a part in.

    Parameters
    ----------
    labels, other_labels : sequence of Label
        Of n and m residues.
    sequence, other_sequence : str
        Their one-letter codes.

    Returns
    -------
    tuple of ndarray of int64, shape (shared,)
        Residues of the same types only; both empty if there are none.
    """
    mine, others = _by_chain(labels), _by_chain(other_labels)
    pairs: list[tuple[Rows, Rows]] = []
    # namesakes first, so that no other chain takes one away
    for name in sorted(mine, key=lambda name: name not in others):
        found: dict[str, tuple[Rows, Rows]] = {}
        for partner in sorted(others, key=lambda partner: partner != name):
            shared = _shared(mine[name], labels, sequence, others[partner], other_labels, other_sequence)
            if shared is not None:
                found[partner] = shared
            if name in found:
                break
        if found:
            partner = max(found, key=lambda partner: len(found[partner][0]))
            pairs.append(found[partner])
            del others[partner]
    if not pairs:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs])


def _by_chain(labels: Sequence[Label]) -> dict[str, list[int]]:
    chains: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        chains.setdefault(label[0], []).append(row)
    return chains


def _shared(
    mine: Sequence[int],
    labels: Sequence[Label],
    sequence: str,
    others: Sequence[int],
    other_labels: Sequence[Label],
    other_sequence: str,
) -> tuple[Rows, Rows] | None:
    """Residues that two chains share; None if they are of different proteins."""
    there = {other_labels[row][1:]: row for row in others}
    alike = _alike(
        [(row, there[labels[row][1:]]) for row in mine if labels[row][1:] in there], sequence, other_sequence
    )
    if alike is None:
        aligned = gemmi.align_string_sequences(
            [sequence[row] for row in mine], [other_sequence[row] for row in others], []
        ).cigar_str()
        least = 0.5 * min(len(mine), len(others))
        alike = _alike(_facing(aligned, mine, others), sequence, other_sequence, least)
    return None if alike is None else (alike[:, 0], alike[:, 1])


def _alike(facing: Sequence[tuple[int, int]], sequence: str, other_sequence: str, least: float = 0.0) -> Rows | None:
    """Of pairs of rows those of one type, (pair, 2); None if they are too few for one protein."""
    found = [(a, b) for a, b in facing if sequence[a] == other_sequence[b] != UNKNOWN]
    return np.array(found, np.int64) if len(found) >= max(_FEWEST, _ALIKE * len(facing), least) else None


def _facing(cigar: str, mine: Sequence[int], others: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of rows that an alignment puts opposite each other."""
    pairs: list[tuple[int, int]] = []
    a = b = count = 0
    for letter in cigar:
        if letter.isdigit():
            count = 10 * count + int(letter)
            continue
        if letter == "M":
            pairs += zip(mine[a : a + count], others[b : b + count], strict=True)
        a += count if letter in "MI" else 0
        b += count if letter in "MD" else 0
        count = 0
    return pairs
