"""``adp3d pause``: holds a running job."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["adp3d_pause", "pause_desc"]


def adp3d_pause(session: Session, job: int | None = None) -> Job:
    """Hold a job after its present step; ``adp3d resume`` lets it go on.

    Parameters
    ----------
    session : Session
    job : int, optional
        By default the one that runs.
    """
    from chimerax.core.errors import UserError

    from ..jobs.manager import job_manager
    from ..jobs.state import JobState

    manager = job_manager(session)
    manager.pump()
    chosen = manager.get(job)
    if chosen.state is not JobState.RUNNING:
        raise UserError(f"ADP-3D job {chosen.id} does not run (it is {chosen.state}).")
    chosen.pause()
    return chosen


def pause_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import CmdDesc, PositiveIntArg

    return CmdDesc(optional=[("job", PositiveIntArg)], synopsis="Pause a job of ADP-3D")
