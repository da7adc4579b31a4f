"""The model that a job ends with: its best replica with side chains, relaxed, and nothing else of the file touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..contract.specification import CompleteSpec, RefineSpec
from ..job.events import Control, Events
from ..measurement.density import DensityMeasurement
from ..placing.b_factors import b_factor_column
from ..placing.target import Target
from ..placing.write import result_structure, write_structure
from ..sidechain.scene_of_model import atom14_of
from ..sidechain.templates import BACKBONE, RESIDUE_NAMES, UNKNOWN_TYPE
from ..structure.atom_aliases import standard_names
from ..structure.deposit_names import with_deposit_names
from .equal_copies import equal_copies
from .movement import STILL
from .problem import Problem
from .relaxation import RelaxMap, relax_result, residues_of
from .side_chains import AllAtoms

__all__ = ["FinalModel", "Movable", "Outcome", "finish"]

_FIRST = len(BACKBONE)


@dataclass(frozen=True)
class Outcome:
    """Final replicas of a job that started from a model.

    Attributes
    ----------
    replicas : ndarray, shape (replica, N, 4, 3)
        In angstrom, best first.
    confidence : ndarray, shape (N,)
        0 to 100.
    score : ndarray, shape (replica,)
        What the replicas were ranked by, best first.
    chosen : int
        Number that the best replica had while it was sampled.
    fit, start_fit : ndarray or None, shape (N,)
        Local correlation of the best replica and of the starting model with the map, if there is one.
    all_atoms : AllAtoms or None
        Side chains of the replicas, best first; None leaves new residues without.
    """

    replicas: NDArray[np.float64]
    confidence: NDArray[np.float64]
    score: NDArray[np.float64]
    chosen: int = 0
    fit: NDArray[np.float64] | None = None
    start_fit: NDArray[np.float64] | None = None
    all_atoms: AllAtoms | None = None


@dataclass(frozen=True)
class Movable:
    """What a relaxation may do with the N residues of a job.

    Attributes
    ----------
    residues : ndarray of bool, shape (N,)
        Those that may move.
    built : ndarray of bool, shape (N,)
        Those that were built anew, which are held less where no map holds them.
    density : DensityMeasurement or None
        The map that holds them.
    """

    residues: NDArray[np.bool_]
    built: NDArray[np.bool_]
    density: DensityMeasurement | None = None


@dataclass(frozen=True)
class FinalModel:
    """What a job ends with.

    Attributes
    ----------
    structure : gemmi.Structure
        All of the user's file with the best replica in it.
    outcome : Outcome
        The replicas; the best one is that of the structure.
    relaxation : dict or None
        Figures of the relaxation; None without one.
    copies : mapping of (str, int, str) to int
        Residues of symmetric copies, with the row of the residue that was computed for them.
    """

    structure: gemmi.Structure
    outcome: Outcome
    relaxation: dict[str, Any] | None
    copies: Mapping[tuple[str, int, str], int] = field(default_factory=dict)

    def stated(self, target: Target) -> dict[tuple[str, int, str], float]:
        """Confidence of the N residues of the target, and of their copies."""
        confidence = self.outcome.confidence.tolist()
        own = dict(zip(target.labels, confidence, strict=True))
        return own | {label: confidence[row] for label, row in self.copies.items()}

    def write(self, path: Path, target: Target) -> None:
        """Write the structure, with the confidence of the N residues of the target in records of its own."""
        write_structure(with_deposit_names(self.structure), path, self.stated(target))


def finish(
    spec: CompleteSpec | RefineSpec,
    problem: Problem,
    outcome: Outcome,
    title: str | None,
    movable: Movable,
    events: Events,
    control: Control,
) -> FinalModel:
    """Put the best replica into the user's structure and relax it there.

    Where it is not relaxed (not wanted, no side chains, nothing that may move, no OpenMM), one sentence says why and
    the model is the result as it was built.

    Parameters
    ----------
    spec : CompleteSpec or RefineSpec
    problem : Problem
    outcome : Outcome
    title : str or None
        Title record; None leaves that of the model.
    movable : Movable
    events : Events
    control : Control
        Asked during the relaxation.

    Raises
    ------
    Stopped
        If the job is to stop; nothing is written by then.
    """
    target = problem.target
    structure, copies = _with_copies(problem, outcome, _assembled(spec, problem, outcome, title), title)
    reason = _unwanted(spec, outcome, movable)
    if reason is not None:
        if reason:
            events.message(f"The result is not relaxed: {reason}")
        return FinalModel(structure, outcome, None, copies)
    density = movable.density
    done = relax_result(
        structure,
        residues_of(structure, _labels(target, movable.residues)),
        events,
        control,
        None if density is None else RelaxMap(density.source, density.resolution, density.whole.density),
        residues_of(structure, _labels(target, movable.built)),
        spec.b_factors == "plausible",
    )
    if done.metrics["relaxation"] is None:
        return FinalModel(structure, outcome, None, copies)
    moved = _with_best(outcome, structure, done.structure, target)
    structure, copies = _with_copies(problem, moved, done.structure, title)
    return FinalModel(structure, moved, done.metrics["relaxation"], copies)


def _with_copies(
    problem: Problem, outcome: Outcome, structure: gemmi.Structure, title: str | None
) -> tuple[gemmi.Structure, dict[tuple[str, int, str], int]]:
    """The structure with its symmetric copies as images of the result, if there are any."""
    symmetric, target = problem.symmetric, problem.target
    if symmetric is None:
        return structure, {}
    return equal_copies(structure, symmetric, target, outcome.replicas[0], outcome.confidence, title)


def _assembled(
    spec: CompleteSpec | RefineSpec, problem: Problem, outcome: Outcome, title: str | None
) -> gemmi.Structure:
    target, best, side = problem.target, outcome.replicas[0], outcome.all_atoms
    column = b_factor_column(spec.b_factors, problem.structure[0], target, outcome.confidence, spec.confidence)
    unmoved = problem.kept | _unmoved(target, best)
    placed = None if side is None else side.placed()
    return result_structure(problem.structure, target, best, outcome.confidence, title, unmoved, column, placed)


def _unmoved(target: Target, x: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Residues (N,) that are where the model has them: all of them comes back as it was, conformers included."""
    away = np.where(target.known, np.abs(x - np.nan_to_num(target.xyz)).max(-1), 0.0).max(-1)
    return np.asarray(target.known.any(-1) & (away < STILL))


def _unwanted(spec: CompleteSpec | RefineSpec, outcome: Outcome, movable: Movable) -> str | None:
    """Why there is nothing to relax, empty where the user knows; None where there is."""
    if not spec.relax:
        return ""
    if outcome.all_atoms is None:
        return "relaxation needs side chains, and with 'side_chains' none they are not built."
    if not movable.residues.any():
        return "no residue was built anew, and all others stay where the model has them."
    return None


def _labels(target: Target, rows: NDArray[np.bool_]) -> list[tuple[str, int, str]]:
    return [target.labels[row] for row in np.flatnonzero(rows).tolist()]


def _with_best(outcome: Outcome, before: gemmi.Structure, after: gemmi.Structure, target: Target) -> Outcome:
    """The outcome with those residues of the best replica that were moved where they are now."""
    old, new = _by_label(before), _by_label(after)
    replicas = outcome.replicas.copy()
    side = outcome.all_atoms
    if side is None:  # relaxed they have side chains
        raise ValueError("these replicas have no side chains")
    atoms = side.atoms.copy()
    for row, label in enumerate(target.labels):
        residue = new.get(label)
        if residue is None or not _differ(old[label], residue):
            continue
        own = standard_names(residue.name, {atom.name for atom in residue})
        places = {own[atom.name]: atom.pos.tolist() for atom in residue}
        replicas[0, row] = [places[name] for name in BACKBONE]
        atoms[0, row, :_FIRST] = replicas[0, row]
        kind = RESIDUE_NAMES.index(side.names[row])
        if kind != UNKNOWN_TYPE:
            found = atom14_of(residue, kind)
            atoms[0, row] = np.where(np.isfinite(found), found, atoms[0, row])
    return replace(outcome, replicas=replicas, all_atoms=replace(side, atoms=atoms))


def _differ(a: gemmi.Residue, b: gemmi.Residue) -> bool:
    return any(one.pos.tolist() != other.pos.tolist() for one, other in zip(a, b, strict=True))


def _by_label(structure: gemmi.Structure) -> dict[tuple[str, int, str], gemmi.Residue]:
    found: dict[tuple[str, int, str], gemmi.Residue] = {}
    for chain in structure[0]:
        for residue in chain:
            if not residue.is_water():
                found.setdefault((chain.name, residue.seqid.num or 0, residue.seqid.icode.strip()), residue)
    return found
