"""What is told of a model and its chains when they have been placed on their sequences."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..structure.observed import ObservedChain
from ..structure.polymer import UNKNOWN
from ..structure.read import READ_NOTE
from ..structure.residues import three_letter
from .breaks import find_breaks, peptide_lengths
from .chain_plan import ChainPlan, Slot
from .report import ChainPlacement, TypeDifference, UnmodelledSegment
from .uncertainty import AtomUncertainty

__all__ = ["describe_chain", "describe_model"]


def describe_chain(
    plan: ChainPlan,
    labels: Sequence[tuple[str, int, str]],
    xyz: NDArray[np.float64],
    known: NDArray[np.bool_],
    aside: Collection[int],
) -> ChainPlacement:
    """Count matches and list what is missing in one chain.

    Parameters
    ----------
    plan : ChainPlan
        Of n residues.
    labels : sequence of (str, int, str)
        Their chain, numbers and insertion codes in the result.
    xyz : ndarray, shape (n, 4, 3)
        N, CA, C, O in angstrom.
    known : ndarray of bool, shape (n, 4)
    aside : collection of int
        Residues bonded to the next by another atom than C.
    """
    slots = plan.slots
    compared = [slot for slot in slots if slot.typed and slot.chain is not None and slot.chain.codes[slot.row] != "X"]
    wrong = [slot for slot in compared if slot.differs]
    absent = np.array([slot.chain is None for slot in slots])
    renumbered = sum(
        slot.number is not None and slot.number != (number, icode)
        for slot, (_, number, icode) in zip(slots, labels, strict=True)
    )
    notes = list(plan.notes)
    if renumbered:
        notes.append(f"{renumbered} residues were renumbered because the numbers of the joined parts did not fit")
    return ChainPlacement(
        chain_id=plan.chain_id,
        sequence_name=plan.sequence_name,
        length=len(slots),
        observed=int((~absent).sum()),
        known=int(known[:, :3].all(axis=-1).sum()),
        matches=len(compared) - len(wrong),
        mismatches=tuple(
            f"{slot.chain.label(slot.row)} is {slot.expected} in the sequence"
            for slot in wrong
            if slot.chain is not None
        ),
        differences=tuple(_difference(slot, i) for i, slot in enumerate(slots) if slot.differs),
        identity=(len(compared) - len(wrong)) / len(compared) if compared else 1.0,
        untyped=sum(s.chain is not None and not s.typed and s.expected not in ("", UNKNOWN) for s in slots),
        extra=sum(slot.chain is not None and not slot.expected for slot in slots),
        unmodelled=_segments(absent, labels),
        fragments=plan.fragments,
        notes=(*notes, *_break_notes(xyz, known, labels, plan, aside)),
    )


def _difference(slot: Slot, position: int) -> TypeDifference:
    """What becomes of a residue whose type differs from the sequence."""
    assert slot.chain is not None  # a residue to be built has no type of its own
    number, icode = slot.chain.numbers[slot.row]
    in_model = slot.chain.sources[slot.row].name
    residue = f"{slot.chain.chain_id} {number}{icode}"
    return TypeDifference(residue, in_model, three_letter(slot.expected), slot.name, position)


def _segments(absent: NDArray[np.bool_], labels: Sequence[tuple[str, int, str]]) -> tuple[UnmodelledSegment, ...]:
    """Return the runs of residues that the model does not show."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], absent.astype(int), [0]])))
    return tuple(
        UnmodelledSegment(
            f"{labels[start][1]}{labels[start][2]}",
            f"{labels[end - 1][1]}{labels[end - 1][2]}",
            end - start,
            start,
        )
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    )


def _break_notes(
    xyz: NDArray[np.float64],
    known: NDArray[np.bool_],
    labels: Sequence[tuple[str, int, str]],
    plan: ChainPlan,
    aside: Collection[int],
) -> list[str]:
    """Remarks on neighbours too far apart for the residues between them."""
    result = []
    ca = np.where(known[:, 1, None], xyz[:, 1], np.nan)
    for one in find_breaks(ca, np.zeros(len(ca), np.int64), peptide=peptide_lengths(xyz, known)):
        if one.between == 0 and one.before in aside:
            continue  # bonded, though not as the prior has it
        (_, a, a_code), (_, b, b_code) = labels[one.before], labels[one.after]
        where = f"residues {a}{a_code} and {b}{b_code} are {one.distance:.1f} A apart"
        if one.between:
            why = f"too far for the {one.between} residues between them; one side is misplaced, or residues are lacking"
        elif plan.sequence_name:
            why = "and neighbours in the sequence; one side is misplaced, or the sequence lacks residues"
        else:
            why = "though neighbours in the model; the sequence would tell what is missing between them"
        result.append(f"{where}, {why}: the chain stays broken there")
    return result


def describe_model(
    structure: gemmi.Structure,
    observed: Sequence[ObservedChain],
    known: NDArray[np.bool_],
    occupancy: NDArray[np.float64],
    uncertainty: AtomUncertainty,
) -> list[str]:
    """Remarks on the whole model."""
    notes = []
    if READ_NOTE in structure.info:
        notes.append(structure.info[READ_NOTE])
    if len(structure) > 1:
        notes.append(f"the file has {len(structure)} models; the first one is used and the result holds one model")
    alternative = 0
    for chain in observed:
        residues = structure[0][chain.sources[0].chain]
        alternative += sum(any(a.has_altloc() for a in residues[s.residue]) for s in chain.sources)
    if alternative:
        notes.append(
            f"{alternative} residues have alternative conformations; the most occupied backbone counts, "
            "and is the only one left where a residue moves"
        )
    several = sum(bool(group) for chain in observed for group in chain.others)
    if several:
        notes.append(f"{several} positions show several residue types; the one with most occupancy is kept")
    empty = int((occupancy == 0).sum())
    if empty:
        notes.append(f"{empty} backbone atoms with zero occupancy count as unknown")
    if uncertainty.note:
        notes.append(uncertainty.note)
    partial = int((known.any(axis=-1) & ~known.all(axis=-1)).sum())
    if partial:
        notes.append(f"{partial} residues are known only in part")
    return notes
