"""``adp3d stop``: ends a job and frees what it used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["adp3d_stop", "stop_desc"]


_ALL, _DOCK = "all", "dock"


def adp3d_stop(session: Session, job: int | str | None = None, wait: bool | None = None) -> Job | list[Job]:
    """End a job, or all; a checkpoint stays, from which ``adp3d resume`` goes on.

    A job that does not stop by itself within 20 seconds is ended with its engine.

    Parameters
    ----------
    session : Session
    job : int or str, optional
        By default the one that runs, or where none does, the searches of ``adp3d dock``; ``all`` stops those that run
        and those that wait, searches included, ``dock`` searches alone.
    wait : bool, optional
        Return when it has ended; by default without a GUI.

    Returns
    -------
    Job or list of Job
        The job; with ``all`` or ``dock``, and where only searches run, a list.
    """
    from chimerax.core.errors import UserError

    from ..jobs.manager import job_manager

    manager = job_manager(session)
    manager.pump()
    going = [one for one in manager.jobs if not one.ended]
    searches = 0
    if job in (_ALL, _DOCK) or (job is None and not going):
        searches = manager.stop_searches()
    if job == _DOCK or (job is None and searches):
        if not searches:
            raise UserError("No search of 'adp3d dock' runs.")
        return []
    if job == _ALL:
        chosen = going
        if not chosen and not searches:
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
        optional=[("job", Or(PositiveIntArg, EnumOf((_ALL, _DOCK))))],
        keyword=[("wait", BoolArg)],
        synopsis="Stop a job of ADP-3D, or all",
    )
