"""Which chains and fragments of a model belong to which copy of which sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..structure.observed import ObservedChain
from ..structure.polymer import UNKNOWN
from ..structure.sequences import NamedSequence
from .alignment import Alignment, align_chain, comparable_codes
from .copies import Copy, PlacedFragment, drop_rows, gather_copies

__all__ = ["Assignment", "assign_chains"]

Ints = NDArray[np.int64]

ACCEPT_LOG10 = -1.3  # at most one chance placement as good in twenty
RETRY_LENGTH = 8  # stretches off the sequence at least this long are tried on their own
CANDIDATES = 4  # sequences that are aligned in full when many are given


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
            fragment = drop_rows(fragment, np.concatenate(moved))
        placed.append((index, fragment))
        unplaced.extend(_floating_parts(fragment))
    if not placed:
        raise InputError(_no_match(chains, sequences))
    copies, undecided = gather_copies(placed, sequences)
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
        f"{best.matches} of {len(longest)} residues agree); give the sequence of the proteins in the model."
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
