"""Relaxation of finished models, in a map or without one, with figures before and after; also ``adp3d relax``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..contract.steering import RELAXING
from ..density.crop import check_overlap
from ..density.map import DensityMap
from ..density.read import read_map
from ..job.events import Control, Events, NullEvents
from ..job.runtime import set_threads
from ..placing.write import check_result_path, write_structure
from ..relax.relaxation import InMap, relax
from ..relax.report import RelaxationReport, left_out_sentence
from ..relax.toolkit import MISSING, has_openmm
from ..structure.read import read_structure
from ..structure.residue_ranges import select_residues
from ..structure.residues import is_protein_residue
from ..validation.validate import validate_model
from .dock import known_resolution

__all__ = ["RelaxMap", "Relaxed", "relax_files", "relax_result", "residues_of"]

Label = tuple[str, int, str]

_FIGURES = (
    "clashscore",
    "bond_rmsz",
    "angle_rmsz",
    "ramachandran_favoured_percent",
    "rotamer_outliers_percent",
    "cc_mask",
    "q_score",
)
"""Figures of the model that are told before and after."""
_TOLD = {
    "clashscore": "clashscore",
    "bond_rmsz": "bond RMSZ",
    "angle_rmsz": "angle RMSZ",
    "ramachandran_favoured_percent": "Ramachandran favoured (%)",
    "cc_mask": "CC_mask",
}
"""Those that a job says in a sentence."""
_STRAINED = 1.5
"""RMSZ of bonds above which a relaxation has failed if it was lower before: relaxed models have 0.2 to 0.5 (demo,
EMD-30342, 3j9s-a). Atoms that were built into each other are torn apart at the cost of all others."""
_LOST = 0.02
"""Fall of CC_mask that is more than what better contacts cost: 0.007 at most in those models."""


@dataclass(frozen=True)
class RelaxMap:
    """A map to relax in, and its resolution in A; figures are told of ``told``, if that is another form of it."""

    density: DensityMap
    resolution: float
    told: DensityMap | None = None


@dataclass(frozen=True)
class Relaxed:
    """What came of it.

    Parameters
    ----------
    structure : gemmi.Structure
        The relaxed model, or the one that was given where it could not be relaxed.
    metrics : dict
        ``relaxation``: figures, see ``docs/guide/results.md``; None where it could not be relaxed.
    """

    structure: gemmi.Structure
    metrics: dict[str, Any]


def residues_of(structure: gemmi.Structure, labels: Collection[Label]) -> NDArray[np.bool_]:
    """Which of all residues of the first model, in file order, have one of the labels; shape (R,).

    Parameters
    ----------
    structure : gemmi.Structure
    labels : collection of (str, int, str)
        Chain, number and insertion code, as `adp3d.placing.target.Target` has them.
    """
    wanted = {(chain, number, icode.strip()) for chain, number, icode in labels}
    found = [label in wanted and is_protein_residue(residue) for label, residue in _labelled(structure)]
    return np.array(found, bool)


def relax_result(
    structure: gemmi.Structure,
    mobile: NDArray[np.bool_],
    events: Events,
    control: Control,
    in_map: RelaxMap | None = None,
    rebuilt: NDArray[np.bool_] | None = None,
    own_b_factors: bool = True,
) -> Relaxed:
    """Relax the result of a job; where that is impossible, say why and give the result as it was.

    Parameters
    ----------
    structure : gemmi.Structure
        All atoms; not changed.
    mobile : ndarray of bool, shape (R,)
        Which of all residues of the first model, in file order, may move (`residues_of`).
    events : Events
    control : Control
        Asked at each iteration; a job that is to stop raises `adp3d.job.events.Stopped`.
    in_map : RelaxMap, optional
        Without one, springs hold atoms to where they are.
    rebuilt : ndarray of bool, shape (R,), optional
        Mobile residues that were built anew, which are held less without a map; all by default.
    own_b_factors : bool
        False if the B-factor column holds something else, such as a confidence.

    Returns
    -------
    Relaxed
    """
    if not has_openmm():
        events.message(f"{MISSING} The result is not relaxed.", "warning")
        return Relaxed(structure, {"relaxation": None})
    try:
        moved, report = _relaxed(structure, mobile, events, control, in_map, rebuilt)
    except InputError as error:
        events.message(f"The result is not relaxed: {error}", "warning")
        return Relaxed(structure, {"relaxation": None})
    control.obey()
    figures = _figures(structure, moved, report, in_map, own_b_factors)
    events.message(_compared(figures["before"], figures["after"]))
    reason = _worse(figures["before"], figures["after"])
    if reason:
        events.message(f"The result is not relaxed: it would {reason}, so it stays as it was built.", "warning")
        return Relaxed(structure, {"relaxation": None})
    return Relaxed(moved, {"relaxation": figures})


def _worse(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What a relaxation has spoilt, in words; empty if nothing."""
    if (after.get("bond_rmsz") or 0.0) > max(_STRAINED, before.get("bond_rmsz") or 0.0):
        return "strain bonds, as where atoms were built into each other"
    if (after.get("cc_mask") or 0.0) < (before.get("cc_mask") or 0.0) - _LOST:
        return "lose the map"
    return ""


def _compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The figures before and after as a sentence, whether they became better or worse."""
    told = [
        f"{words} {before[key]:g} before, {after[key]:g} after"
        for key, words in _TOLD.items()
        if before.get(key) is not None and after.get(key) is not None
    ]
    return f"Relaxation of the result: {'; '.join(told)}."


def relax_files(
    model: str | Path,
    output: str | Path,
    map: str | Path | None = None,
    resolution: float | None = None,
    residues: Sequence[str] = (),
    events: Events | None = None,
    control: Control | None = None,
) -> Mapping[str, Any]:
    """Relax the model of a file and write it.

    Parameters
    ----------
    model, output : path
    map : path, optional
    resolution : float, optional
        Of the map in angstrom; estimated from it by default.
    residues : sequence of str
        Residues that may move, as `adp3d.structure.residue_ranges` reads them; all of the protein by default.
    events, control
        As of jobs.

    Returns
    -------
    mapping
        The figures that `relax_result` gives.

    Raises
    ------
    InputError
        If OpenMM is missing, a file cannot be used or nothing can be relaxed; then nothing is written.
    """
    events, control = events or NullEvents(), control or Control()
    if not has_openmm():
        raise InputError(MISSING)
    check_result_path(output)
    structure = read_structure(model)
    if len(structure) > 1:
        events.message(
            f"'{model}' holds {len(structure)} models: the first is relaxed and written, the others are left out.",
            "warning",
        )
        del structure[1:]
    mobile = _chosen(structure, residues)
    in_map = None
    if map is not None:
        density = read_map(map)
        for note in density.notes:
            events.message(note)
        check_overlap(density, [found.atom.pos.tolist() for found in structure[0].all()])
        in_map = RelaxMap(density, known_resolution(density, resolution, events.message))
    rebuilt = np.zeros_like(mobile)  # nobody says that anything was
    set_threads()
    moved, report = _relaxed(structure, mobile, events, control, in_map, rebuilt)
    figures = _figures(structure, moved, report, in_map, True)
    write_structure(moved, output)
    return figures


def _relaxed(
    structure: gemmi.Structure,
    mobile: NDArray[np.bool_],
    events: Events,
    control: Control,
    in_map: RelaxMap | None,
    rebuilt: NDArray[np.bool_] | None,
) -> tuple[gemmi.Structure, RelaxationReport]:
    def told(done: int, total: int) -> None:
        control.obey()
        events.progress(RELAXING, done, total)

    events.progress(RELAXING, 0, 1)
    pull = None if in_map is None else InMap(in_map.density, in_map.resolution)
    moved, report = relax(structure, mobile, pull, rebuilt, told)
    sentence = left_out_sentence(report.left_out)
    if sentence:
        events.message(sentence, "warning")
    how = "in the map" if report.in_map else "near where they were"
    events.message(
        f"{report.residues} residues were relaxed {how} in {report.seconds:.0f} s: their atoms moved by "
        f"{report.rms_move:.2f} A (rms), {report.largest_move:.1f} A at most."
    )
    return moved, report


def _figures(
    before: gemmi.Structure,
    after: gemmi.Structure,
    report: RelaxationReport,
    in_map: RelaxMap | None,
    own_b_factors: bool,
) -> dict[str, Any]:
    density, resolution = (None, None) if in_map is None else (in_map.told or in_map.density, in_map.resolution)
    told = {}
    for name, structure in (("before", before), ("after", after)):
        figures = validate_model(structure, density, resolution, own_b_factors).figures()
        told[name] = {key: figures[key] for key in _FIGURES if key in figures}
    return {**report.to_dict(), **told}


def _chosen(structure: gemmi.Structure, residues: Sequence[str]) -> NDArray[np.bool_]:
    labels = [label for label, residue in _labelled(structure) if is_protein_residue(residue)]
    if residues:
        chosen = select_residues(residues, labels)
        labels = [label for label, wanted in zip(labels, chosen.tolist(), strict=True) if wanted]
    return residues_of(structure, labels)


def _labelled(structure: gemmi.Structure) -> list[tuple[Label, gemmi.Residue]]:
    return [
        ((chain.name, int(residue.seqid.num or 0), residue.seqid.icode.strip()), residue)
        for chain in structure[0]
        for residue in chain
    ]
