"""Which chains and fragments of a model belong to which copy of which sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .alignment import CA_STEP, STEP_TOLERANCE, Alignment, align_chain, comparable_codes
from .observed import ObservedChain
from .polymer import UNKNOWN
from .sequences import NamedSequence

__all__ = ["Assignment", "Copy", "PlacedFragment", "assign_chains"]

Ints = NDArray[np.int64]

ACCEPT_LOG10 = -1.3  # at most one chance placement as good in twenty
RETRY_LENGTH = 8  # stretches off the sequence at least this long are tried on their own
SAME_PLACE = 4.0  # angstrom between CA atoms of two fragments that show one and the same residue
SMALL_OVERLAP = 5  # residues by which the ends of neighbouring fragments may overlap
CANDIDATES = 4  # sequences that are aligned in full when many are given
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


@dataclass(frozen=True)
class Assignment:
    """All copies, in file order of their largest fragment, and what found no place.

    Parameters
    ----------
    copies : tuple of Copy
        At least one.
    unplaced : tuple of ObservedChain
        Chains, or parts, that match no sequence.
    undecided : tuple of (ObservedChain, str)
        Chains, or parts, that are no part of a copy and too little to begin a further one, with the reason.
    notes : tuple of str
        What the user should know.
    """

    copies: tuple[Copy, ...]
    unplaced: tuple[ObservedChain, ...]
    notes: tuple[str, ...]
    undecided: tuple[tuple[ObservedChain, str], ...] = ()


def assign_chains(
    chains: Sequence[ObservedChain], sequences: Sequence[NamedSequence], use_label_seq: bool = False
) -> Assignment:
    """Place every chain on its best sequence and gather fragments into copies.

    A chain that a sequence names is aligned with that sequence only, and is a copy of its own. Any other
    chain goes to the sequence with the highest score; the placement counts when fewer than 0.05 as good are
    expected by chance. Longer stretches that stay off the sequence are tried again on their own. Then, from
    the largest fragment down, each joins the copy of its sequence that it fits best: one whose positions it
    does not overlap (ends by up to five residues, or residues within 4 A of each other, excepted) and whose
    neighbouring fragments are near enough for the missing residues to span (3.9 A each), or follow one another on
    the sequence with hardly any, a chain break. A chain of fewer than three residues that match, or none, as where
    types are unknown, joins no other unless it is bonded to it. Otherwise it starts a new copy, if it is the first of
    its sequence or at least 20 of its residues agree with it: stray residues, unknown types and poly-alanine are no
    evidence of a second molecule.

    Parameters
    ----------
    chains : sequence of ObservedChain
        The protein chains of the job.
    sequences : sequence of NamedSequence
        At least one.
    use_label_seq : bool
        Whether the file's own sequence positions, where complete, replace residue numbers as the hint.

    Returns
    -------
    Assignment
        Copies, unplaced parts and notes.

    Raises
    ------
    InputError
        If no chain matches any sequence.
    """
    sequences = _distinct(sequences)
    placed: list[tuple[int, PlacedFragment]] = []
    unplaced: list[ObservedChain] = []
    notes: list[str] = []
    for chain in chains:
        found = _place_chain(chain, sequences, use_label_seq, notes)
        if found is None:
            unplaced.append(chain)
            continue
        index, fragment = found
        moved: list[Ints] = []
        for rows in _loose_stretches(fragment):
            again = _place_chain(chain.subset(rows), sequences, use_label_seq, [], named_allowed=False)
            if again is not None:
                placed.append(again)
                moved.append(rows)
        if moved:
            fragment = _drop_rows(fragment, np.concatenate(moved))
        placed.append((index, fragment))
        unplaced.extend(_floating_parts(fragment))
    if not placed:
        raise InputError(_no_match(chains, sequences))
    copies, undecided = _gather(placed, sequences)
    notes += [
        f"chain {fragment.chain.chain_id} has no residue types and was placed by its residue numbers"
        for copy in copies
        for fragment in copy.fragments
        if fragment.alignment.typed == 0
    ]
    order = {id(chain): i for i, chain in enumerate(chains)}
    first = {chain.chain_id: order[id(chain)] for chain in reversed(chains)}
    copies.sort(key=lambda copy: first[copy.fragments[0].chain.chain_id])
    ids = {chain.chain_id for chain in chains}
    for sequence in sequences:
        if all(copy.sequence is not sequence for copy in copies):
            notes.append(f"no chain of the job shows '{sequence.name}', so it is not built")
        absent = [name for name in sequence.chains or () if name not in ids]
        if absent and len(absent) < len(sequence.chains or ()):
            notes.append(f"'{sequence.name}' names chain {', '.join(absent)}, not in the job, so it is not built")
    return Assignment(tuple(copies), tuple(unplaced), tuple(notes), tuple(undecided))


def _distinct(sequences: Sequence[NamedSequence]) -> list[NamedSequence]:
    """Merge entries with the same letters (one per copy in some files), their chains together."""
    merged: dict[str, NamedSequence] = {}
    for entry in sequences:
        before = merged.get(entry.sequence)
        if before is None:
            merged[entry.sequence] = entry
            continue
        chains = tuple(dict.fromkeys((before.chains or ()) + (entry.chains or ())))
        merged[entry.sequence] = NamedSequence(before.name, entry.sequence, chains or None)
    return list(merged.values())


def _no_match(chains: Sequence[ObservedChain], sequences: Sequence[NamedSequence]) -> str:
    """Return the sentence for a model that matches no sequence, with the best identity found."""
    longest = max(chains, key=len)
    best = max((align_chain(longest, s.sequence) for s in sequences[:CANDIDATES]), key=lambda a: a.score)
    plural = "s" if len(sequences) > 1 else ""
    return (
        f"No chain of the model matches the sequence{plural} given (best for chain {longest.chain_id}: "
        f"{100 * best.identity:.0f} % identical); give the sequence of the proteins in the model."
    )


def _place_chain(
    chain: ObservedChain,
    sequences: Sequence[NamedSequence],
    use_label_seq: bool,
    notes: list[str],
    named_allowed: bool = True,
) -> tuple[int, PlacedFragment] | None:
    """Place a chain on the sequence that names it, else on the best of all; None if none is good enough."""
    numbers = None
    if use_label_seq and all(label is not None for label in chain.label_seq):
        numbers = np.array(chain.label_seq, dtype=np.int64)
    named = [i for i, s in enumerate(sequences) if s.chains and chain.chain_id in s.chains]
    for i in named if named_allowed else ():
        alignment = align_chain(chain, sequences[i].sequence, numbers)
        if alignment.identity >= 0.4 or _acceptable(alignment, len(chain)):
            return i, PlacedFragment(chain, alignment, named=True)
        notes.append(
            f"chain {chain.chain_id} is named by '{sequences[i].name}' but only "
            f"{100 * alignment.identity:.0f} % of it match; its place was looked for among all sequences"
        )
    best: tuple[int, Alignment] | None = None
    for i in _candidates(chain, sequences):
        alignment = align_chain(chain, sequences[i].sequence, numbers)
        if best is None or alignment.score > best[1].score:
            best = (i, alignment)
    if best is None or not _acceptable(best[1], len(chain)):
        return None
    if best[1].typed == 0 and len(sequences) > 1:
        return None
    return best[0], PlacedFragment(chain, best[1], named=False)


def _acceptable(alignment: Alignment, length: int) -> bool:
    """Whether a placement is better than chance; chains without types need numbers that fit throughout."""
    if alignment.typed == 0:
        return alignment.placed == length and alignment.log10_chance <= 0
    return alignment.log10_chance <= ACCEPT_LOG10 and 2 * alignment.placed >= min(length, 2 * RETRY_LENGTH)


def _candidates(chain: ObservedChain, sequences: Sequence[NamedSequence]) -> list[int]:
    """Return the sequences worth a full alignment: those that share most three-residue words with the chain.

    Where few words are shared at all (wrong or unknown types), words say nothing and a few more are tried.
    """
    codes = comparable_codes(chain)
    words = {codes[i : i + 3] for i in range(len(codes) - 2) if UNKNOWN not in codes[i : i + 3]}
    shared = [sum(word in s.sequence for word in words) for s in sequences]
    ranked = sorted(range(len(sequences)), key=lambda i: -shared[i])
    most = shared[ranked[0]]
    telling = [i for i in ranked if shared[i] >= 0.5 * most] if most >= 10 else ranked
    return telling[:CANDIDATES]


def _runs(rows: Ints) -> list[Ints]:
    """Split sorted row numbers into runs of consecutive ones."""
    if not len(rows):
        return []
    return np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)


def _loose_stretches(fragment: PlacedFragment) -> list[Ints]:
    """Long runs of residues that are off the sequence."""
    runs = _runs(np.flatnonzero(fragment.alignment.positions < 0))
    return [rows for rows in runs if len(rows) >= RETRY_LENGTH]


def _floating_parts(fragment: PlacedFragment) -> list[ObservedChain]:
    """Return the runs off the sequence that no bond connects with a residue on it."""
    bonded = fragment.chain.bonded
    floating = []
    for rows in _runs(np.flatnonzero(fragment.alignment.positions < 0)):
        before, after = int(rows[0]) - 1, int(rows[-1])
        tied = (before >= 0 and bonded[before]) or (after < len(bonded) and bonded[after])
        if not tied:
            floating.append(fragment.chain.subset(rows))
    return floating


def _drop_rows(fragment: PlacedFragment, rows: Ints) -> PlacedFragment:
    """Return the fragment without some of its rows."""
    keep = np.setdiff1d(np.arange(len(fragment.chain)), rows)
    old = fragment.alignment
    alignment = Alignment(old.positions[keep], old.score, old.matches, old.typed, old.log10_chance)
    return PlacedFragment(fragment.chain.subset(keep), alignment, fragment.named)


def _gather(
    placed: list[tuple[int, PlacedFragment]], sequences: Sequence[NamedSequence]
) -> tuple[list[Copy], list[tuple[ObservedChain, str]]]:
    """Form copies, from the largest fragment down; named chains first, since each is its own copy.

    Also what is too little for a copy of its own, with the reason.
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
    rest = _drop_rows(fragment, rows)
    if (rest.alignment.positions >= 0).any():
        copy.fragments.append(rest)
        if name != main:
            copy.notes.append(f"{len(rest.chain)} residues of chain {name} were joined to chain {main}")
