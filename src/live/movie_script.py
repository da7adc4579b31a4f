"""Commands that record the trajectory of a job as a movie, as a script of ChimeraX to be edited and opened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["check_script", "movie_commands", "write_movie_script"]

_SECONDS_AT_LEAST = 6
"""Of a short trajectory: one picture for each of 20 coordinate sets would be over in less than a second."""
_SECONDS_AT_END = 2
_RATE = 25
"""Frames in a second, as ChimeraX's own movies have."""


def check_script(path: Path) -> None:
    """Refuse names that a script cannot have.

    Raises
    ------
    UserError
    """
    from chimerax.core.errors import UserError

    from ..handover.replacing import check_place

    if path.suffix.lower() != ".cxc":
        raise UserError(f"'{path.name}' must end in .cxc, as scripts of ChimeraX do.")
    check_place(path)


def movie_commands(models: str, frames: int, movie: str) -> list[str]:
    """Commands of the movie.

    Parameters
    ----------
    models : str
        Specifier of the trajectory's models.
    frames : int
        Coordinate sets of each.
    movie : str
        Name of the movie's file, quoted where that is necessary.
    """
    each = max(1, round(_SECONDS_AT_LEAST * _RATE / frames))
    slow = f" pauseFrames {each}" if each > 1 else ""
    return [
        f"coordset {models} 1",
        "movie record",
        f"coordset {models} 1,{frames}{slow}",
        f"wait {frames * each}",
        f"wait {_SECONDS_AT_END * _RATE}",
        f"movie encode {movie} framerate {_RATE} wait true",
    ]


def write_movie_script(session: Session, job: Job, structures: Sequence[AtomicStructure], path: Path) -> None:
    """Write a script that records open trajectories, all or nothing, and say how it is used.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    from chimerax.core.commands import quote_path_if_necessary

    from ..handover.replacing import replace_file

    # "#5.1,5.2" would mean models below 5.1 and 5.2
    models = "".join(f"#{structure.id_string}" for structure in structures)
    movie = quote_path_if_necessary(str(path.resolve().with_suffix(".mp4")))
    again = quote_path_if_necessary(str(job.folder))
    lines = [
        f"# Movie of ADP-3D job {job.id} ({job.title}). Arrange the view, add what you like (turn, key, 2dlabels), and",
        "# open this file in the session that has the trajectory. In another one these commands open it:",
        f"#   adp3d resume {again}",
        f"#   adp3d trajectory{' replica all' if len(structures) > 1 else ''}",
        *movie_commands(models, max(structure.num_coordsets for structure in structures), movie),
        "",
    ]
    replace_file(path, lambda partial: partial.write_text("\n".join(lines), encoding="utf-8"))
    session.logger.info(
        f"'{path}' records {models} as a movie: 'open {quote_path_if_necessary(str(path))}' makes it, with the view "
        "as it is then."
    )
