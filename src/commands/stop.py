"""``adp3d stop``: ends a job and frees what it used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine.contract import messages

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["adp3d_stop", "stop_desc"]


_ALL = "all"
_ASKED: dict[str, type[messages.Dock] | type[messages.Score]] = {"dock": messages.Dock, "score": messages.Score}
"""What runs beside jobs and may take minutes, by the name of its command."""


def adp3d_stop(session: Session, job: int | str | None = None, wait: bool | None = None) -> Job | list[Job]:
    """End a job, or all; a checkpoint stays, from which ``adp3d resume`` goes on.

    A job that does not stop by itself within 20 seconds is ended with its engine.

    Parameters
    ----------
    session : Session
    job : int or str, optional
        By default the job that runs, or where none does, what ``adp3d dock`` and ``adp3d score`` have begun; ``dock``
        and ``score`` stop that alone, ``all`` everything that runs or waits.
    wait : bool, optional
        Return when it has ended; by default without a GUI.

    Returns
    -------
    Job or list of Job
        The job; with ``all`` a list, and an empty one where no job was stopped.
    """
    from chimerax.core.errors import UserError

    from ..jobs.manager import job_manager

    manager = job_manager(session)
    manager.pump()
    going = [one for one in manager.jobs if not one.ended]
    if job in _ASKED:
        if not manager.stop_questions(_ASKED[str(job)]):
            raise UserError(f"No 'adp3d {job}' is running.")
        return []
    asked = 0
    if job == _ALL or (job is None and not going):
        asked = sum(manager.stop_questions(question) for question in _ASKED.values())
    if job is None and asked:
        return []
    if job == _ALL:
        chosen = going
        if not chosen and not asked:
            raise UserError("There is no ADP-3D job that could be stopped; 'adp3d jobs' lists them.")
    else:
        one = manager.get(None if job is None else int(job))
        if one.ended:
            raise UserError(f"ADP-3D job {one.id} has ended already (it is {one.state}).")
        chosen = [one]
    for one in reversed(chosen):  # those that wait first, so that none of them starts
        one.stop()
    if wait or (wait is None and not session.ui.is_gui):
        for one in chosen:
            one.wait()
    return chosen if job == _ALL else chosen[0]


def stop_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import BoolArg, CmdDesc, EnumOf, Or, PositiveIntArg

    return CmdDesc(
        optional=[("job", Or(PositiveIntArg, EnumOf((_ALL, *_ASKED))))],
        keyword=[("wait", BoolArg)],
        synopsis="Stop a job of ADP-3D, or all",
    )
