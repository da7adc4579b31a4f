"""What happens by itself when a job ends: temporary inputs go, the result opens as a model."""

from __future__ import annotations

import html
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from chimerax.core.state import StateManager

from ..jobs.manager import job_manager
from ..jobs.state import JobState
from ..live.models import live_models
from .accept import is_accepted, obstacle
from .record import Handover
from .results import open_result
from .staging import discard

if TYPE_CHECKING:
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["ResultWatch", "watch_results"]

_ATTRIBUTE = "_adp3d_result_watch"
_TAG = "ADP-3D results"


def watch_results(session: Session) -> ResultWatch:
    """The session's watch, made at its first use."""
    watch: ResultWatch | None = getattr(session, _ATTRIBUTE, None)
    if watch is None:
        watch = ResultWatch(session)
        session.add_state_manager(_TAG, watch)  # to be told when the session is closed
        setattr(session, _ATTRIBUTE, watch)
    return watch


class ResultWatch(StateManager):
    """Listens for jobs that end; session files hold nothing of it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._left: set[int] = set()
        """Jobs that go on without the session that they were started in."""
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

    def include_state(self) -> bool:
        """Nothing is worth saving."""
        return False

    def take_snapshot(self, session: Session, flags: int) -> dict[str, Any]:
        """Not called, as nothing is saved."""
        return {}

    @classmethod
    def restore_snapshot(cls, session: Session, data: dict[str, Any]) -> ResultWatch:
        """Not called, as nothing is saved."""
        return watch_results(session)

    def reset_state(self, session: Session) -> None:
        """Note which jobs belong to the session that is being closed."""
        self._left |= {job.id for job in job_manager(session).jobs if not job.ended}

    def _on_layout(self, _trigger: str, job: Job) -> None:
        _discard_inputs(job)  # the engine has its own copies by now

    def _on_end(self, _trigger: str, job: Job) -> None:
        _discard_inputs(job)
        self._remember(job)
        handover = Handover.of(job.prepared.extra)
        if job.state is not JobState.FINISHED or not handover.open_result or not job.prepared.extra:
            return
        if job.id in self._left and not self._has_view(job):
            self._tell_where(job)
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
        if self._has_view(job):
            view = live_models(self._session).views[job.id]
            view.best.display = False  # the result is the same backbone with all its atoms
        logger.info(f"The result of ADP-3D job {job.id} is #{model.id_string} ({model.name}){_what_next(job)}.")

    def _remember(self, job: Job) -> None:
        """Give a job that was taken up from its folder what is known of it since it was left by its session."""
        if job.prepared.extra:
            return
        for other in job_manager(self._session).jobs:
            if other.id in self._left and other is not job and other.folder == job.folder:
                known = other.prepared
                job.prepared = replace(
                    job.prepared, extra=known.extra, frame_to_scene=known.frame_to_scene, title=known.title
                )

    def _has_view(self, job: Job) -> bool:
        """Whether the session shows the job's live model; one that was restored while it ran does, too."""
        view = live_models(self._session).views.get(job.id)
        return view is not None and not view.closed and not view.best.deleted

    def _tell_where(self, job: Job) -> None:
        from chimerax.core.commands import quote_path_if_necessary

        command = f"adp3d resume {quote_path_if_necessary(str(job.folder))}"
        self._session.logger.info(
            f"ADP-3D job {job.id} ({html.escape(job.title)}), whose session was closed, has finished; "
            f'<a href="cxcmd:{quote(command)}">{html.escape(command)}</a> takes its result into this session.',
            is_html=True,
        )


def _what_next(job: Job) -> str:
    """How to take the result over, as the end of a sentence."""
    if job.kind == "distances":
        return ""
    if job.model is None:
        return f"; the starting model is closed, so 'adp3d accept {job.id} newModel true' is what takes it over"
    name = f"#{job.model.id_string}"
    if is_accepted(job, job.model):
        return f"; {name} has it already"
    reason = obstacle(job, job.model)
    if reason:
        return (
            f"; {name} has changed since the job started ({reason}), so that it cannot be written into it, only taken "
            f"as a model of its own with 'adp3d accept {job.id} newModel true'"
        )
    return f"; 'adp3d accept {job.id}' writes it into {name}"


def _discard_inputs(job: Job) -> None:
    staging = Handover.of(job.prepared.extra).staging
    if staging:
        discard(Path(staging))
