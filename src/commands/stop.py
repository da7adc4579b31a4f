"""``adp3d stop``: ends a job and frees what it used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["adp3d_stop", "stop_desc"]


def adp3d_stop(session: Session, job: int | None = None, wait: bool | None = None) -> Job:
    """End a job; its checkpoint stays, from which ``adp3d resume`` goes on.

    A job that does not stop by itself within 20 seconds is ended with its engine.

    Parameters
    ----------
    session : Session
    job : int, optional
        By default the one that runs.
    wait : bool, optional
        Return when it has ended; by default without a GUI.
    """
    from chimerax.core.errors import UserError

    from ..jobs.manager import job_manager

    chosen = job_manager(session).get(job)
    if chosen.ended:
        raise UserError(f"ADP-3D job {chosen.id} has ended already (it is {chosen.state}).")
    chosen.stop()
    if wait or (wait is None and not session.ui.is_gui):
        chosen.wait()
    return chosen


def stop_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import BoolArg, CmdDesc, PositiveIntArg

    return CmdDesc(optional=[("job", PositiveIntArg)], keyword=[("wait", BoolArg)], synopsis="Stop a job of ADP-3D")
