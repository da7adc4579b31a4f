"""From what the user chose in the session to a job: inputs written, specification validated, frames noted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..engine.contract import errors, specification
from ..jobs.state import PreparedJob
from . import frames
from .atoms import ModelAtoms
from .map_export import choose_region, margin_for_gap, write_map
from .model_export import duplicate_address, file_chain_names, read_open_model, write_cif
from .part import ModelPart, Stretch, Work, numbered_runs, refuse_unknown, residue_address, work_of
from .record import Handover
from .sequences import known_sequences, resolve_sequence
from .staging import discard, give_up_job_folder, new_job_folder, new_staging_folder

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure, Residues
    from chimerax.core.session import Session
    from chimerax.map import Volume

__all__ = ["MapChoice", "ModelChoice", "prepare_distances_job", "prepare_model_job"]


@dataclass(frozen=True, eq=False)
class ModelChoice:
    """The model of a job and what is said of it.

    Parameters
    ----------
    part : ModelPart
        The model, or the chains or residues of it that are to be worked on.
    sequence : str or None
        As typed; None takes what the session knows.
    chains : sequence of str or None
        As typed, beside what the part says.
    keep : Residues or None
        Residues that stay where they are.
    confidence : str
        What the B-factor column says.
    reference : ModelPart or None
        Known answer, for figures only.
    keep_types : bool
        Whether residues whose type differs from the sequence keep it.
    """

    part: ModelPart
    sequence: str | None = None
    chains: Sequence[str] | None = None
    keep: Residues | None = None
    confidence: str = "none"
    reference: ModelPart | None = None
    keep_types: bool = False

    @property
    def model(self) -> AtomicStructure:
        """The whole model."""
        return self.part.model


@dataclass(frozen=True, eq=False)
class MapChoice:
    """The map of a job and what is said of it.

    Parameters
    ----------
    map : Volume
    half_maps : sequence of Volume or None
    resolution : float or None
    density_weight : float
    region : str
    step : int or None
        As `choose_region` takes them.
    """

    map: Volume
    half_maps: Sequence[Volume] | None = None
    resolution: float | None = None
    density_weight: float = 1.0
    region: str = "shown"
    step: int | None = None


def prepare_model_job(
    session: Session,
    choice: ModelChoice,
    map_choice: MapChoice | None,
    options: Mapping[str, Any],
    command: Callable[[Work], str],
    *,
    folder: str | None = None,
    live: bool = True,
    open_result: bool = True,
) -> tuple[PreparedJob, list[str]]:
    """Write the inputs of a refinement (with a map) or completion (without), and describe the job.

    Model and map are only read. With a map all coordinates are in the map's frame, so that both may have been
    moved in the scene; without one they are in the model's.

    Parameters
    ----------
    session : Session
    choice, map_choice
        Model and map.
    options : mapping
        Further settings of the specification.
    command : callable
        Equivalent command, from what is to be worked on.
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
    model, name = choice.model, f"#{choice.model.id_string}"
    atoms = read_open_model(model)
    names = file_chain_names(residue.address[0] for residue in atoms.residues)
    work = work_of(choice.part, atoms, choice.chains)
    _refuse_duplicates(atoms, name)
    if choice.sequence is None:
        refuse_unknown(work, model)
    chains = work.chains
    volume = None if map_choice is None else map_choice.map
    to_frame = frames.IDENTITY
    if volume is not None:
        to_frame = frames.between(frames.scene_matrix(model, name), frames.scene_matrix(volume, f"#{volume.id_string}"))
    moved = atoms.moved(to_frame)
    notes = [note for note in (work.note(name),) if note]
    known = known_sequences(session, model, chains, names)
    if choice.sequence is not None:
        sequence: str | None = resolve_sequence(session, choice.sequence)
    else:
        sequence = known.fasta
        notes += known.notes
    settings: dict[str, Any] = {
        **options,
        "sequence": sequence,
        "chains": None if chains is None else tuple(names[chain] for chain in chains),
        "confidence": choice.confidence,
        "keep_types": choice.keep_types,
        "keep": _keep_labels(choice.keep, model, work, names),
        "rebuild": tuple(_range_label(run, names) for run in work.stretches) or None,
    }
    kind = "complete" if map_choice is None else "refine"
    job_folder = new_job_folder(session, str(model.name), kind, folder)  # before a large map is written for nothing
    staging = new_staging_folder()
    try:
        settings["model"] = str(_write_model(moved, staging / "model.cif", names, str(model.name)))
        if choice.reference is not None:
            settings["reference"] = str(_write_reference(choice.reference, volume, model, staging / "reference.cif"))
        if map_choice is not None:
            settings |= _write_maps(map_choice, moved, known.longest_gap, staging, notes)
        spec = _specification(kind, {**settings, "output": str(job_folder)})
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
    title = f"complete {work.spec}" if volume is None else f"refine {work.spec} in #{volume.id_string}"
    frame = frames.scene_matrix(volume if volume is not None else model, name)
    prepared = PreparedJob(
        kind=kind,
        spec=spec,
        folder=job_folder,
        title=title,
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
    sequence: str,
    restraints: str,
    options: Mapping[str, Any],
    command: str,
    *,
    reference: ModelPart | None = None,
    folder: str | None = None,
    live: bool = True,
    open_result: bool = True,
) -> PreparedJob:
    """Describe the folding of a sequence from a file of restraints.

    Raises
    ------
    UserError
        If something cannot be used.
    """
    settings: dict[str, Any] = {**options, "restraints": str(Path(restraints).expanduser().resolve())}
    settings["sequence"] = resolve_sequence(session, sequence)
    job_folder = new_job_folder(session, Path(restraints).stem, "distances", folder)
    staging = new_staging_folder()
    try:
        if reference is not None:
            settings["reference"] = str(_write_reference(reference, None, None, staging / "reference.cif"))
        spec = _specification("distances", {**settings, "output": str(job_folder)})
    except BaseException:
        discard(staging)
        give_up_job_folder(job_folder)
        raise
    return PreparedJob(
        kind="distances",
        spec=spec,
        folder=job_folder,
        title=f"fold from {Path(restraints).name}",
        command=command,
        live=live,
        extra=Handover(staging=str(staging), open_result=open_result).to_extra(),
    )


def _specification(kind: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Validated settings as plain values; those that are None stay at the engine's defaults."""
    from chimerax.core.errors import UserError

    given = {name: value for name, value in settings.items() if value is not None}
    try:
        return specification.to_dict(
            specification.from_dict({"version": specification.SPEC_VERSION, "kind": kind, **given})
        )
    except errors.InputError as error:
        raise UserError(_in_keywords(str(error))) from error


def _in_keywords(text: str) -> str:
    """A sentence of the engine about a setting, with that called as the keywords of the commands are."""
    return re.sub(r"^'[a-z_]+'", lambda name: re.sub(r"_([a-z])", lambda after: after[1].upper(), name[0]), text)


def _refuse_duplicates(atoms: ModelAtoms, name: str) -> None:
    from chimerax.core.errors import UserError

    twice = duplicate_address(atoms)
    if twice is not None:
        chain, number, code = twice
        raise UserError(
            f"{name} has two residues numbered {chain} {number}{code}; give them different numbers or chains first."
        )


def _write_model(atoms: ModelAtoms, path: Path, names: Mapping[str, str], title: str) -> Path:
    from chimerax.core.errors import UserError

    try:
        write_cif(atoms, path, names, title)
    except OSError as error:
        raise UserError(f"The model could not be written to '{path.parent}': {error.strerror or error}.") from error
    return path


def _write_reference(reference: ModelPart, volume: Volume | None, model: AtomicStructure | None, path: Path) -> Path:
    """Write the reference in the frame of the job."""
    atoms = reference.of(read_open_model(reference.model))
    base = volume if volume is not None else model
    if base is not None:
        own, frame = (frames.scene_matrix(item, f"#{item.id_string}") for item in (reference.model, base))
        atoms = atoms.moved(frames.between(own, frame))
    names = file_chain_names(residue.address[0] for residue in atoms.residues)
    return _write_model(atoms, path, names, str(reference.model.name))


def _write_maps(choice: MapChoice, atoms: ModelAtoms, gap: int, staging: Path, notes: list[str]) -> dict[str, Any]:
    """Write the map, and the half maps in the same region; return their settings."""
    points = _protein_points(atoms)
    region = choose_region(choice.map, points, margin_for_gap(gap), choice.region, choice.step)
    notes += region.notes
    write_map(choice.map, region, staging / "map.mrc")
    settings: dict[str, Any] = {
        "map": str(staging / "map.mrc"),
        "resolution": choice.resolution,
        "density_weight": choice.density_weight,
    }
    if choice.half_maps is not None:
        paths = [staging / f"half_map_{i}.mrc" for i in (1, 2)]
        for half, path in zip(choice.half_maps, paths, strict=True):
            write_map(half, region, path, like=choice.map)
        settings["half_maps"] = tuple(map(str, paths))
    return settings


def _protein_points(atoms: ModelAtoms) -> NDArray[np.float64]:
    rows = [atom.index for residue in atoms.residues if residue.kind == "protein" for atom in residue.atoms]
    return atoms.xyz[rows]


def _keep_labels(
    keep: Residues | None, model: AtomicStructure, work: Work, names: Mapping[str, str]
) -> tuple[str, ...] | None:
    """Residues as ``A:12-40`` in the names of the job's files; ranges hold nothing but the residues given.

    Those of chains that are not worked on stay without being named.
    """
    from chimerax.core.errors import UserError

    if keep is None:
        return None
    addresses = {residue_address(r) for r in keep if r.structure is model and r.find_atom("CA") is not None}
    if not addresses:
        raise UserError(f"'keep' specifies no protein residue of #{model.id_string}.")
    both = [address for address in addresses if work.rebuilds(address)]
    if both:
        chain, number, code = min(both)
        raise UserError(
            f"'keep' names residues that are to be built anew (such as {chain} {number}{code}); leave them out of one."
        )
    if work.chains is not None:
        addresses = {address for address in addresses if address[0] in work.chains}
    return tuple(_range_label(run, names) for run in numbered_runs(addresses)) or None


def _range_label(run: Stretch, names: Mapping[str, str]) -> str:
    """Residues as the engine writes them."""
    (chain, first, code), (_, last, last_code) = run
    start = f"{names.get(chain, chain)}:{first}{code}"
    return start if run[0] == run[1] else f"{start}-{last}{last_code}"
