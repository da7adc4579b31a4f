"""Results of jobs as models: read back into the frame, chain names and numbers of the user's model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..engine.contract.kinds import KINDS
from . import frames
from .atoms import Address, ModelAtoms, file_version
from .attributes import set_residue_values
from .colouring import FIT, SCALES
from .confidence import read_confidence
from .model_file import read_model_file
from .moving import move_atoms
from .record import Handover

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.session import Session
    from numpy.typing import NDArray

    from ..jobs.job import Job

__all__ = [
    "input_atoms",
    "moved_in_map",
    "open_result",
    "result_atoms",
    "read_result",
    "result_confidence",
    "result_model",
    "result_path",
]

_ATTRIBUTE = "adp3d_result_of"
"""Attribute of a result's model: the folder of its job."""

_KEPT = 4
"""Files that are not read again as long as they are the same, for those who take stretch by stretch: result and given
model of two jobs that are compared."""

_MOVED = 0.01
"""Angstrom beyond which a model has been moved with respect to a map."""


def result_atoms(job: Job) -> ModelAtoms:
    """Atoms of a finished job's result, in the user's model's own frame and under its chain names.

    Raises
    ------
    UserError
        If the job has no result, or its file was removed or damaged.
    """
    return _atoms_of(job, result_path(job))


def input_atoms(job: Job) -> ModelAtoms:
    """Atoms of the model that a job was given, in the same frame and under the same names.

    Raises
    ------
    UserError
        If the copy in the job folder was removed or damaged.
    """
    from chimerax.core.errors import UserError

    found = sorted((job.folder / "inputs").glob("model.*"))
    if not found:
        raise UserError(f"The folder of ADP-3D job {job.id} has no copy of its model; accept it as a new model.")
    return _atoms_of(job, found[0])


def result_model(session: Session, job: Job) -> AtomicStructure | None:
    """The open model that shows a job's result, if there is one."""
    from chimerax.atomic import AtomicStructure

    folder = str(job.folder)
    for model in session.models.list(type=AtomicStructure):
        if getattr(model, _ATTRIBUTE, None) == folder:
            return model
    return None


def moved_in_map(job: Job, structure: AtomicStructure) -> bool:
    """Whether a model has another place with respect to the job's map than the job's model had."""
    if job.map is None:
        return False
    model, volume = (
        np.array(item.scene_position.matrix, dtype=np.float64) for item in (structure, job.map)
    )  # positions that scale are no error here
    now = frames.between(model, volume)
    points = np.asarray(structure.atoms.coords)
    before = Handover.of(job.prepared.extra).matrix
    return bool(np.abs(frames.apply(now, points) - frames.apply(before, points)).max(initial=0.0) > _MOVED)


def open_result(session: Session, job: Job) -> AtomicStructure:
    """Open the result of a finished job as a new model.

    Coordinates are those of the user's model's own frame, chains and numbers are the user's; the model
    lies where the map is now. The confidence of each residue is its attribute ``adp3d_confidence``. A result
    that is open already is not opened again.

    Raises
    ------
    UserError
        If the job has no result, or its file was removed or damaged.
    """
    opened = result_model(session, job)
    if opened is not None:
        return opened
    structure = read_result(session, job)
    handover = Handover.of(job.prepared.extra)
    move_atoms(structure, frames.invert(handover.matrix))
    structure.position = frames.place(_place_in_scene(session, job, handover))
    structure.name = f"{handover.model_name} {KINDS[job.kind].done}" if handover.model_name else job.title
    type(structure).register_attr(session, _ATTRIBUTE, "ADP-3D", attr_type=str)  # saved with sessions
    setattr(structure, _ATTRIBUTE, str(job.folder))
    session.models.add([structure])
    _mark(session, job, structure)
    return structure


def read_result(session: Session, job: Job) -> AtomicStructure:
    """The result of a finished job as a model that is not opened, in the frame of the job files, chains as the user's.

    Raises
    ------
    UserError
        If the job has no result, or its file was removed or damaged.
    """
    from chimerax.mmcif import open_mmcif

    models, _ = open_mmcif(session, str(result_path(job)), log_info=False)
    structure: AtomicStructure = models[0]
    for extra in models[1:]:
        extra.delete()
    _rename_chains(structure, Handover.of(job.prepared.extra))
    return structure


def result_confidence(job: Job) -> dict[Address, float]:
    """Confidence of the residues of a job's result, 0 to 100, under the chain names of the user's model.

    Raises
    ------
    UserError
        If the job has no result, or its file was removed or damaged.
    """
    from chimerax.core.errors import UserError

    path = result_path(job)
    try:
        found = _confidence(path, file_version(path))
    except (ValueError, OSError) as error:
        raise UserError(f"'{path}' cannot be read ({error}); run the job again.") from error
    rename = Handover.of(job.prepared.extra).session_chain
    return {(rename(chain), number, code): value for (chain, number, code), value in found.items()}


def _mark(session: Session, job: Job, structure: AtomicStructure) -> None:
    """Colour the carbon atoms and ribbons of the job's residues, and keep their confidence as an attribute.

    Ligands and the like stay as they are.
    """
    layout = job.layout
    if layout is None:  # a job of an earlier session
        return
    handover = Handover.of(job.prepared.extra)
    chains = map(handover.session_chain, layout.chains)
    codes = (code.strip() for code in layout.insertion_codes)
    rows = {label: i for i, label in enumerate(zip(chains, layout.numbers, codes, strict=True))}
    stated = result_confidence(job)
    confidence = np.array([stated.get(label, np.nan) for label in rows])
    found = [
        (residue, row)
        for residue in structure.residues
        if (row := rows.get((residue.chain_id, int(residue.number), residue.insertion_code.strip()))) is not None
        and residue.find_atom("CA") is not None
    ]
    fit = job.latest("residue_fit")
    set_residue_values(session, [residue for residue, _ in found], [row for _, row in found], confidence, fit)
    scale = SCALES.get(job.colouring)
    if scale is None:
        return
    by_fit = scale is FIT and fit is not None and len(fit) == len(confidence)
    colours = scale.rgba(np.array(fit) if by_fit else confidence)
    for residue, row in found:
        residue.ribbon_color = colours[row]
        atoms = residue.atoms
        atoms.filter(atoms.element_names == "C").colors = colours[row]


def result_path(job: Job) -> Path:
    """File of a job's result.

    Raises
    ------
    UserError
        If there is none, or it was removed.
    """
    from chimerax.core.errors import UserError

    if job.result is None:
        raise UserError(f"ADP-3D job {job.id} has no result (it is {job.state}); wait until it has finished.")
    if not job.result.is_file():
        raise UserError(f"The result of ADP-3D job {job.id} is gone: '{job.result}' was removed; run the job again.")
    return job.result


def _atoms_of(job: Job, path: Path) -> ModelAtoms:
    from chimerax.core.errors import UserError

    handover = Handover.of(job.prepared.extra)
    try:
        return _atoms(path, file_version(path), handover.model_to_frame, tuple(handover.chain_names.items()))
    except (ValueError, OSError) as error:
        raise UserError(f"'{path}' cannot be read ({error}); run the job again.") from error


@lru_cache(maxsize=_KEPT)
def _atoms(
    path: Path,
    version: tuple[int, int],
    model_to_frame: tuple[tuple[float, ...], ...],
    chain_names: tuple[tuple[str, str], ...],
) -> ModelAtoms:
    """Atoms in the frame and under the chain names of the user's model."""
    handover = Handover(model_to_frame=model_to_frame, chain_names=dict(chain_names))
    return read_model_file(path).moved(frames.invert(handover.matrix)).renamed(handover.session_chain)


@lru_cache(maxsize=_KEPT)
def _confidence(path: Path, version: tuple[int, int]) -> Mapping[Address, float]:
    return read_confidence(path)


def _rename_chains(structure: AtomicStructure, handover: Handover) -> None:
    """Give chains the names that they have in the user's model."""
    wanted = {theirs: mine for mine, theirs in handover.chain_names.items() if mine != theirs}
    if not wanted:
        return
    chains = [chain for chain in structure.chains if chain.chain_id in wanted]
    if chains:
        structure.change_chain_ids(chains, [wanted[chain.chain_id] for chain in chains])
    for residue in structure.residues:
        if residue.chain is None and residue.chain_id in wanted:
            residue.chain_id = wanted[residue.chain_id]


def _place_in_scene(session: Session, job: Job, handover: Handover) -> NDArray[np.float64]:
    """Scene position at which a model in the user's own frame lies in the map, where that is now."""
    if job.map is not None:
        return frames.compose(frames.scene_matrix(job.map, "the map"), handover.matrix)
    if KINDS[job.kind].frame == "model" and job.model is not None:
        return frames.scene_matrix(job.model, "the model")
    place = job.prepared.frame_to_scene
    frame = frames.IDENTITY if place is None else np.asarray(place.matrix, np.float64)
    return frames.compose(frame, handover.matrix)
