"""``adp3d fix``: holds residues of a running job where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..live.steering import fix_residues

if TYPE_CHECKING:
    from chimerax.atomic import Residues
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["adp3d_fix", "fix_desc"]


def adp3d_fix(session: Session, residues: Residues, job: int | None = None) -> Job:
    """Hold residues where the best estimate has them; ``adp3d release`` lets them go.

    Parameters
    ----------
    session : Session
    residues : Residues
        Of the job's own model, or of its live model.
    job : int, optional
        By default the one that runs.
    """
    return fix_residues(session, residues, job, fixed=True)


def fix_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.atomic import ResiduesArg
    from chimerax.core.commands import CmdDesc, PositiveIntArg

    return CmdDesc(
        required=[("residues", ResiduesArg)],
        keyword=[("job", PositiveIntArg)],
        synopsis="Hold residues of a running job of ADP-3D where they are",
    )
