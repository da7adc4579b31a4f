"""Fragments of one sequence gathered into copies of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..structure.observed import ObservedChain
from ..structure.sequences import NamedSequence
from .alignment import CA_STEP, STEP_TOLERANCE, Alignment

__all__ = ["Copy", "PlacedFragment", "drop_rows", "gather_copies"]

Ints = NDArray[np.int64]

SAME_PLACE = 4.0  # angstrom between CA atoms of two fragments that show one and the same residue
SMALL_OVERLAP = 5  # residues by which the ends of neighbouring fragments may overlap
SECOND_COPY = 20  # residues that must agree with the sequence before a further copy of it is built
FEW = 3  # residues: fewer that agree, or no more that nothing shows, are no evidence


@dataclass(frozen=True)
class PlacedFragment:
    """A chain, or a part of one, and its place on a sequence.

    Parameters
    ----------
    chain : ObservedChain
        The residues.
    alignment : Alignment
        Their positions.
    named : bool
        Whether the user's sequence names this chain, so that it is a copy of its own.
    """

    chain: ObservedChain
    alignment: Alignment
    named: bool


@dataclass(eq=False)
class Copy:
    """One copy of a sequence and the fragments that show it, the largest first.

    Parameters
    ----------
    sequence : NamedSequence
        Its sequence.
    fragments : list of PlacedFragment
        At least one; positions of a later one that an earlier one occupies are cleared (-1).
    superseded : list of (PlacedFragment, Ints)
        Rows of fragments that were given up because another fragment shows the same positions.
    notes : list of str
        What the user should know.
    """

    sequence: NamedSequence
    fragments: list[PlacedFragment]
    superseded: list[tuple[PlacedFragment, Ints]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def occupied(self) -> tuple[Ints, NDArray[np.float64]]:
        """Sequence positions shown so far, sorted, and their CA atoms."""
        positions = np.concatenate([f.alignment.positions for f in self.fragments])
        ca = np.concatenate([f.chain.xyz[:, 1] for f in self.fragments])
        order = np.argsort(positions, kind="stable")
        order = order[positions[order] >= 0]
        return positions[order], ca[order]


def gather_copies(
    placed: list[tuple[int, PlacedFragment]], sequences: Sequence[NamedSequence]
) -> tuple[list[Copy], list[tuple[ObservedChain, str]]]:
    """Form copies, from the largest fragment down; named chains first, since each is its own copy.

    Parameters
    ----------
    placed : list of (int, PlacedFragment)
        Each fragment with the index of its sequence.
    sequences : sequence of NamedSequence

    Returns
    -------
    copies : list of Copy
    undecided : list of (ObservedChain, str)
        What is too little for a copy of its own, with the reason.
    """
    copies: list[Copy] = []
    undecided: list[tuple[ObservedChain, str]] = []
    ranked = sorted(placed, key=lambda item: (not item[1].named, -item[1].alignment.placed))
    shown: dict[int, set[int]] = {}
    for index, fragment in placed:
        shown.setdefault(index, set()).update(fragment.alignment.positions.tolist())
    for index, fragment in ranked:
        options = []
        for number, copy in enumerate(copies):
            if copy.sequence is not sequences[index] or fragment.named or not _has_reason(copy, fragment):
                continue
            strain = _strain(copy, fragment, shown[index])
            if strain is not None:
                options.append((strain, number))
        if options:
            _join(copies[min(options)[1]], fragment)
            continue
        matches, name = fragment.alignment.matches, sequences[index].name
        first = all(copy.sequence is not sequences[index] for copy in copies)
        if first or fragment.named or matches >= SECOND_COPY:
            copies.append(Copy(sequences[index], [fragment]))
            continue
        undecided.append(
            (
                fragment.chain,
                f"which cannot be told to belong to a copy of '{name}' that is there; {matches} residues that match "
                f"are too few to build a further one ({SECOND_COPY} are needed, or a sequence that names the chain)",
            )
        )
    return copies, undecided


def _has_reason(copy: Copy, fragment: PlacedFragment) -> bool:
    """Whether more than its numbers says that a fragment belongs to a copy.

    Parts of one chain do; a part of another chain needs three residues of the sequence's types, or a bond. Unknown
    types and poly-alanine are often numbered from 1 wherever they are. Only where no types are known at all there is
    nothing else to go by.
    """
    if fragment.alignment.matches >= FEW or any(
        part.chain.chain_id == fragment.chain.chain_id for part in copy.fragments
    ):
        return True
    if all(part.alignment.typed == 0 for part in copy.fragments):
        return True
    positions, ca = copy.occupied()
    rows = np.flatnonzero(fragment.alignment.positions >= 0)
    for row, step in ((rows[0], -1), (rows[-1], 1)):
        beside = np.flatnonzero(positions == fragment.alignment.positions[row] + step)
        distance = np.linalg.norm(ca[beside] - fragment.chain.xyz[row, 1], axis=-1)
        if (distance < CA_STEP + STEP_TOLERANCE / 2).any():
            return True
    return False


def _strain(copy: Copy, fragment: PlacedFragment, shown: set[int]) -> float | None:
    """How far the missing residues must stretch to join a fragment (1 = fully), None if it cannot belong.

    A fragment large enough for a copy of its own may be too far where hardly anything is missing in between, all
    positions but three being ``shown`` by some fragment: two molecules that show nothing twice and leave nothing out
    are less likely than a break at which the sequence lacks residues.
    """
    positions, ca = copy.occupied()
    rows = np.flatnonzero(fragment.alignment.positions >= 0)
    own, own_ca = fragment.alignment.positions[rows], fragment.chain.xyz[rows, 1]
    both, left, right = np.intersect1d(positions, own, return_indices=True)
    if len(both):
        apart = np.linalg.norm(ca[left] - own_ca[right], axis=-1)
        same = np.isfinite(apart).any() and float(np.nanmedian(apart)) < SAME_PLACE
        if same:
            return 0.0
        if len(both) > min(SMALL_OVERLAP, 0.2 * len(own)):
            return None
        new = ~np.isin(own, positions)
        own, own_ca = own[new], own_ca[new]
    merged = np.concatenate([positions, own])
    whose = np.concatenate([np.zeros(len(positions)), np.ones(len(own))])
    order = np.argsort(merged, kind="stable")
    gap = np.diff(merged[order])
    distance = np.linalg.norm(np.diff(np.concatenate([ca, own_ca])[order], axis=0), axis=-1)
    joint = (np.diff(whose[order]) != 0) & np.isfinite(distance)
    far = np.flatnonzero(joint & (distance > CA_STEP * gap + STEP_TOLERANCE))
    if len(far) and fragment.alignment.matches < SECOND_COPY:
        return None
    places = merged[order]
    if any(len(set(range(int(places[i]) + 1, int(places[i + 1]))) - shown) > FEW for i in far):
        return None
    return float(np.max(distance[joint] / (CA_STEP * gap[joint]), initial=0.0))


def _join(copy: Copy, fragment: PlacedFragment) -> None:
    """Add a fragment to a copy; where positions are taken, the earlier (larger) fragment keeps them."""
    taken, _ = copy.occupied()
    rows = np.flatnonzero(np.isin(fragment.alignment.positions, taken) & (fragment.alignment.positions >= 0))
    name = fragment.chain.chain_id
    main = copy.fragments[0].chain.chain_id
    length = len(fragment.chain)
    if len(rows):
        copy.superseded.append((fragment, rows))
        ends = [fragment.chain.label(int(row)) for row in (rows[0], rows[-1])]
        copy.notes.append(
            f"{len(rows)} of {length} residues of chain {name} lie on positions that a larger fragment shows "
            f"and were given up ({ends[0]} to {ends[1]})"
        )
    rest = drop_rows(fragment, rows)
    if (rest.alignment.positions >= 0).any():
        copy.fragments.append(rest)
        if name != main:
            copy.notes.append(f"{len(rest.chain)} residues of chain {name} were joined to chain {main}")


def drop_rows(fragment: PlacedFragment, rows: Ints) -> PlacedFragment:
    """Return the fragment without some of its rows (sorted or not)."""
    keep = np.setdiff1d(np.arange(len(fragment.chain)), rows)
    old = fragment.alignment
    alignment = Alignment(old.positions[keep], old.score, old.matches, old.typed, old.log10_chance)
    return PlacedFragment(fragment.chain.subset(keep), alignment, fragment.named)
