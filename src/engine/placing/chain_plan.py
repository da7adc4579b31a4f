"""Residues of each result chain in order: from the sequence, from the model, or both."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

import gemmi
import numpy as np

from ..structure.backbone_parts import letters_of_chromophore
from ..structure.numbering import Number
from ..structure.observed import ObservedChain, Source
from ..structure.pdb_text import next_chain_name
from ..structure.polymer import UNKNOWN
from ..structure.residues import is_type, three_letter
from .alignment import CA_STEP, STEP_TOLERANCE, comparable_codes
from .copies import Copy, PlacedFragment

__all__ = ["ChainPlan", "Slot", "plan_from_copy", "plan_from_observation"]

LARGEST_NUMBER_GAP = 300  # residues; a larger jump of the numbering is a change of scheme, not a gap
_SWALLOWED = 2  # letters of a sequence that one chromophore may stand for besides its own


@dataclass(frozen=True)
class Slot:
    """One residue of a result chain.

    Parameters
    ----------
    letter : str
        Its one-letter type in the job.
    chain : ObservedChain or None
        The fragment that shows it; None if it is to be built.
    row : int
        Its row there.
    expected : str
        The letter of the sequence, empty where the sequence lacks this residue.
    typed : bool
        Whether the model states a type worth comparing.
    """

    letter: str
    chain: ObservedChain | None = None
    row: int = -1
    expected: str = ""
    typed: bool = False

    @property
    def source(self) -> Source | None:
        """Place in the template."""
        return None if self.chain is None else self.chain.sources[self.row]

    @property
    def number(self) -> Number | None:
        """The user's number."""
        return None if self.chain is None else self.chain.numbers[self.row]

    @property
    def differs(self) -> bool:
        """Whether the model states a type that is not the sequence's; stretches of poly-alanine state none."""
        if self.chain is None or not self.expected or self.expected == UNKNOWN:
            return False
        own = self.chain.codes[self.row]
        return self.typed and own != UNKNOWN and not is_type(self.chain.sources[self.row].name, own, self.expected)

    @property
    def name(self) -> str:
        """Residue name in the result: the user's own unless its type disagrees with the job's."""
        if self.source is None:
            return three_letter(self.letter)
        own = self.chain.codes[self.row] if self.chain is not None else UNKNOWN
        if is_type(self.source.name, own, self.letter) or self.letter == UNKNOWN or self.source.suffix:
            return self.source.name
        # A modified residue whose parent is not known keeps its name; only UNK is given a type.
        if own == UNKNOWN and self.source.name not in ("UNK", "ASX", "GLX"):
            return self.source.name
        return three_letter(self.letter)


@dataclass(frozen=True)
class ChainPlan:
    """All residues of one result chain.

    Parameters
    ----------
    chain_id : str
        Its name in the result.
    sequence_name : str
        Which sequence it has; empty where none is known.
    slots : tuple of Slot
        In chain order.
    rebuild : frozenset of int
        Slots shown by the model that must nevertheless be rebuilt.
    superseded : tuple of Source
        Template residues that the result leaves out.
    fragments : tuple of str
        Chains of the model that contributed.
    notes : tuple of str
        What the user should know.
    """

    chain_id: str
    sequence_name: str
    slots: tuple[Slot, ...]
    rebuild: frozenset[int]
    superseded: tuple[Source, ...]
    fragments: tuple[str, ...]
    notes: tuple[str, ...]

    def given_numbers(self) -> list[Number | None]:
        """Return the numbers to keep: all of the main fragment's, others where they fit in between.

        Where that would keep fewer than half of the user's numbers (many fragments, each counting from 1),
        none is kept and the chain is numbered by its sequence.
        """
        main = self.fragments[0]
        kept: list[Number | None] = [
            slot.number if slot.chain is not None and slot.chain.chain_id == main else None for slot in self.slots
        ]
        for name in self.fragments[1:]:
            rows = [i for i, s in enumerate(self.slots) if s.chain is not None and s.chain.chain_id == name]
            proposal = list(kept)
            for i in rows:
                proposal[i] = self.slots[i].number
            ordered = [number for number in proposal if number is not None]
            if all(a < b for a, b in pairwise(ordered)):
                kept = proposal
        shown = sum(slot.chain is not None for slot in self.slots)
        if 2 * sum(number is not None for number in kept) < shown:
            return [None] * len(self.slots)
        return kept


def plan_from_observation(chain: ObservedChain) -> ChainPlan:
    """Plan a chain without a sequence: its residues, and ``X`` where the numbering skips residues at a break.

    Parameters
    ----------
    chain : ObservedChain
        The chain.

    Returns
    -------
    ChainPlan
        Gaps of up to 300 residues are filled; larger jumps count as a change of the numbering scheme.
    """
    slots: list[Slot] = []
    notes: list[str] = []
    bonded = chain.bonded
    for row, code in enumerate(chain.codes):
        if row and not bonded[row - 1]:
            missing = chain.numbers[row][0] - chain.numbers[row - 1][0] - 1
            if chain.ca_steps[row - 1] > CA_STEP * (missing + 1) + STEP_TOLERANCE:
                pass  # the numbers do not tell what is missing: the chain stays broken, which the report says
            elif 0 < missing <= LARGEST_NUMBER_GAP:
                slots.extend([Slot(UNKNOWN)] * missing)
            elif missing > LARGEST_NUMBER_GAP:
                notes.append(
                    f"the numbering jumps from {chain.label(row - 1)} to {chain.label(row)}; nothing is "
                    "built there: give a sequence if residues are missing"
                )
        slots.append(Slot(code, chain, row, code, code != UNKNOWN))
    built = len(slots) - len(chain)
    what = f", so {built} residues of unknown type fill the gaps in the numbering" if built else ""
    notes.insert(0, f"no sequence is known{what}")
    others = tuple(other for group in chain.others for other in group)
    return ChainPlan(chain.chain_id, "", tuple(slots), frozenset(), others, (chain.chain_id,), tuple(notes))


def plan_from_copy(copy: Copy, used_names: Collection[str], keep_types: bool = False) -> ChainPlan:
    """Plan a chain from its sequence and the fragments placed on it.

    Residues off the sequence that are bonded to residues on it stay part of the chain. Where the model is
    bonded across residues of the sequence, the residue on either side is rebuilt with them (a chromophore
    made of three residues excepted, which stands for their letters).

    Parameters
    ----------
    copy : Copy
        From `adp3d.placing.assignment.assign_chains`.
    used_names : collection of str
        Chain names already in use by earlier chains of the job.
    keep_types : bool
        Whether residues whose type differs from the sequence keep it; unknown types follow the sequence anyway.

    Returns
    -------
    ChainPlan
        The complete sequence in order.
    """
    sequence = copy.sequence.sequence
    notes = list(copy.notes)
    at: dict[int, tuple[PlacedFragment, int]] = {}
    after: dict[int, list[tuple[PlacedFragment, int]]] = {}
    swallowed: set[int] = set()
    typed: dict[int, str] = {}
    for fragment in copy.fragments:
        typed[id(fragment)] = comparable_codes(fragment.chain)
        for row, position in enumerate(fragment.alignment.positions.tolist()):
            if position >= 0:
                at[position] = (fragment, row)
        swallowed |= _swallowed(fragment, notes)
        for anchor, rows in _tied_extras(fragment):
            after.setdefault(anchor, []).extend((fragment, row) for row in rows)

    slots: list[Slot] = []
    for position in range(-1, len(sequence)):
        if position >= 0 and position not in swallowed:
            letter = sequence[position]
            if position in at:
                fragment, row = at[position]
                own = fragment.chain.codes[row]
                is_typed = typed[id(fragment)][row] != UNKNOWN and letter != UNKNOWN
                keep_own = letter == UNKNOWN or (keep_types and own != UNKNOWN)
                slots.append(Slot(own if keep_own else letter, fragment.chain, row, letter, is_typed))
            else:
                slots.append(Slot(letter, expected=letter))
        for fragment, row in after.get(position, ()):
            slots.append(Slot(fragment.chain.codes[row], fragment.chain, row))
    main = copy.fragments[0].chain.chain_id
    chain_id = main
    if main in used_names:
        chain_id = next_chain_name(set(used_names))
        notes.append(f"a second molecule found in chain {main} became chain {chain_id}")
    superseded = [f.chain.sources[int(r)] for f, rows in copy.superseded for r in rows]
    superseded += [other for f in copy.fragments for group in f.chain.others for other in group]
    return ChainPlan(
        chain_id,
        f"'{copy.sequence.name}'",
        tuple(slots),
        _bonded_flanks(slots, notes),
        tuple(superseded),
        tuple(dict.fromkeys(fragment.chain.chain_id for fragment in copy.fragments)),
        tuple(notes),
    )


def _tied_extras(fragment: PlacedFragment) -> list[tuple[int, list[int]]]:
    """Return the runs off the sequence with the position that they follow (-1 for the start)."""
    positions, bonded = fragment.alignment.positions, fragment.chain.bonded
    rows = np.flatnonzero(positions < 0)
    result = []
    for run in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1) if len(rows) else []:
        before, end = int(run[0]) - 1, int(run[-1])
        if before >= 0 and bonded[before]:
            result.append((int(positions[before]), run.tolist()))
        elif end < len(bonded) and bonded[end]:
            result.append((int(positions[end + 1]) - 1, run.tolist()))
    return result


def _swallowed(fragment: PlacedFragment, notes: list[str]) -> set[int]:
    """Positions that a modified residue made of several stands for, as chromophores do."""
    positions, bonded, chain = fragment.alignment.positions, fragment.chain.bonded, fragment.chain
    result: set[int] = set()
    for row in range(len(chain) - 1):
        here, following = int(positions[row]), int(positions[row + 1])
        gap = following - here - 1
        if not bonded[row] or here < 0 or following < 0 or not 0 < gap <= _SWALLOWED:
            continue
        for candidate in (row, row + 1):
            name = chain.sources[candidate].name
            if letters_of_chromophore(name) or not gemmi.find_tabulated_residue(name).found():
                result.update(range(here + 1, following))
                notes.append(f"{chain.label(candidate)} stands for {gap + 1} letters of the sequence")
                break
    return result


def _bonded_flanks(slots: list[Slot], notes: list[str]) -> frozenset[int]:
    """Slots next to missing residues across which the model is bonded: they must move to make room."""
    shown = [i for i, slot in enumerate(slots) if slot.chain is not None]
    flanks: set[int] = set()
    for i, j in pairwise(shown):
        a, b = slots[i], slots[j]
        if j == i + 1 or a.chain is not b.chain or a.chain is None or b.row != a.row + 1:
            continue
        if a.chain.bonded[a.row]:
            flanks |= {i, j}
            notes.append(
                f"the model is bonded from {a.chain.label(a.row)} to {a.chain.label(b.row)}, but the "
                f"sequence has {j - i - 1} residues between them: both are rebuilt with these"
            )
    return frozenset(flanks)
