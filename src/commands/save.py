"""``adp3d save``: a result as a file for other programs, with what to write in a paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.contract.markup import Markup, element, join

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy as np
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session
    from numpy.typing import NDArray

    from ..engine.contract.report_page import ReportInput
    from ..handover.atoms import Address
    from ..jobs.job import Job

__all__ = ["adp3d_save", "save_desc"]

ACCEPTED, RESULT = "accepted", "result"


def adp3d_save(
    session: Session, file: str, job: int | None = None, source: str | None = None, overwrite: bool = False
) -> Path | None:
    """Save the model that has the result of a finished job, where it lies in its map, as mmCIF or PDB.

    Parameters
    ----------
    session : Session
    file : str
        Ends in ``.cif``, ``.mmcif``, ``.pdb`` or ``.ent``.
    job : int, optional
        By default the latest that has a result.
    source : str, optional
        ``accepted``: the starting model with all that was accepted into it; ``result``: the whole result. By default
        the first if something was accepted.
    overwrite : bool
        Replace a file that is there; otherwise it is asked for in the window, and refused without one.

    Returns
    -------
    Path or None
        The file; None if the user is asked first.
    """
    from chimerax.core.commands import quote_path_if_necessary

    from ..handover.replacing import check_place
    from ..handover.saving import check_name
    from .finished import finished_job
    from .question import ask_to_replace

    path = Path(file).expanduser().absolute()
    chosen = finished_job(session, job)
    check_name(path)
    check_place(path)
    which = source or (ACCEPTED if _accepted(chosen) else RESULT)
    if path.exists() and not overwrite:
        name = quote_path_if_necessary(str(path))
        ask_to_replace(session, path, f"adp3d save {name} job {chosen.id} source {which} overwrite true")
        return None
    if which == ACCEPTED:
        what, place, new, cis = _save_accepted(session, chosen, path)
    else:
        what, place, new, cis = _save_result(session, chosen, path)
    text = f"{what} is saved as '{path}', with the coordinates {place}. {_new_sentence(new)}"
    if cis:
        text += f" {cis} cis peptide{' is' if cis == 1 else 's are'} recorded."
    session.logger.info(_page(text, chosen), is_html=True)
    return path


def _accepted(job: Job) -> set[Address]:
    """Residues of a job that are in its model now."""
    from ..handover.accepted import accepted_into

    items = () if job.model is None else accepted_into(job.model)
    edits = [item.edit for item in items if item.folder == str(job.folder)]
    return set().union(*(edit.changes.addresses() for edit in edits))


def _save_accepted(session: Session, job: Job, path: Path) -> tuple[str, str, set[Address], int]:
    """Save the starting model; what it is, where, which residues are new, and the number of cis peptides."""
    from chimerax.core.errors import UserError

    from ..handover.saving import write_model
    from ..live.residue_groups import NEW, residues_of_group

    accepted = _accepted(job)
    if job.model is None or not accepted:
        raise UserError(
            f"Nothing of ADP-3D job {job.id} is in its model; 'adp3d accept {job.id}' takes it over, and 'source "
            "result' saves all of it."
        )
    matrix, place = _frame(job)
    new = accepted & residues_of_group(job, NEW)  # before anything is written: the job's files may be damaged
    cis = write_model(session, job.model, matrix, path)
    name = f"#{job.model.id_string} ({job.model.name}), with what was accepted of ADP-3D job {job.id},"
    return name, place, new, cis


def _save_result(session: Session, job: Job, path: Path) -> tuple[str, str, set[Address], int]:
    """Save the result, as `_save_accepted` does: mmCIF as the engine wrote it, where chain names allow it."""
    from ..engine.contract.kinds import KINDS
    from ..handover.cis_peptides import cis_peptides
    from ..handover.frames import IDENTITY
    from ..handover.record import Handover
    from ..handover.results import read_result, result_path
    from ..handover.saving import copy_file, is_cif, write_model
    from ..live.residue_groups import NEW, residues_of_group

    new = residues_of_group(job, NEW)
    structure = read_result(session, job)
    try:
        if is_cif(path) and not Handover.of(job.prepared.extra).chain_names:
            copy_file(result_path(job), path)
            cis = len(cis_peptides(structure))
        else:
            cis = write_model(session, structure, IDENTITY, path)
    finally:
        structure.delete()
    place = "of the map" if KINDS[job.kind].needs_map else "of the job"
    return f"The result of ADP-3D job {job.id}", place, new, cis


def _frame(job: Job) -> tuple[NDArray[np.float64], str]:
    """Where a job's model is saved: from its own frame to that of the map, as both lie now; and that in words."""
    from ..engine.contract.kinds import KINDS
    from ..handover import frames
    from ..handover.record import Handover

    assert job.model is not None
    if not KINDS[job.kind].needs_map:
        return frames.IDENTITY, "that it was opened with"
    if job.map is None:
        return Handover.of(job.prepared.extra).matrix, "of the map as it lay when the job started"
    model, volume = frames.scene_matrix(job.model, "the model"), frames.scene_matrix(job.map, "the map")
    return frames.between(model, volume), f"of map #{job.map.id_string}"


def _new_sentence(new: Collection[Address]) -> str:
    from ..handover.part import runs_in_words

    if not new:
        return "None of its residues is new."
    return f"{len(new)} {'residue is' if len(new) == 1 else 'residues are'} new: {runs_in_words(new)}."


def _page(text: str, job: Job) -> Markup:
    """What was saved, a sentence for a methods section, and what to cite."""
    from ..engine.contract.methods import citations, methods

    given = _folder(job)
    parts = [element("p", text)]
    if given is not None:
        cited = citations(given.spec, given.metrics, in_chimerax=True)
        parts += [
            element("p", "For a methods section: " + " ".join(methods(given.spec, given.metrics, given.versions))),
            element("ul", *(element("li", f"{one.text} ", element("a", one.url, href=one.url)) for one in cited)),
        ]
    return join(parts)


def _folder(job: Job) -> ReportInput | None:
    """What the folder says of the job; None if it was removed or damaged since: the model is saved all the same."""
    from ..engine.contract.errors import InputError
    from ..engine.contract.report_page import read_report_input

    try:
        return read_report_input(job.folder)
    except InputError:
        return None


def save_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import BoolArg, CmdDesc, EnumOf, PositiveIntArg, SaveFileNameArg

    return CmdDesc(
        required=[("file", SaveFileNameArg)],
        keyword=[("job", PositiveIntArg), ("source", EnumOf((ACCEPTED, RESULT))), ("overwrite", BoolArg)],
        synopsis="Save the model with the result of an ADP-3D job for other programs",
    )
