"""Jobs in session files: what is saved of them, and what happens to them when a session opens or closes.

The models of a job are ordinary models, which ChimeraX saves itself; results are in the job's folder. Saved
here is what ties these together, and what was accepted into which model. A restored session lists jobs that have
finished again, with their models, and offers to go on with the others; accepted results can still be undone.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from chimerax.core.state import StateManager

from ..jobs.manager import job_manager
from ..jobs.state import JobState
from ..jobs.stored import is_finished, is_job_folder
from .models import live_models
from .playing import follow_restored
from .records import (
    accepted_records,
    attach_models,
    holds_accepted,
    one_for_each_folder,
    prepared_from,
    record_of,
    restore_accepted,
)
from .watch import tell_restored

if TYPE_CHECKING:
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["SavedJobs", "UnfinishedJob", "saved_jobs", "unfinished_jobs"]

_TAG = "ADP-3D jobs"
_VERSION = 1
_TOOL = "ADP-3D"
_GOING_OR_DONE = frozenset(JobState) - {JobState.STOPPED, JobState.FAILED}


@dataclass(frozen=True)
class UnfinishedJob:
    """A job of a restored session that had not finished when the session was saved.

    Attributes
    ----------
    folder : Path
    title : str
    command : str
        What goes on with it.
    """

    folder: Path
    title: str
    command: str


def saved_jobs(session: Session) -> SavedJobs:
    """The session's keeper of jobs, made at its first use."""
    try:
        keeper: SavedJobs = session.get_state_manager(_TAG)
    except KeyError:
        keeper = SavedJobs(session)
        session.add_state_manager(_TAG, keeper)
    return keeper


def unfinished_jobs(session: Session) -> list[UnfinishedJob]:
    """Jobs of a restored session that can be resumed; looking does not make the session need this bundle."""
    try:
        keeper: SavedJobs = session.get_state_manager(_TAG)
    except KeyError:
        return []
    return keeper.unfinished


class SavedJobs(StateManager):
    """Saves and restores the jobs of a session; ChimeraX calls it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._unfinished: dict[Path, Mapping[str, Any]] = {}

    def include_state(self) -> bool:
        """Whether there is anything to save: sessions without jobs or their results do not need this bundle to open."""
        return bool(self._unfinished or job_manager(self._session).jobs or holds_accepted(self._session))

    def take_snapshot(self, session: Session, flags: int) -> dict[str, Any]:
        """Everything that is needed to list, show or resume the jobs again, as plain values and models."""
        records = [record_of(session, job) for job in job_manager(session).jobs]
        return {
            "version": _VERSION,
            "jobs": one_for_each_folder([*self._unfinished.values(), *records]),
            "accepted": accepted_records(session),
            "panel": _panel_is_shown(session),
        }

    @classmethod
    def restore_snapshot(cls, session: Session, data: Mapping[str, Any]) -> SavedJobs:
        """Take up the jobs once the whole session is there."""
        keeper = saved_jobs(session)
        records = one_for_each_folder(data.get("jobs", ()))
        accepted = list(data.get("accepted", ()))
        panel = bool(data.get("panel")) and session.ui.is_gui

        def restore(*_: object) -> str:
            keeper._restore(session, records, accepted)
            if panel:
                _show_panel(session)
            return "delete handler"

        session.triggers.add_handler("end restore session", restore)
        return keeper

    def reset_state(self, session: Session) -> None:
        """Let go of the jobs of a session that is being closed; those that run go on."""
        manager = job_manager(session)
        live_models(session).forget()
        self._unfinished.clear()
        for job in list(manager.jobs):
            if job.ended:
                manager.remove(job)
            else:
                session.logger.info(
                    f"ADP-3D job {job.id} ({job.title}) goes on in '{job.folder}' without its session; "
                    f"'adp3d stop {job.id}' ends it."
                )

    @property
    def unfinished(self) -> list[UnfinishedJob]:
        """Jobs that can be resumed and are not listed yet, however they came to be."""
        listed = {job.folder for job in job_manager(self._session).jobs}
        return [
            UnfinishedJob(folder, str(record["title"]), _resume_command(folder))
            for folder, record in self._unfinished.items()
            if folder not in listed and is_job_folder(folder)
        ]

    def resume(self, session: Session, folder: Path | str) -> Job:
        """Take up the job of a folder, with what this session has saved of it.

        Raises
        ------
        UserError
            If the folder holds no job that can be resumed, or there is no usable environment.
        """
        folder = Path(folder)
        record = self._unfinished.get(folder)
        manager = job_manager(session)
        live_models(session)  # it listens from now on
        if record is None:
            return manager.reopen(folder)
        job = manager.reopen(folder, prepared_from(record))
        del self._unfinished[folder]
        attach_models(session, job, record)
        return job

    def _restore(self, session: Session, records: list[Mapping[str, Any]], accepted: list[Mapping[str, Any]]) -> None:
        manager = job_manager(session)
        finished: list[tuple[Job, bool]] = []
        for record in records:
            folder = Path(record["folder"])
            known = [job for job in manager.jobs if job.folder == folder and job.state in _GOING_OR_DONE]
            if known:
                attach_models(session, known[-1], record)
            elif is_finished(folder):
                job = self._restore_finished(session, record)
                if job is not None:
                    finished.append((job, record["state"] != JobState.FINISHED.value))
            elif is_job_folder(folder):
                self._unfinished[folder] = record
                _offer(session, record)
            else:
                session.logger.info(
                    f"The folder '{folder}' of ADP-3D job '{record['title']}' is gone. Its models are as they were "
                    "saved; the job cannot be resumed."
                )

        follow_restored(session)
        restore_accepted(session, accepted, {str(job.folder): job.id for job in manager.jobs})
        for job, news in finished:
            tell_restored(session, job, news=news)

    def _restore_finished(self, session: Session, record: Mapping[str, Any]) -> Job | None:
        from chimerax.core.errors import UserError

        try:
            job = job_manager(session).reopen(record["folder"], prepared_from(record))
        except UserError as error:
            session.logger.warning(f"ADP-3D job '{record['title']}' of this session cannot be shown: {error}")
            return None
        attach_models(session, job, record)
        return job


def _panel_is_shown(session: Session) -> bool:
    """Whether the panel is open; it is noted with the jobs only, so that no other session needs this bundle."""
    return any(tool.tool_name == _TOOL and tool.displayed() for tool in session.tools.list())


def _show_panel(session: Session) -> None:
    from chimerax.core.commands import run

    run(session, f'ui tool show "{_TOOL}"', log=False)


def _resume_command(folder: Path) -> str:
    from chimerax.core.commands import quote_path_if_necessary

    return f"adp3d resume {quote_path_if_necessary(str(folder))}"


def _offer(session: Session, record: Mapping[str, Any]) -> None:
    """Write a line with a link that goes on with a job."""
    command = _resume_command(Path(record["folder"]))
    session.logger.info(
        f"ADP-3D job '{html.escape(str(record['title']))}' had not finished when this session was saved. "
        f'<a href="cxcmd:{quote(command)}">Resume it</a> ({html.escape(command)}).',
        is_html=True,
    )
