"""What all commands that run a job have in common: the equivalent command, submission, waiting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..handover.part import ModelPart, residue_spec

if TYPE_CHECKING:
    from chimerax.core.session import Session

    from ..jobs.job import Job
    from ..jobs.state import PreparedJob

__all__ = ["command_text", "shown_live", "submit"]


def shown_live(session: Session, live: bool | None) -> bool:
    """Whether a running job is shown: by default where there is something to look at."""
    return bool(session.ui.is_gui) if live is None else live


def command_text(name: str, target: str, settings: Sequence[tuple[str, Any]]) -> str:
    """Command that does the same, with the settings that are not at their defaults (None).

    Parameters
    ----------
    name : str
        Such as ``refine``.
    target : str
        Specifier of what it works on.
    settings : sequence of (str, value)
        Python names of keywords and their values.
    """
    from chimerax.core.commands import quote_if_necessary

    words = ["adp3d", name, quote_if_necessary(target)]
    for key, value in settings:
        if value is not None:
            words += [_camel(key), quote_if_necessary(_written(value))]
    return " ".join(words)


def submit(session: Session, prepared: PreparedJob, notes: Sequence[str], wait: bool | None) -> Job:
    """Hand a job over, and wait for its end if wanted (the default without a GUI).

    Raises
    ------
    UserError
        If there is no environment, or the job that was waited for failed.
    """
    from chimerax.core.errors import UserError

    from ..handover.record import Handover
    from ..handover.staging import discard, give_up_job_folder
    from ..jobs.manager import job_manager
    from ..jobs.state import JobState
    from ..live.models import live_models
    from ..live.session import saved_jobs
    from ..live.watch import watch_results

    watch_results(session)
    live_models(session)
    saved_jobs(session)
    for note in notes:
        session.logger.info(note)
    manager = job_manager(session)
    others = [job.id for job in manager.jobs if not job.ended and job.model is not None and job.model is prepared.model]
    try:
        job = manager.submit(prepared)
    except BaseException:
        from pathlib import Path

        discard(Path(Handover.of(prepared.extra).staging))
        give_up_job_folder(prepared.folder)
        raise
    if others:
        session.logger.info(
            f"ADP-3D job {', '.join(map(str, others))} works on the same model; each job has its own copy, and "
            "accepting the later result replaces the earlier one where both changed the model."
        )
    if wait if wait is not None else not session.ui.is_gui:
        job.wait()
        if job.state is JobState.FAILED:
            raise UserError(" ".join(text for text in (job.error, job.advice) if text))
    return job


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, ModelPart):
        return value.name if value.residues is None else residue_spec(value.residues) or value.name
    if hasattr(value, "id_string"):
        return f"#{value.id_string}"
    if hasattr(value, "spec"):  # residues, whose text may refer to what is selected now
        text = str(value.spec)
        return text if text.startswith("#") else residue_spec(value) or text
    if isinstance(value, list | tuple):
        return ",".join(_written(item) for item in value)
    return str(value)
