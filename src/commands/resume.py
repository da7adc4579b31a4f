"""``adp3d resume``: lets a paused job go on, or takes up one that was stopped, broke off or has finished."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["adp3d_resume", "resume_desc"]


def adp3d_resume(session: Session, job: int | str | None = None, wait: bool | None = None) -> Job:
    """Let a job go on.

    Parameters
    ----------
    session : Session
    job : int or str, optional
        Number of a job, or a job folder, also one of another session. By default the job that is paused, else
        the latest. One that was stopped or failed starts again from its last checkpoint, as a new job in the
        same folder. The result of a folder whose job has finished is opened.
    wait : bool, optional
        Return when it has ended; by default without a GUI.

    Raises
    ------
    UserError
        If there is nothing to resume, or the job that was waited for failed.
    """
    from chimerax.core.errors import UserError

    from ..jobs.state import JobState
    from ..live.models import live_models
    from ..live.watch import watch_results

    watch_results(session)
    live_models(session)
    going = _by_folder(session, job) if isinstance(job, str) else _by_number(session, job)
    if wait or (wait is None and not session.ui.is_gui):
        going.wait()
        if going.state is JobState.FAILED:
            raise UserError(" ".join(text for text in (going.error, going.advice) if text))
    return going


def resume_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import BoolArg, CmdDesc, OpenFolderNameArg, Or, PositiveIntArg

    return CmdDesc(
        optional=[("job", Or(PositiveIntArg, OpenFolderNameArg))],
        keyword=[("wait", BoolArg)],
        synopsis="Resume a job of ADP-3D",
    )


def _by_number(session: Session, number: int | None) -> Job:
    from chimerax.core.errors import UserError

    from ..jobs.manager import job_manager
    from ..jobs.state import JobState
    from ..jobs.stored import is_job_folder

    manager = job_manager(session)
    manager.pump()
    paused = [job for job in manager.jobs if job.state is JobState.PAUSED]
    chosen = paused[0] if number is None and paused else manager.get(number)
    if chosen.state is JobState.PAUSED:
        chosen.resume()
        return chosen
    if chosen.state in (JobState.STOPPED, JobState.FAILED):
        if not is_job_folder(chosen.folder):
            again = f"; give its command again: {chosen.prepared.command}" if chosen.prepared.command else ""
            raise UserError(f"ADP-3D job {chosen.id} has left nothing to go on with{again}")
        return manager.reopen(chosen.folder, chosen.prepared_again())
    raise UserError(f"ADP-3D job {chosen.id} need not be resumed (it is {chosen.state}).")


def _by_folder(session: Session, name: str) -> Job:
    from chimerax.core.errors import UserError

    from ..jobs.manager import job_manager
    from ..jobs.state import JobState
    from ..live.session import saved_jobs
    from ..live.watch import show_finished

    folder = Path(name).expanduser().absolute()
    listed = [job for job in job_manager(session).jobs if job.folder == folder]
    busy = [job for job in listed if not job.ended]
    if busy:
        raise UserError(f"The job in '{folder}' is ADP-3D job {busy[0].id} (it is {busy[0].state}).")
    finished = [job for job in listed if job.state is JobState.FINISHED]
    if finished:
        going = finished[-1]
    elif listed:
        going = job_manager(session).reopen(folder, listed[-1].prepared_again())
    else:
        going = saved_jobs(session).resume(session, folder)
    if going.state is JobState.FINISHED:
        show_finished(session, going)
    return going
