"""``adp3d release``: lets residues of a running job go that ``adp3d fix`` holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..live.steering import fix_residues

if TYPE_CHECKING:
    from chimerax.atomic import Residues
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["adp3d_release", "release_desc"]


def adp3d_release(session: Session, residues: Residues, job: int | None = None) -> Job:
    """Let residues go that were held.

    Parameters
    ----------
    session : Session
    residues : Residues
        Of the job's own model, or of its live model.
    job : int, optional
        By default the one that runs.
    """
    return fix_residues(session, residues, job, fixed=False)


def release_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.atomic import ResiduesArg
    from chimerax.core.commands import CmdDesc, PositiveIntArg

    return CmdDesc(
        required=[("residues", ResiduesArg)],
        keyword=[("job", PositiveIntArg)],
        synopsis="Release residues of a running job of ADP-3D",
    )
