"""A job as the panel shows it: its row in the table, its state line, and which buttons make sense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..engine.contract.kinds import KINDS
from ..engine.contract.settings import rows
from ..engine.contract.specification import specification_of
from ..jobs.figures import duration, figures_text
from ..jobs.stored import is_job_folder

__all__ = ["COLUMNS", "JobRow", "job_row"]

COLUMNS = ("Job", "State", "Done", "Left")


@dataclass(frozen=True)
class JobRow:
    """What the panel shows of one job.

    Parameters
    ----------
    job_id : int
        Number of the job.
    cells : tuple of str
        Texts of `COLUMNS`.
    tip : str
        What the row says when the mouse rests on it.
    line : str
        State of the job in one sentence.
    fraction : float
        Part of the job that is done, 0 to 1.
    active, can_pause, can_resume, can_stop, can_steer, can_weigh, can_accept, can_replay, can_compare, can_walk : bool
        What the job is ready for.
    """

    job_id: int
    cells: tuple[str, ...]
    tip: str
    line: str
    fraction: float
    active: bool
    can_pause: bool
    can_resume: bool
    can_stop: bool
    can_steer: bool
    can_weigh: bool
    can_accept: bool
    can_replay: bool
    can_compare: bool
    can_walk: bool


def job_row(job: Any) -> JobRow:
    """Row of a job (`chimerax.adp3d.jobs.job.Job`)."""
    state = str(job.state)
    left = "" if not job.eta_seconds or job.ended else duration(job.eta_seconds)
    done = f"{100 * job.fraction:.0f}%" if job.state.active or state == "finished" else ""
    has_result = job.result is not None
    return JobRow(
        job_id=job.id,
        cells=(f"{job.id}  {job.title}", state, done, left),
        tip="\n".join(filter(None, (f"Job {job.id}: {job.title}", job.prepared.command, str(job.folder), job.error))),
        line=_line(job, state, left),
        fraction=job.fraction,
        active=job.state.active,
        can_pause=state == "running",
        can_resume=state == "paused" or (state in ("stopped", "failed") and is_job_folder(job.folder)),
        can_stop=not job.ended and state != "stopping",
        can_accept=has_result,
        can_steer=state in ("running", "paused"),
        can_weigh=state in ("running", "paused")
        and any(row.setting.steerable for row in rows(specification_of(job.kind))),
        can_replay=job.frame is not None or "frames" in job.paths,
        can_compare=has_result and KINDS[job.kind].needs_model,
        can_walk=has_result and "segments" in job.paths,
    )


def _line(job: Any, state: str, left: str) -> str:
    if state == "failed":
        return " ".join(filter(None, (f"Job {job.id} failed.", job.error, job.advice)))
    if state == "finished":
        figures = figures_text(job.result_metrics)
        time = duration(job.result_metrics.get("seconds", job.seconds))
        return f"Job {job.id} finished after {time}{': ' if figures else ''}{figures}."
    if job.waiting_for:
        return f"Job {job.id}: waiting for {job.waiting_for}."
    if not job.state.active or state == "starting":
        return f"Job {job.id}: {state}."
    parts = [f"Job {job.id}: {state}"]
    if job.stage:
        parts.append(job.stage)
    if job.total:
        parts.append(f"step {job.step} of {job.total}")
    if job.done is not None:
        parts.append(f"{100 * job.fraction:.0f}% of the job")
    if left:
        parts.append(f"{left} left")
    return ", ".join(parts) + "."
