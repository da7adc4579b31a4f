"""``adp3d trajectory``: how a job came to its result, as coordinate sets with ChimeraX's slider."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

__all__ = ["adp3d_trajectory", "trajectory_desc"]


def adp3d_trajectory(
    session: Session,
    job: int | None = None,
    replica: int | str | None = None,
    frames: int | None = None,
    slider: bool = True,
    script: str | None = None,
) -> AtomicStructure | list[AtomicStructure]:
    """Open the stored frames of a job as models with coordinate sets.

    Parameters
    ----------
    session : Session
    job : int, optional
        By default the running job, else the latest.
    replica : int or str, optional
        From 1, or ``all``; by default the best.
    frames : int, optional
        Most coordinate sets; by default all frames that are stored.
    slider : bool
        Show the slider of coordinate sets.
    script : str, optional
        File, ending in ``.cxc``, for commands that record these models as a movie.

    Returns
    -------
    AtomicStructure or list of AtomicStructure
        The model; a list for all replicas.
    """
    from ..jobs.manager import job_manager
    from ..live.movie_script import check_name, write_movie_script
    from ..live.trajectory import open_all_trajectories, open_trajectory

    chosen = job_manager(session).get(job)
    path = None if script is None else check_name(Path(script).expanduser())
    if isinstance(replica, str):
        opened = open_all_trajectories(session, chosen, frames, slider)
    else:
        opened = [open_trajectory(session, chosen, None if replica is None else replica - 1, frames, slider)]
    if path is not None:
        write_movie_script(session, chosen, opened, path)
    return opened if isinstance(replica, str) else opened[0]


def trajectory_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import BoolArg, CmdDesc, EnumOf, Or, PositiveIntArg, SaveFileNameArg

    return CmdDesc(
        optional=[("job", PositiveIntArg)],
        keyword=[
            ("replica", Or(PositiveIntArg, EnumOf(("all",)))),
            ("frames", PositiveIntArg),
            ("slider", BoolArg),
            ("script", SaveFileNameArg),
        ],
        synopsis="Play how an ADP-3D job came to its result",
    )
