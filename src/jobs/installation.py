"""Installing the engine while there may be jobs: not under a running one, and the next one gets the new engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..process.installer import Ask, Installer, current_installer, start_installer
from .manager import job_manager

if TYPE_CHECKING:
    from chimerax.core.session import Session

    from ..process.install import Plan

__all__ = ["install_engine"]


def install_engine(session: Session, plan: Plan, ask: Ask | None = None) -> Installer:
    """Begin an installation; see `start_installer`.

    Raises
    ------
    UserError
        If one is running, or a job uses the environment.
    """
    from chimerax.core.errors import UserError

    if current_installer(session) is None:  # else jobs may wait for that installation
        manager = job_manager(session)
        busy = [job for job in manager.jobs if not job.ended]
        if busy:
            raise UserError(f"ADP-3D job {busy[0].id} uses the engine; wait for it or stop it, then install.")
        manager.end_idle_engines()
    return start_installer(session, plan, ask)
