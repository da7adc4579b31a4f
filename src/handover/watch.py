"""What happens by itself when a job ends: temporary inputs go, the result opens as a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..jobs.manager import job_manager
from ..jobs.state import JobState
from ..live.models import live_models
from .record import Handover
from .results import open_result
from .staging import discard

if TYPE_CHECKING:
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["ResultWatch", "watch_results"]

_ATTRIBUTE = "_adp3d_result_watch"


def watch_results(session: Session) -> ResultWatch:
    """The session's watch, made at its first use."""
    watch: ResultWatch | None = getattr(session, _ATTRIBUTE, None)
    if watch is None:
        watch = ResultWatch(session)
        setattr(session, _ATTRIBUTE, watch)
    return watch


class ResultWatch:
    """Listens for jobs that end."""

    def __init__(self, session: Session) -> None:
        self._session = session
        triggers = job_manager(session).triggers
        self._handlers = [
            triggers.add_handler("job layout", self._on_layout),
            triggers.add_handler("job ended", self._on_end),
        ]

    def close(self) -> None:
        """Stop listening."""
        for handler in self._handlers:
            handler.remove()
        self._handlers.clear()

    def _on_layout(self, _trigger: str, job: Job) -> None:
        _discard_inputs(job)  # the engine has its own copies by now

    def _on_end(self, _trigger: str, job: Job) -> None:
        _discard_inputs(job)
        handover = Handover.of(job.prepared.extra)
        if job.state is not JobState.FINISHED or not handover.open_result or not job.prepared.extra:
            return
        try:
            self._show(job)
        except Exception:
            # An exception would end the handler, and the results of all later jobs with it.
            self._session.logger.report_exception(
                preface=f"The result of ADP-3D job {job.id} could not be opened; it is in '{job.folder}'"
            )

    def _show(self, job: Job) -> None:
        from chimerax.core.errors import UserError

        logger = self._session.logger
        try:
            model = open_result(self._session, job)
        except UserError as error:
            logger.warning(str(error))
            return
        view = live_models(self._session).views.get(job.id)
        if view is not None and not view.closed and not view.best.deleted:
            view.best.display = False  # the result is the same backbone with all its atoms
        text = f"The result of ADP-3D job {job.id} is #{model.id_string} ({model.name})"
        if job.model is not None:
            text += f"; 'adp3d accept {job.id}' writes it into #{job.model.id_string}"
        logger.info(f"{text}.")


def _discard_inputs(job: Job) -> None:
    staging = Handover.of(job.prepared.extra).staging
    if staging:
        discard(Path(staging))
