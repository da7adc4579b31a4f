"""``adp3d status``: environment, engines and jobs as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

__all__ = ["adp3d_status", "status_desc"]


def adp3d_status(session: Session, job: int | None = None) -> dict[str, Any]:
    """Tell how things are; nothing is started or changed.

    Parameters
    ----------
    session : Session
    job : int, optional
        Only this job.

    Returns
    -------
    dict
        Plain values, which JSON can hold: ``environment``, ``engines`` and ``jobs``; of one job, `Job.status`.
    """
    from ..jobs.log import progress_text
    from ..jobs.manager import job_manager
    from ..process.environment import describe
    from ..process.installer import current_installer

    manager = job_manager(session)
    manager.pump()
    if job is not None:
        chosen = manager.get(job)
        session.logger.info(progress_text(chosen))
        return chosen.status()
    environment = describe(session)
    installer = current_installer(session)
    environment["installing"] = "" if installer is None else installer.sentence()
    lines = [f"Engine: {environment['installing'] or environment['problem'] or environment['python']}"]
    lines += [progress_text(one) for one in manager.jobs] or ["There are no ADP-3D jobs."]
    session.logger.info("\n".join(lines))
    return {
        "environment": environment,
        "engines": manager.engines(),
        "jobs": [one.status() for one in manager.jobs],
    }


def status_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import CmdDesc, PositiveIntArg

    return CmdDesc(optional=[("job", PositiveIntArg)], synopsis="Report the state of ADP-3D's engine and jobs")
