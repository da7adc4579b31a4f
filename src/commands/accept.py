"""``adp3d accept``: a result into the user's model, or as a new model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["accept_desc", "adp3d_accept"]


def adp3d_accept(
    session: Session,
    job: int | None = None,
    into: AtomicStructure | None = None,
    new_model: bool = False,
    b_factors: str = "plausible",
) -> AtomicStructure:
    """Take over the result of a finished job.

    By default it is written into the model that the job started from, as one step that ``undo`` takes back;
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

    Returns
    -------
    AtomicStructure
        The model that has the result.
    """
    from chimerax.core.errors import UserError

    from ..engine.contract.kinds import KINDS
    from ..handover.accept import accept_into
    from ..handover.results import moved_in_map, open_result
    from ..jobs.manager import job_manager

    chosen = job_manager(session).get(job)
    if chosen.result is None:
        raise UserError(f"ADP-3D job {chosen.id} has no result (it is {chosen.state}); wait until it has finished.")
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
    done = accept_into(session, chosen, target, b_factors=b_factors)
    text = done.sentence(chosen.id, f"#{target.id_string}")
    if chosen.map is not None and moved_in_map(chosen, target):
        text += (
            f" #{target.id_string} has been moved with respect to map #{chosen.map.id_string} since the job started; "
            "the result is where the model is, not where the map is."
        )
    session.logger.info(text + _show_instead(session, chosen, target))
    return target


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
    from chimerax.core.commands import BoolArg, CmdDesc, EnumOf, PositiveIntArg

    from ..handover.b_factors import B_FACTORS
    from .arguments import WholeModelArg

    return CmdDesc(
        optional=[("job", PositiveIntArg)],
        keyword=[("into", WholeModelArg), ("new_model", BoolArg), ("b_factors", EnumOf(B_FACTORS))],
        synopsis="Write the result of an ADP-3D job into its model, or open it as a new model",
    )
