"""What the engine's reports change in a job."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from ..engine.contract import messages
from ..engine.contract.wording import in_keywords
from ..process.advice import advice_for_text
from .job import Job
from .news import CHANGED, ENDED, FRAME, LAYOUT
from .state import JobState, Layout

__all__ = ["absorb", "end_job", "take_course", "take_result"]


def absorb(job: Job, message: messages.Message) -> tuple[str, ...]:
    """Take one report of the engine into the job.

    Returns
    -------
    tuple of str
        The triggers that tell what has changed.
    """
    if isinstance(message, messages.Started):
        job.state = JobState.RUNNING if job.state is JobState.STARTING else job.state
        job.started = job.started or time.time()
        return (CHANGED,)
    if isinstance(message, messages.Layout):
        job.layout = _layout(message)
        return (LAYOUT, CHANGED)
    if isinstance(message, messages.Progress):
        job.stage, job.step, job.total = message.stage, message.step, message.total
        job.done, job.eta_seconds = message.done, message.job_eta_seconds
        job.stage_eta_seconds = message.eta_seconds
        return (CHANGED,)
    if isinstance(message, messages.Frame):
        return (FRAME,) if job.add_frame(message.step, message.coordinates, message.first_replica) else ()
    if isinstance(message, messages.Metric):
        job.add_metric(message.name, list(message.values), message.step, message.first_replica)
        return (CHANGED,)
    if isinstance(message, messages.Best):
        job.best_replica = message.replica
        return (CHANGED,)
    if isinstance(message, messages.Log):
        text = in_keywords(message.text)
        job.add_log(text if message.level == "info" else f"{message.level}: {text}")
        return (CHANGED,)
    if isinstance(message, messages.Result):
        take_result(job, dict(message.paths), dict(message.metrics))
        end_job(job, JobState.FINISHED)
        return (CHANGED, ENDED)
    if isinstance(message, messages.Stopped):
        end_job(job, JobState.STOPPED)
        return (CHANGED, ENDED)
    if isinstance(message, messages.Error):
        # Without advice the sentence itself says what to do.
        known = advice_for_text(f"{message.text}\n{message.advice}") if message.advice else ""
        end_job(job, JobState.FAILED, message.text, known or message.advice)
        return (CHANGED, ENDED)
    return ()


def take_result(job: Job, paths: dict[str, str], metrics: dict[str, Any]) -> None:
    """Note files and figures of a finished job, and of which replica its result is."""
    job.paths, job.result_metrics = paths, metrics
    chosen = metrics.get("chosen_replica")
    if isinstance(chosen, int):
        job.best_replica = chosen


def take_course(job: Job, events: Iterable[Mapping[str, Any]]) -> None:
    """Give a job of an earlier session the figures of its steps, as `read_course` has them, for the plot."""
    if job.metrics:
        return
    for event in events:
        if event["event"] == "best":
            job.best_replica = event["replica"]
        else:
            job.add_metric(event["name"], event["values"], event["step"], event.get("first_replica", 0))


def end_job(job: Job, state: JobState, error: str = "", advice: str = "") -> None:
    """Note the end of a job, and what to do about an error."""
    job.state = state
    job.finished = time.time()
    job.eta_seconds = job.stage_eta_seconds = None
    if error:
        job.error = in_keywords(error)
        job.advice = in_keywords(advice)
        job.add_log(f"error: {job.error} {job.advice}".rstrip())


def _layout(message: messages.Layout) -> Layout:
    return Layout(
        tuple(message.chains),
        tuple(message.numbers),
        tuple(message.insertion_codes),
        tuple(message.names),
        tuple(message.known),
        tuple(message.links),
        message.coordinates[0].astype("f8"),
    )
