"""From what the user chose in the session to a job: inputs written, specification validated, frames noted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..engine.contract import errors, specification
from ..engine.contract.settings import rows
from ..engine.contract.wording import in_keywords
from ..jobs.state import PreparedJob
from . import frames
from .atoms import ModelAtoms
from .docking import may_lie_elsewhere
from .map_export import choose_region, margin_for_gap
from .model_export import duplicate_address, file_chain_names, read_open_model
from .part import ModelPart, Work, refuse_unknown, work_of
from .preferred import with_preferences
from .record import Handover
from .sequences import known_sequences
from .session_values import Surroundings, range_label, value_for_engine, write_model
from .staging import discard, give_up_job_folder, new_job_folder, new_staging_folder

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = ["prepare_distances_job", "prepare_model_job"]


def prepare_model_job(
    session: Session,
    kind: type[specification.JobSpec],
    part: ModelPart,
    given: Mapping[str, Any],
    command: Callable[[Work], str],
    *,
    map_region: str = "shown",
    map_step: int | None = None,
    folder: str | None = None,
    live: bool = True,
    open_result: bool = True,
) -> tuple[PreparedJob, list[str]]:
    """Write the inputs of a job that works on a model, alone or in a map, and describe the job.

    Model and map are only read. With a map all coordinates are in the map's frame, so that both may have been
    moved in the scene; without one they are in the model's.

    Parameters
    ----------
    session : Session
    kind : type
        Specification of the kind of job.
    part : ModelPart
        The model, or the chains or residues of it that are to be worked on.
    given : mapping
        Settings by name, with models, maps and residues of the session as their values. Those that are left out have
        the engine's defaults; the sequence is what the session knows.
    command : callable
        Equivalent command, from what is to be worked on.
    map_region : str
        ``shown``, ``all`` or a named region.
    map_step : int or None
        As `choose_region` takes it.
    folder : str or None
        Job folder; None makes one.
    live, open_result : bool
        Whether the running job and its result are shown.

    Returns
    -------
    PreparedJob, list of str
        The job, and what the user should know.

    Raises
    ------
    UserError
        If something cannot be used.
    """
    model, name = part.model, f"#{part.model.id_string}"
    given = with_preferences(session, kind, given)
    volume = given.get("map")
    atoms = read_open_model(model)
    names = file_chain_names(residue.address[0] for residue in atoms.residues)
    work = work_of(part, atoms, given.get("chains"))
    _refuse_duplicates(atoms, name)
    if given.get("sequence") is None:
        refuse_unknown(work, model)
    chains = work.chains
    to_frame = frames.IDENTITY
    if volume is not None:
        to_frame = frames.between(frames.scene_matrix(model, name), frames.scene_matrix(volume, f"#{volume.id_string}"))
    moved = atoms.moved(to_frame)
    notes = [note for note in (work.note(name),) if note]
    known = known_sequences(session, model, chains, names)
    settings: dict[str, Any] = {}
    if given.get("sequence") is None:
        settings["sequence"] = known.fasta
        notes += known.notes
    settings["chains"] = None if chains is None else tuple(names[chain] for chain in chains)
    settings["rebuild"] = tuple(range_label(run, names) for run in work.stretches) or None
    own = getattr(model, "filename", None)
    job_folder = new_job_folder(
        session, str(model.name), kind.kind, folder, own
    )  # before a large map is written for nothing
    staging = new_staging_folder()
    try:
        region = None
        if volume is not None:
            points: NDArray[np.float64] | None = _protein_points(moved)
            held = given.get("keep") is not None or bool(work.stretches)
            if points is not None and not held and may_lie_elsewhere(volume, points, given.get("dock") or "auto"):
                points = None
            region = choose_region(volume, points, margin_for_gap(known.longest_gap), map_region, map_step)
            notes += region.notes
        settings["model"] = str(write_model(moved, staging / "model.cif", names, str(model.name)))
        around = Surroundings(session, staging, model, volume, region, work, names)
        settings |= _handed_over(kind, given, around, settings)
        spec = _specification(kind.kind, {**settings, "output": str(job_folder)})
    except BaseException:
        discard(staging)
        give_up_job_folder(job_folder)
        raise
    handover = Handover(
        model_to_frame=tuple(map(tuple, to_frame.tolist())),
        model_id=model.id_string,
        model_name=str(model.name),
        map_id="" if volume is None else volume.id_string,
        map_name="" if volume is None else str(volume.name),
        chain_names={mine: theirs for mine, theirs in names.items() if mine != theirs},
        staging=str(staging),
        open_result=open_result,
    )
    frame = frames.scene_matrix(volume if volume is not None else model, name)
    prepared = PreparedJob(
        kind=kind.kind,
        spec=spec,
        folder=job_folder,
        title=f"{kind.kind} {work.spec}" + ("" if volume is None else f" in #{volume.id_string}"),
        command=command(work),
        model=model,
        map=volume,
        frame_to_scene=frames.place(frame),
        live=live,
        extra=handover.to_extra(),
    )
    return prepared, notes


def prepare_distances_job(
    session: Session,
    kind: type[specification.JobSpec],
    sequence: str,
    given: Mapping[str, Any],
    command: str,
    *,
    folder: str | None = None,
    live: bool = True,
    open_result: bool = True,
) -> PreparedJob:
    """Describe the folding of a sequence from a file of restraints.

    Parameters
    ----------
    session, kind, given, folder, live, open_result
        As in `prepare_model_job`; ``restraints`` is among the settings.
    sequence : str
        As typed.
    command : str
        Equivalent command.

    Raises
    ------
    UserError
        If something cannot be used.
    """
    restraints = Path(given["restraints"])
    settings = with_preferences(session, kind, {**given, "sequence": sequence})
    job_folder = new_job_folder(session, restraints.stem, kind.kind, folder, restraints)
    staging = new_staging_folder()
    try:
        handed = _handed_over(kind, settings, Surroundings(session, staging), {})
        spec = _specification(kind.kind, {**handed, "output": str(job_folder)})
    except BaseException:
        discard(staging)
        give_up_job_folder(job_folder)
        raise
    return PreparedJob(
        kind=kind.kind,
        spec=spec,
        folder=job_folder,
        title=f"fold from {restraints.name}",
        command=command,
        live=live,
        extra=Handover(staging=str(staging), open_result=open_result).to_extra(),
    )


def _handed_over(
    kind: type[specification.JobSpec], given: Mapping[str, Any], around: Surroundings, settled: Mapping[str, Any]
) -> dict[str, Any]:
    """Settings for the engine from those given, without those that are settled already."""
    values = {row: given.get(row.name) for row in rows(kind) if row.name not in settled}
    return {row.name: value_for_engine(row, value, around) for row, value in values.items() if value is not None}


def _specification(kind: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Validated settings as plain values; those that are None stay at the engine's defaults."""
    from chimerax.core.errors import UserError

    given = {name: value for name, value in settings.items() if value is not None}
    try:
        return specification.plain_elsewhere({"version": specification.SPEC_VERSION, "kind": kind, **given})
    except errors.InputError as error:
        raise UserError(in_keywords(str(error))) from error


def _refuse_duplicates(atoms: ModelAtoms, name: str) -> None:
    from chimerax.core.errors import UserError

    twice = duplicate_address(atoms)
    if twice is not None:
        chain, number, code = twice
        raise UserError(
            f"{name} has two residues numbered {chain} {number}{code}; give them different numbers or chains first."
        )


def _protein_points(atoms: ModelAtoms) -> NDArray[np.float64]:
    rows = [atom.index for residue in atoms.residues if residue.kind == "protein" for atom in residue.atoms]
    return atoms.xyz[rows]
