"""What the commands have in common that run a job from a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..engine.contract.settings import rows
from .keywords import MAP_ROWS, RUN_ROWS, by_name, job_rows, typed

if TYPE_CHECKING:
    from chimerax.core.session import Session

    from ..engine.contract.specification import JobSpec
    from ..handover.part import ModelPart
    from ..jobs.job import Job

__all__ = ["run_model_job"]


def run_model_job(session: Session, specification: type[JobSpec], part: ModelPart, given: Mapping[str, Any]) -> Job:
    """Hand a model over, and run a job on it.

    Parameters
    ----------
    session : Session
    specification : type
        Of the kind of job.
    part : ModelPart
        The model, or what of it is to be worked on.
    given : mapping
        Keywords that were given.

    Raises
    ------
    UserError
        If something cannot be used.
    """
    from ..handover.prepare import prepare_model_job
    from .submit import command_text, shown_live, submit

    listed = job_rows(specification)
    values = by_name(listed, given)
    settings = {row.name: values[row.name] for row in rows(specification) if row.name in values}
    folder = settings.pop("output", None)
    own = {row.name: values.get(row.name, row.default) for row in (*MAP_ROWS, *RUN_ROWS)}
    prepared, notes = prepare_model_job(
        session,
        specification,
        part,
        settings,
        lambda work: command_text(specification.kind, work.spec, typed(listed, values)),
        map_region=own["map_region"],
        map_step=own["map_step"],
        folder=folder,
        live=shown_live(session, own["live"]),
        open_result=own["open_result"],
    )
    return submit(session, prepared, notes, own["wait"])
