"""What users read about their jobs in ChimeraX's log and status line."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from .figures import duration, figures_text
from .job import Job
from .news import CHANGED, ENDED
from .state import JobState

if TYPE_CHECKING:
    from chimerax.core.session import Session
    from chimerax.core.triggerset import TriggerSet

__all__ = ["JobLog", "progress_text"]


def progress_text(job: Job) -> str:
    """One line about where the job is, or how it ended: with its figures, or why it failed and what to do."""
    text = f"ADP-3D job {job.id} {job.state}"
    if job.state is JobState.FAILED:
        return f"{text}: {job.error} {job.advice}".rstrip(" :")
    if job.state is JobState.FINISHED:
        return f"{text}{_achieved(job)}"
    if job.waiting_for:
        return f"{text} for {job.waiting_for}"
    if job.state in (JobState.RUNNING, JobState.PAUSED) and job.total:
        text += f": {job.stage}, step {job.step} of {job.total}"
        if job.done is not None:
            text += f", {100 * job.fraction:.0f}% of the job"
        if job.state is JobState.RUNNING:
            if job.eta_seconds:
                text += f", about {duration(max(1, job.eta_seconds))} left"
            elif job.eta_seconds is None and job.stage_eta_seconds:
                text += f", about {duration(max(1, job.stage_eta_seconds))} left of this stage"
    return text


class JobLog:
    """Listener that writes the start, the warnings and the end of jobs to the log, progress to the status line."""

    def __init__(self, session: Session, triggers: TriggerSet) -> None:
        self._session = weakref.ref(session)
        self._lines: dict[int, int] = {}
        self._shown: dict[int, tuple[JobState, str, int]] = {}
        self._announced: set[int] = set()
        self._held: set[int] = set()
        triggers.add_handler(CHANGED, self._changed)
        triggers.add_handler(ENDED, self._ended)

    def _changed(self, _: str, job: Job) -> None:
        session = self._session()
        if session is None:
            return
        if job.state is JobState.RUNNING and job.id not in self._announced:
            self._announced.add(job.id)
            session.logger.info(f"ADP-3D job {job.id} ({job.title}) runs in {job.folder}")
        done = self._lines.get(job.id, 0)
        for line in job.log[done:]:
            if line.startswith("warning: "):
                session.logger.warning(f"ADP-3D job {job.id}: {line.removeprefix('warning: ')}")
        self._lines[job.id] = len(job.log)
        if job.waiting_for and job.id not in self._held:
            self._held.add(job.id)
            session.logger.info(f"{progress_text(job)}; it starts by itself then")
        if job.state is JobState.WAITING or job.ended:
            return
        # A line for every per cent: the status line is shared with everybody.
        shown = (job.state, job.stage, int(100 * job.fraction))
        if self._shown.get(job.id) != shown:
            self._shown[job.id] = shown
            session.logger.status(progress_text(job))

    def _ended(self, _: str, job: Job) -> None:
        session = self._session()
        if session is None:
            return
        self._lines.pop(job.id, None)
        self._shown.pop(job.id, None)
        self._announced.discard(job.id)  # it may be resumed
        what = f"ADP-3D job {job.id} ({job.title})"
        if job.state is JobState.FAILED:
            session.logger.warning(f"{what} failed: {job.error} {job.advice}".rstrip())
        elif job.state is JobState.STOPPED:
            session.logger.info(f"{what} was stopped")
        elif not job.taken_up:  # who took it up says what its result is
            session.logger.info(f"{what} has finished{_achieved(job)}. Its files are in {job.folder}")
        session.logger.status(f"ADP-3D job {job.id} {job.state}")


def _achieved(job: Job) -> str:
    """Time and figures of a finished job, to follow the word for its state."""
    seconds = job.result_metrics.get("seconds", job.seconds)
    figures = figures_text(job.result_metrics)
    time = f" after {duration(max(1, seconds))}" if seconds else ""
    return f"{time}: {figures}" if figures else time
