"""``adp3d accept``: a result into the user's model, or as a new model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chimerax.atomic import AtomicStructure
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..handover.atoms import Address
    from ..handover.part import ModelPart
    from ..jobs.job import Job

__all__ = ["accept_desc", "adp3d_accept"]


def adp3d_accept(
    session: Session,
    job: int | None = None,
    into: AtomicStructure | None = None,
    new_model: bool = False,
    b_factors: str = "plausible",
    residues: ModelPart | None = None,
    segments: list[int] | None = None,
    replica: int = 1,
) -> AtomicStructure:
    """Take over the result of a finished job, or parts of it.

    By default all of it is written into the model that the job started from, as one step that ``undo`` takes back;
    the model keeps its number, its name, how it is drawn, and every atom that the job did not move.

    Parameters
    ----------
    session : Session
    job : int, optional
        By default the running job, else the latest.
    into : AtomicStructure, optional
        Model to write into, where it is another than the job's own (for instance in a restored session).
    new_model : bool
        Open the result as a model of its own instead.
    b_factors : str
        B-factors of the residues that the job moved: ``plausible`` ones, as the result has them, its
        ``confidence``, 0 to 100, or ``keep`` those of the atoms that were there.
    residues : ModelPart, optional
        Take these residues only, of the result or of the model that is written into; all others stay as they are.
    segments : list of int, optional
        Take these stretches only, by their numbers in ``adp3d segments``.
    replica : int
        Which replica has the residues, from 1, as ``adp3d segments alternatives`` shows them; 1 is the result.

    Returns
    -------
    AtomicStructure
        The model that has the result.
    """
    from chimerax.core.errors import UserError

    from ..engine.contract.kinds import KINDS
    from ..handover.accept import accept_into
    from ..handover.accept_part import accept_residues
    from ..handover.results import moved_in_map, open_result
    from ..jobs.manager import job_manager

    chosen = job_manager(session).get(job)
    if chosen.result is None:
        raise UserError(f"ADP-3D job {chosen.id} has no result (it is {chosen.state}); wait until it has finished.")
    in_part = residues is not None or segments is not None
    if replica > 1 and not in_part:
        raise UserError(f"Another replica is taken by parts: name 'segments' or 'residues' with 'replica {replica}'.")
    if in_part and (new_model or not KINDS[chosen.kind].needs_model):
        raise UserError("Parts of a result can only be written into a model; leave 'residues' and 'segments' away.")
    if new_model or (into is None and not KINDS[chosen.kind].needs_model):
        model = open_result(session, chosen)
        session.logger.info(f"The result of ADP-3D job {chosen.id} is #{model.id_string} ({model.name}).")
        return model
    target = into if into is not None else chosen.model
    if target is None:
        raise UserError(
            f"The model that ADP-3D job {chosen.id} started from is not open; use "
            f"'adp3d accept {chosen.id} newModel true', or name a model with 'into'."
        )
    if in_part:
        addresses = _addresses(chosen, residues, segments or ())
        done = accept_residues(session, chosen, target, addresses, replica=replica, b_factors=b_factors)
    else:
        done = accept_into(session, chosen, target, b_factors=b_factors)
    text = done.sentence(chosen.id, f"#{target.id_string}", replica if in_part else 0)
    if chosen.map is not None and moved_in_map(chosen, target):
        text += (
            f" #{target.id_string} has been moved with respect to map #{chosen.map.id_string} since the job started; "
            "the result is where the model is, not where the map is."
        )
    # who takes parts goes on looking at the result
    session.logger.info(text if in_part else text + _show_instead(session, chosen, target))
    return target


def _addresses(job: Job, residues: ModelPart | None, segments: Sequence[int]) -> set[Address]:
    """Residues that are named, missing ones of ranges that were typed included."""
    from ..handover.part import residue_address
    from ..handover.segments import addresses_of, chosen_segments

    found = {address for segment in chosen_segments(job, segments) for address in addresses_of(segment)}
    if residues is not None:
        chains = {residue.chain_id for residue in residues.model.residues}
        for names, low, high in residues.typed_ranges():
            found |= {(chain, number, "") for chain in names or chains for number in range(low, high + 1)}
        named = residues.model.residues if residues.residues is None else residues.residues
        if residues.residues is not None or not residues.typed_ranges():
            found |= set(map(residue_address, named))
    return found


def _show_instead(session: Session, job: Job, target: AtomicStructure) -> str:
    """Show the model that has the result now, and hide what showed it before; say so.

    Nothing is closed: steps on the undo stack may concern these models.
    """
    from ..live.cover import hidden_sentence, models_of_job
    from ..live.models import live_models

    view = live_models(session).views.get(job.id)
    groups = [] if view is None or view.group.deleted else [view.group]  # the other replicas with the best one
    others = [*(model for model in models_of_job(session, job) if view is None or model is not view.best), *groups]
    hidden = [model for model in others if model is not target and model.display]
    for model in hidden:
        model.display = False
    target.display = True
    return hidden_sentence(hidden)


def accept_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import BoolArg, CmdDesc, EnumOf, IntArg, ListOf, PositiveIntArg

    from ..handover.b_factors import B_FACTORS
    from .arguments import ModelPartArg, WholeModelArg

    return CmdDesc(
        optional=[("job", PositiveIntArg)],
        keyword=[
            ("into", WholeModelArg),
            ("new_model", BoolArg),
            ("b_factors", EnumOf(B_FACTORS)),
            ("residues", ModelPartArg),
            ("segments", ListOf(IntArg, 1)),
            ("replica", PositiveIntArg),
        ],
        synopsis="Write the result of an ADP-3D job, or parts of it, into its model, or open it as a new model",
    )
