"""``adp3d set``: changes the weights of a running job."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["adp3d_set", "set_desc"]


def adp3d_set(session: Session, job: int | None = None, density_weight: float | None = None) -> Job:
    """Change settings of a job while it runs.

    Parameters
    ----------
    session : Session
    job : int, optional
        By default the one that runs.
    density_weight : float, optional
        Factor on the density log-likelihood.
    """
    from chimerax.core.errors import UserError

    from ..jobs.manager import job_manager

    manager = job_manager(session)
    manager.pump()
    chosen = manager.get(job)
    if density_weight is None:
        raise UserError("Say what to set, for instance 'adp3d set densityWeight 2'.")
    if chosen.kind != "refine":
        raise UserError(f"ADP-3D job {chosen.id} uses no map, so it has no density weight.")
    chosen.set_weight("density_weight", density_weight)
    session.logger.info(f"ADP-3D job {chosen.id}: the density weight is {density_weight:g} now.")
    return chosen


def set_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import CmdDesc, NonNegativeFloatArg, PositiveIntArg

    return CmdDesc(
        optional=[("job", PositiveIntArg)],
        keyword=[("density_weight", NonNegativeFloatArg)],
        synopsis="Change settings of a running job of ADP-3D",
    )
