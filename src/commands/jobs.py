"""``adp3d jobs``: the jobs of this session as a table in the log."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["adp3d_jobs", "jobs_desc"]


def adp3d_jobs(session: Session, remove: int | None = None) -> list[Job]:
    """List the jobs, or take one that has ended out of the list.

    Parameters
    ----------
    session : Session
    remove : int, optional
        Number of the job to forget; its folder stays.

    Returns
    -------
    list of Job
        The jobs that are listed, in the order of their submission.
    """
    from ..jobs.manager import job_manager

    manager = job_manager(session)
    manager.pump()
    if remove is not None:
        manager.remove(manager.get(remove))
    if not manager.jobs:
        session.logger.info("There are no ADP-3D jobs.")
    elif remove is None:
        session.logger.info(_table(manager.jobs), is_html=True)
    return list(manager.jobs)


def jobs_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import CmdDesc, PositiveIntArg

    return CmdDesc(keyword=[("remove", PositiveIntArg)], synopsis="List the jobs of ADP-3D")


def _table(jobs: list[Job]) -> str:
    rows = [("Job", "What", "State", "Done", "Stage", "Time", "Folder")]
    for job in jobs:
        stage = f"{job.stage} {job.step}/{job.total}" if job.total and not job.ended else ""
        stage = f"for {job.waiting_for}" if job.waiting_for else stage
        done = f"{100 * job.fraction:.0f}%" if job.state.active else ""
        rows.append((str(job.id), job.title, job.state.value, done, stage, _time(job), str(job.folder)))
    cells = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
    cells[0] = cells[0].replace("td>", "th>")
    lines = "\n".join(f"<tr>{row}</tr>" for row in cells)
    return f'<table border="1" cellpadding="4" cellspacing="0">\n{lines}\n</table>'


def _time(job: Job) -> str:
    """Seconds of computing; empty for jobs that wait, and where it is not known."""
    return f"{job.seconds:.0f} s" if job.seconds else ""
