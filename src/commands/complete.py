"""``adp3d complete``: build the missing parts of a model without a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.atomic import Residues
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..handover.part import ModelPart
    from ..jobs.job import Job

__all__ = ["adp3d_complete", "complete_desc"]


def adp3d_complete(
    session: Session,
    model: ModelPart,
    sequence: str | None = None,
    chains: Sequence[str] | None = None,
    keep: Residues | None = None,
    confidence: str | None = None,
    keep_types: bool | None = None,
    replicas: int | None = None,
    steps: int | None = None,
    prior: str | None = None,
    seed: int | None = None,
    device: str | None = None,
    update: str | None = None,
    b_factors: str | None = None,
    trajectory_interval: int | None = None,
    reference: ModelPart | None = None,
    folder: str | None = None,
    live: bool | None = None,
    open_result: bool = True,
    wait: bool | None = None,
) -> Job:
    """Complete a partial model without a map. The model stays as it is.

    Parameters
    ----------
    session : Session
    model : ModelPart
        Incomplete model, or the chains or residues of it to work on, as in ``adp3d refine``.
    sequence, chains, keep, confidence, keep_types, reference, folder, live, open_result, wait : optional
        As in ``adp3d refine``.
    replicas, steps, prior, seed, device, update, b_factors, trajectory_interval : optional
        As the engine takes them.

    Returns
    -------
    Job
        The job; its ``status()`` tells everything.
    """
    from ..handover.prepare import ModelChoice, prepare_model_job
    from .arguments import model_keywords, run_keywords
    from .submit import command_text, engine_options, shown_live, submit

    settings = dict(locals())
    shown = ("folder", "live", "open_result", "wait")
    names = [name for name, _ in (*model_keywords(), *run_keywords()) if name not in shown]
    written = [(name, settings[name]) for name in names]
    prepared, notes = prepare_model_job(
        session,
        ModelChoice(model, sequence, chains, keep, confidence or "none", reference, bool(keep_types)),
        None,
        engine_options(settings),
        lambda work: command_text("complete", work.spec, written),
        folder=folder,
        live=shown_live(session, live),
        open_result=open_result,
    )
    return submit(session, prepared, notes, wait)


def complete_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import CmdDesc

    from .arguments import ModelPartArg, model_keywords, run_keywords

    return CmdDesc(
        required=[("model", ModelPartArg)],
        keyword=[*model_keywords(), *run_keywords()],
        synopsis="Complete a partial protein model without a map",
    )
