"""What becomes of results: they open as models when a job ends, or when a finished one is taken up."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from chimerax.core.state import StateManager

from ..engine.contract.kinds import KINDS
from ..handover.accept import is_accepted, obstacle
from ..handover.record import Handover
from ..handover.results import open_result, result_model
from ..handover.staging import discard, give_up_job_folder
from ..jobs.manager import job_manager
from ..jobs.state import JobState
from ..jobs.stored import note_in_folder
from .cover import covers, hidden_sentence, models_of_job
from .result import layout_of
from .views import views_of

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["ResultWatch", "show_finished", "tell_restored", "watch_results"]

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


def show_finished(session: Session, job: Job) -> AtomicStructure:
    """Open the result of a finished job that was taken up from its folder, and say where it is.

    Raises
    ------
    UserError
        If its files were removed or damaged.
    """
    if job.layout is None and "ensemble" in job.paths:
        job.layout = layout_of(session, Path(job.paths["ensemble"]))
    model = open_result(session, job)
    hidden = covers(session).cover(model, models_of_job(session, job))
    session.logger.info(
        f"The result of ADP-3D job {job.id} ({job.title}) is #{model.id_string} ({model.name}){_whereabouts(job)}"
        f"{_next_step(job)}.{hidden_sentence(hidden)}"
    )
    return model


def tell_restored(session: Session, job: Job, *, news: bool) -> None:
    """Say in one line what a restored session has of a finished job.

    Parameters
    ----------
    session : Session
    job : Job
    news : bool
        Whether it has finished since the session was saved: its result is opened then.
    """
    from chimerax.core.errors import UserError

    what = f"ADP-3D job {job.id} ({job.title}) has finished{' since this session was saved' if news else ''}"
    try:
        opens = news and Handover.of(job.prepared.extra).open_result
        model = open_result(session, job) if opens else result_model(session, job)
    except UserError as error:
        session.logger.warning(f"{what}, but its result cannot be opened: {error}")
        return
    where = "in its folder" if model is None else f"#{model.id_string} ({model.name})"
    session.logger.info(f"{what}; its result is {where}{_next_step(job)}.")


class ResultWatch(StateManager):
    """Listens for jobs that end; session files hold nothing of it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._left: set[int] = set()
        """Jobs that go on without the session that they were started in."""
        triggers = job_manager(session).triggers
        self._handlers = [
            triggers.add_handler("job added", self._on_added),
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

    def _on_added(self, _trigger: str, job: Job) -> None:
        self._left.discard(job.id)  # one that is resumed belongs to the session that resumes it

    def _on_layout(self, _trigger: str, job: Job) -> None:
        _discard_inputs(job)  # the engine has its own copies by now
        if not job.prepared.extra:
            return
        try:
            note_in_folder(job.folder, replace(job.prepared, extra=_lasting(job.prepared.extra)))
        except (OSError, ValueError) as error:  # ValueError: a file name that is no text
            reason = getattr(error, "strerror", None) or error
            self._session.logger.info(
                f"A later session will not know where ADP-3D job {job.id} lies in the scene: that cannot be written "
                f"into its folder ({reason})."
            )

    def _on_end(self, _trigger: str, job: Job) -> None:
        _discard_inputs(job)
        give_up_job_folder(job.folder)  # a job that the engine refused has left it empty
        if job.state is not JobState.FINISHED or job.taken_up or not Handover.of(job.prepared.extra).open_result:
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
            view = views_of(self._session)[job.id]
            view.best.display = False  # the result is the same backbone with all its atoms
            covers(self._session).hand_on(view.best, model)
        hidden = covers(self._session).cover(model, models_of_job(self._session, job))
        logger.info(
            f"The result of ADP-3D job {job.id} is #{model.id_string} ({model.name}){_whereabouts(job)}"
            f"{_next_step(job)}.{hidden_sentence(hidden)}"
        )

    def _has_view(self, job: Job) -> bool:
        """Whether the session shows the job's live model; one that was restored while it ran does, too."""
        view = views_of(self._session).get(job.id)
        return view is not None and not view.closed and not view.best.deleted

    def _tell_where(self, job: Job) -> None:
        from chimerax.core.commands import quote_path_if_necessary

        command = f"adp3d resume {quote_path_if_necessary(str(job.folder))}"
        self._session.logger.info(
            f"ADP-3D job {job.id} ({html.escape(job.title)}), whose session was closed, has finished; "
            f'<a href="cxcmd:{quote(command)}">{html.escape(command)}</a> takes its result into this session.',
            is_html=True,
        )


def _whereabouts(job: Job) -> str:
    """How a result was placed in the scene, where it could not be put into its map or onto its model."""
    frame = KINDS[job.kind].frame
    if not frame or job.map is not None or (frame == "model" and job.model is not None):
        return ""
    if not job.prepared.extra:
        return ", with the coordinates of its file, as its folder does not tell where it was in the scene"
    if job.without_models:
        return f", placed where its {frame} was when the job was started"
    return ""


def _next_step(job: Job) -> str:
    """How to take the result over, as the end of a sentence."""
    from chimerax.core.errors import UserError

    if not KINDS[job.kind].needs_model:
        return ""
    try:
        return _way_into_model(job)
    except UserError as error:
        return f"; it cannot be written into a model ({str(error).rstrip('.')})"


def _way_into_model(job: Job) -> str:
    if job.without_models:
        name = Handover.of(job.prepared.extra).model_name
        which = f"{name}, once that is open" if name else "the model that the job started from, once that is open"
        return f"; 'adp3d accept {job.id} into #N' writes it into {which} as #N"
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


def _lasting(extra: Mapping[str, Any]) -> dict[str, Any]:
    """What is still true of a job when its temporary inputs are gone."""
    return {**extra, **replace(Handover.of(extra), staging="").to_extra()}


def _discard_inputs(job: Job) -> None:
    staging = Handover.of(job.prepared.extra).staging
    if staging:
        discard(Path(staging))
