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
    overwrite: bool = False,
) -> AtomicStructure | list[AtomicStructure] | None:
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
    overwrite : bool
        Replace a script that is there; otherwise it is asked for in the window, and refused without one.

    Returns
    -------
    AtomicStructure, list of AtomicStructure, or None
        The model; a list for all replicas; None if the user is asked first.
    """
    from chimerax.core.errors import UserError

    from ..jobs.manager import job_manager
    from ..live.movie_script import check_script, write_movie_script
    from ..live.trajectory import open_all_trajectories, open_trajectory
    from .question import ask_to_replace

    chosen = job_manager(session).get(job)
    path = None if script is None else Path(script).expanduser().absolute()
    if path is not None:
        check_script(path)
        if path.exists() and not overwrite:
            ask_to_replace(session, path, _command(chosen.id, replica, frames, slider, path))
            return None
    if isinstance(replica, str):
        opened = open_all_trajectories(session, chosen, frames, slider)
    else:
        opened = [open_trajectory(session, chosen, None if replica is None else replica - 1, frames, slider)]
    if path is not None:
        try:
            write_movie_script(session, chosen, opened, path)
        except UserError:
            group = opened[0].parent if isinstance(replica, str) else None
            session.models.close(opened if group is None else [group])
            raise
    return opened if isinstance(replica, str) else opened[0]


def _command(job: int, replica: int | str | None, frames: int | None, slider: bool, path: Path) -> str:
    """The same again, with leave to replace the script."""
    from chimerax.core.commands import quote_path_if_necessary

    words = [f"adp3d trajectory {job}"]
    words += [] if replica is None else [f"replica {replica}"]
    words += [] if frames is None else [f"frames {frames}"]
    words += [] if slider else ["slider false"]
    return " ".join([*words, f"script {quote_path_if_necessary(str(path))} overwrite true"])


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
            ("overwrite", BoolArg),
        ],
        synopsis="Play how an ADP-3D job came to its result",
    )
