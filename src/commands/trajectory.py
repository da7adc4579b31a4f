"""``adp3d trajectory``: how a job came to its result, as coordinate sets with ChimeraX's slider."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

__all__ = ["adp3d_trajectory", "trajectory_desc"]


def adp3d_trajectory(
    session: Session,
    job: int | None = None,
    replica: int | None = None,
    frames: int | None = None,
    slider: bool = True,
) -> AtomicStructure:
    """Open the stored frames of a job as one model with coordinate sets.

    Parameters
    ----------
    session : Session
    job : int, optional
        By default the running job, else the latest.
    replica : int, optional
        From 1; by default the best.
    frames : int, optional
        Most coordinate sets; by default all frames that are stored.
    slider : bool
        Show the slider of coordinate sets.

    Returns
    -------
    AtomicStructure
        The model.
    """
    from ..jobs.manager import job_manager
    from ..live.trajectory import open_trajectory

    chosen = None if replica is None else replica - 1
    return open_trajectory(session, job_manager(session).get(job), chosen, frames, slider)


def trajectory_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import BoolArg, CmdDesc, PositiveIntArg

    return CmdDesc(
        optional=[("job", PositiveIntArg)],
        keyword=[("replica", PositiveIntArg), ("frames", PositiveIntArg), ("slider", BoolArg)],
        synopsis="Play how an ADP-3D job came to its result",
    )
