"""The job that a command about results means."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["finished_job"]


def finished_job(session: Session, number: int | None) -> Job:
    """The job of a number; without one the latest that has a result.

    Raises
    ------
    UserError
        If there is none, or it has no result.
    """
    from chimerax.core.errors import UserError

    from ..jobs.manager import job_manager

    manager = job_manager(session)
    with_result = [one for one in manager.jobs if one.result is not None]
    chosen = with_result[-1] if number is None and with_result else manager.get(number)
    if chosen.result is None:
        raise UserError(f"ADP-3D job {chosen.id} has no result (it is {chosen.state}); wait until it has finished.")
    return chosen
