"""The residues a job works on, what is known of them, and how they relate to the user's model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..structure.numbering import Number, number_chain
from ..structure.observed import ObservedChain, Source, observe_chains
from ..structure.polymer import Polymer
from ..structure.sequences import NamedSequence, sequences_from_structure
from .assignment import Assignment, assign_chains
from .breaks import find_breaks, peptide_lengths, positions_with_breaks
from .chain_plan import ChainPlan, plan_from_copy, plan_from_observation
from .description import describe_chain, describe_model
from .report import PlacementReport
from .uncertainty import atom_uncertainty

__all__ = ["Target", "Unbuilt", "build_target", "with_whole_residues"]


@dataclass(frozen=True)
class Unbuilt:
    """Residues of a job's chains that its result has no atoms of, though its sequences have them.

    Parameters
    ----------
    before : tuple of tuple of str, length N
        Names of those between each residue of the job and the one before it in its chain.
    behind : mapping of str to tuple of str
        Names of those behind the last residue of a chain, by its name.
    """

    before: tuple[tuple[str, ...], ...]
    behind: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Target:
    """The N residues of a job and what the model says about their backbone.

    Parameters
    ----------
    polymer : Polymer
        Sequence, chains and positions, complete.
    xyz : ndarray of float64, shape (N, 4, 3)
        N, CA, C, O in angstrom; NaN where unknown.
    known : ndarray of bool, shape (N, 4)
        Which atoms are known: present, occupied and confident enough. Nothing is filled in geometrically.
    sigma : ndarray of float64, shape (N, 4)
        Standard deviation per coordinate in angstrom; meaningful where known, finite everywhere.
    labels : tuple of (str, int, str)
        Chain name, residue number and insertion code of each residue in the result.
    names : tuple of str
        Residue name of each residue in the result.
    sources : tuple of Source or None
        Where the model shows each residue; None for residues to be built.
    superseded : tuple of Source
        Residues of the model that the result leaves out (duplicates, alternative types).
    report : PlacementReport
        What matched and what did not.
    left_out : ndarray of int64, shape (N,), or None
        Residues of the sequence that the job leaves out right before each of its own; None for none.
    aside : tuple of int
        Residues bonded to the next by another atom than C, which no prior knows: a chain break to it.
    lddt : ndarray of float64, shape (N,), or None
        Predicted lDDT, from 0 to 1, of residues whose geometry relative to each other is known rather than their
        places; NaN for others, among them those that are predicted too badly to count. None where there are none.
    unbuilt : Unbuilt or None
        Residues left out that the records of the result nevertheless name, as its chains have them; None where
        `left_out` says all there is to say.
    """

    polymer: Polymer
    xyz: NDArray[np.float64]
    known: NDArray[np.bool_]
    sigma: NDArray[np.float64]
    labels: tuple[tuple[str, int, str], ...]
    names: tuple[str, ...]
    sources: tuple[Source | None, ...]
    superseded: tuple[Source, ...]
    report: PlacementReport
    left_out: NDArray[np.int64] | None = None
    aside: tuple[int, ...] = ()
    lddt: NDArray[np.float64] | None = None
    unbuilt: Unbuilt | None = None

    @property
    def n_residues(self) -> int:
        """Number of residues N."""
        return self.polymer.n_residues

    @property
    def relative(self) -> NDArray[np.bool_]:
        """Known residues of which only the geometry relative to each other is known, shape (N,)."""
        if self.lddt is None:
            return np.zeros(self.n_residues, dtype=bool)
        return self.known[:, 1] & np.isfinite(self.lddt)

    def without_places(self) -> Target:
        """The target without the atoms of `relative` residues: nothing pulls them to where they are."""
        return replace(self, known=self.known & ~self.relative[:, None]) if self.relative.any() else self

    def with_places(self, xyz: NDArray[np.float64], residues: NDArray[np.bool_], sigma: float) -> Target:
        """The target with some residues (N,) known, at their places in xyz (N, 4, 3), to ``sigma`` angstrom."""
        mask = residues[:, None]
        return replace(
            self,
            xyz=np.where(mask[..., None], xyz, self.xyz),
            known=self.known | mask,
            sigma=np.where(mask, sigma, self.sigma),
        )


def build_target(
    structure: gemmi.Structure,
    sequences: Sequence[NamedSequence] | None,
    confidence: str = "none",
    chains: Sequence[str] | None = None,
    keep_types: bool = False,
) -> Target:
    """Place the first model of a structure on its sequences.

    With ``sequences``, every chain is placed by alignment (`adp3d.placing.assignment`). Without, each
    chain uses the sequence that the file records for it, or, lacking that, its own residues with the gaps
    in its numbering filled by residues of unknown type.

    Parameters
    ----------
    structure : gemmi.Structure
        As `adp3d.structure.read.read_structure` returns it.
    sequences : sequence of NamedSequence or None
        The proteins in the model.
    confidence : str
        What the B-factor column means; see `adp3d.placing.uncertainty`.
    chains : sequence of str, optional
        Chains the job may change; all protein chains by default.
    keep_types : bool
        Whether residues whose type differs from the sequence keep it, and all their atoms.

    Returns
    -------
    Target
        At least one residue with a known atom.

    Raises
    ------
    InputError
        If there is no protein, a chain does not exist, no chain matches, or nothing remains known.
    """
    observed = _select(observe_chains(structure), chains)
    plans, unplaced, notes = _plan(structure, observed, sequences, keep_types)
    slots = [slot for plan in plans for slot in plan.slots]
    xyz, occupancy, b_iso = _gather(plans)
    uncertainty = atom_uncertainty(b_iso, confidence)
    known = np.isfinite(xyz).all(axis=-1) & (np.nan_to_num(occupancy) > 0) & uncertainty.keep
    known[[offset + i for plan, offset in _offsets(plans) for i in plan.rebuild]] = False
    if not known.any():
        if not (np.nan_to_num(occupancy) > 0).any():
            raise InputError("All backbone atoms have zero occupancy, which means unknown; set occupancies above 0.")
        raise InputError("No backbone atom of the model can be used; check its occupancies and confidence values.")
    claimed = {(s.chain, s.residue) for plan in plans for s in plan.superseded}
    claimed |= {(s.chain, s.residue) for slot in slots if (s := slot.source) is not None}
    labels = tuple(label for plan in plans for label in _labels(plan, structure, claimed))
    notes = [*describe_model(structure, observed, known, occupancy, uncertainty), *notes]
    chain_index = np.repeat(np.arange(len(plans), dtype=np.int64), [len(plan.slots) for plan in plans])
    held = np.where(known[:, 1, None], xyz[:, 1], np.nan)
    aside = _aside(plans)
    breaks = find_breaks(held, chain_index, aside=aside, peptide=peptide_lengths(xyz, known))
    residue_index = positions_with_breaks(breaks, chain_index)
    reports = [
        describe_chain(plan, labels[offset : offset + len(plan.slots)], *_cut(plan, offset, xyz, known), _aside([plan]))
        for plan, offset in _offsets(plans)
    ]
    return Target(
        polymer=Polymer(
            "".join(slot.letter for slot in slots),
            chain_index,
            residue_index,
            tuple(plan.chain_id for plan in plans),
        ),
        xyz=np.where(known[..., None], xyz, np.nan),
        known=known,
        sigma=uncertainty.sigma,
        labels=labels,
        names=tuple(slot.name for slot in slots),
        sources=tuple(slot.source for slot in slots),
        superseded=tuple(source for plan in plans for source in plan.superseded),
        report=PlacementReport(tuple(reports), tuple(unplaced), tuple(notes)),
        aside=aside,
        lddt=None if uncertainty.lddt is None else np.where(known[:, 1], uncertainty.lddt[:, 1], np.nan),
    )


def with_whole_residues(target: Target, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rows (N,) with the further parts of the chromophores among them."""
    places = {source.place for source, row in zip(target.sources, rows, strict=True) if source is not None and row}
    return np.array([source is not None and source.place in places for source in target.sources]) | rows


def _select(observed: list[ObservedChain], chains: Sequence[str] | None) -> list[ObservedChain]:
    """Return the protein chains of the job."""
    if not observed:
        raise InputError("The model contains no protein; ADP-3D works on protein chains only.")
    if chains is None:
        return observed
    names = [chain.chain_id for chain in observed]
    missing = [name for name in chains if name not in names]
    if missing or not chains:
        which = ", ".join(repr(name) for name in missing) or "(none was selected)"
        raise InputError(f"The model has no protein chain {which}; its protein chains are {', '.join(names)}.")
    return [chain for chain in observed if chain.chain_id in chains]


def _plan(
    structure: gemmi.Structure,
    observed: list[ObservedChain],
    sequences: Sequence[NamedSequence] | None,
    keep_types: bool,
) -> tuple[list[ChainPlan], list[str], list[str]]:
    """Plan all result chains; also texts on unplaced parts and remarks."""
    if sequences is None:
        plans, unplaced, notes = _plan_from_records(structure, observed, keep_types)
    elif not sequences:
        raise InputError("No sequence was given; leave the option away to use the model's own.")
    else:
        assignment = assign_chains(observed, sequences)
        plans = _copies(assignment, structure, keep_types)
        unplaced, notes = _left(assignment), list(assignment.notes)
    order = {chain.chain_id: i for i, chain in enumerate(observed)}
    plans.sort(key=lambda plan: order[plan.fragments[0]])
    return plans, unplaced, notes


def _plan_from_records(
    structure: gemmi.Structure, observed: list[ObservedChain], keep_types: bool
) -> tuple[list[ChainPlan], list[str], list[str]]:
    """Plan chains from the sequences that the file records, and the others from their own residues."""
    ids = {chain.chain_id for chain in observed}
    plans: list[ChainPlan] = []
    parts: list[str] = []
    notes: list[str] = []
    done: set[str] = set()
    for entry in sequences_from_structure(structure):
        # Only the chains of this job: a recorded chain that is not selected is nothing to report.
        names = tuple(name for name in entry.chains or () if name in ids - done)
        members = [chain for chain in observed if chain.chain_id in names]
        if not members:
            continue
        try:
            assignment = assign_chains(members, [NamedSequence(entry.name, entry.sequence, names)], True)
        except InputError:
            notes.append(f"the sequence recorded for chain {', '.join(names)} does not fit and was left aside")
            continue
        whole = {chain.chain_id for chain in members if any(part is chain for part in assignment.unplaced)}
        notes.extend(f"the sequence recorded for chain {name} does not fit and was left aside" for name in whole)
        notes.extend(assignment.notes)
        plans.extend(_copies(assignment, structure, keep_types))
        parts.extend(_left(assignment, whole))
        done |= set(names) - whole
    plans.extend(plan_from_observation(chain) for chain in observed if chain.chain_id not in done)
    return plans, parts, notes


def _copies(assignment: Assignment, structure: gemmi.Structure, keep_types: bool) -> list[ChainPlan]:
    """Plan the copies, each under a chain name of its own."""
    in_model = {chain.name for chain in structure[0]}
    plans: list[ChainPlan] = []
    for copy in assignment.copies:
        taken = {plan.chain_id for plan in plans}
        main = copy.fragments[0].chain.chain_id
        plans.append(plan_from_copy(copy, in_model | taken if main in taken else (), keep_types))
    return plans


def _left(assignment: Assignment, but: Collection[str] = ()) -> list[str]:
    """Texts on what stays as it is, the chains named in ``but`` excepted."""
    parts = [(part, "which matches no sequence") for part in assignment.unplaced if part.chain_id not in but]
    texts = []
    for part, why in (*parts, *assignment.undecided):
        ends = part.label(0) if len(part) == 1 else f"{part.label(0)} to {part.label(len(part) - 1)}"
        texts.append(f"{ends} ({len(part)} residue{'s' if len(part) > 1 else ''}), {why}")
    return texts


def _offsets(plans: Sequence[ChainPlan]) -> Iterable[tuple[ChainPlan, int]]:
    """Each plan with the index of its first residue."""
    lengths = [len(plan.slots) for plan in plans]
    return zip(plans, np.concatenate([[0], np.cumsum(lengths)[:-1]]).tolist(), strict=True)


def _gather(
    plans: Sequence[ChainPlan],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates (N, 4, 3), occupancies and B-factors (N, 4) of the slots, NaN where absent."""
    slots = [slot for plan in plans for slot in plan.slots]
    xyz = np.full((len(slots), 4, 3), np.nan)
    occupancy, b_iso = np.full((len(slots), 4), np.nan), np.full((len(slots), 4), np.nan)
    for i, slot in enumerate(slots):
        if slot.chain is not None:
            xyz[i] = slot.chain.xyz[slot.row]
            occupancy[i] = slot.chain.occupancy[slot.row]
            b_iso[i] = slot.chain.b_iso[slot.row]
    return xyz, occupancy, b_iso


def _aside(plans: Sequence[ChainPlan]) -> tuple[int, ...]:
    """Rows bonded to the next row by another atom than C."""
    return tuple(
        offset + i
        for plan, offset in _offsets(plans)
        for i, (slot, after) in enumerate(pairwise(plan.slots))
        if slot.chain is not None and slot.chain is after.chain and after.row == slot.row + 1
        if slot.chain.aside[slot.row]
    )


def _labels(plan: ChainPlan, structure: gemmi.Structure, claimed: set[tuple[int, int]]) -> list[tuple[str, int, str]]:
    """Chain name, number and insertion code of each residue of a plan."""
    taken: set[Number] = set()
    for index, chain in enumerate(structure[0]):
        if chain.name == plan.chain_id:
            taken |= {
                (residue.seqid.num, residue.seqid.icode.strip())
                for row, residue in enumerate(chain)
                if (index, row) not in claimed and residue.seqid.num is not None
            }
    return [(plan.chain_id, number, icode) for number, icode in number_chain(plan.given_numbers(), taken)]


def _cut(
    plan: ChainPlan, offset: int, xyz: NDArray[np.float64], known: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Positions and known mask of one plan."""
    rows = slice(offset, offset + len(plan.slots))
    return xyz[rows], known[rows]
