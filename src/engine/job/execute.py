"""Running one job: the frame around each pipeline, shared by command line, worker and cluster."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from ..contract.errors import InputError
from ..contract.kinds import KINDS
from ..contract.specification import CommonSpec
from .events import Control, Events, Stopped, fan_out, reword_messages
from .folder import JobFolder
from .log import EventLog, read_history
from .memory import PeakMemory, is_out_of_memory
from .shared_folder import end_sharing
from .trajectory import TrajectoryWriter
from .versions import versions

__all__ = ["Pipeline", "advice_for", "execute", "load_pipeline"]

Pipeline = Callable[[Any, JobFolder, Events, Control], Mapping[str, Any]]
"""``run(spec, job, events, control) -> metrics``; writes ``result.cif`` into the job folder."""


def load_pipeline(kind: str) -> Pipeline:
    """Pipeline for a kind of job; its module is imported only now.

    Raises
    ------
    InputError
        If the kind is unknown.
    """
    if kind not in KINDS:
        raise InputError(f"Unknown kind of job '{kind}'; use one of {', '.join(KINDS)}.")
    run: Pipeline = import_module(f"..pipeline.{kind}", __package__).run
    return run


def execute(
    job: JobFolder,
    events: Events,
    control: Control,
    load: Callable[[str], Pipeline] = load_pipeline,
) -> dict[str, Any]:
    """Run a job to its end, from its last checkpoint if it has one.

    Everything the pipeline tells goes to ``events``, to ``events.log`` and (frames) to
    ``trajectory.bin``. The metrics get ``seconds`` and ``peak_memory_bytes`` unless the pipeline gives
    them, and ``metrics.json`` is written last. The folder of a job that fails stays, with the reason in its log.

    Parameters
    ----------
    job : JobFolder
    events : Events
        Further listener.
    control : Control
        Wishes of the user.
    load : callable
        Gives the pipeline for the kind of job.

    Returns
    -------
    dict
        The metrics.

    Raises
    ------
    InputError
        If the input cannot be used, memory or disk do not suffice, or another process runs the job.
    Stopped
        If ``control`` asked for it.
    """
    with job.lock():
        return _run_logged(job, events, control, load)


def advice_for(error: BaseException) -> tuple[str, str]:
    """Sentence and advice for an exception that ended a job."""
    if isinstance(error, InputError):
        return str(error), ""
    if is_out_of_memory(error):
        return "There was not enough memory.", "Use fewer replicas, fewer chains or a smaller box of the map."
    name = type(error).__name__
    return (
        f"The program failed: {name}: {error}".removesuffix(".") + "."
        if str(error)
        else f"The program failed: {name}.",
        "This is an error in ADP-3D: please report it with the job's events.log.",
    )


def _run_logged(job: JobFolder, events: Events, control: Control, load: Callable[[str], Pipeline]) -> dict[str, Any]:
    log = EventLog(job.events_log)
    listeners: list[Events] = [log, events]
    writer: TrajectoryWriter | None = None
    if isinstance(job.spec, CommonSpec) and job.spec.trajectory_interval:
        writer = TrajectoryWriter(job.trajectory, job.spec.trajectory_interval)
        listeners.append(writer)
    try:
        log.write("started", kind=job.spec.kind, versions=versions())
        with PeakMemory() as memory:
            pipeline = load(job.spec.kind)
            told = reword_messages(fan_out(*listeners), job.in_users_terms)
            metrics = dict(pipeline(job.spec, job, told, control))
        log.write("finished")
        metrics.setdefault("seconds", round(read_history(job.events_log).seconds, 3))
        metrics.setdefault("peak_memory_bytes", memory.bytes)
        if memory.device_bytes:
            metrics.setdefault("peak_device_memory_bytes", memory.device_bytes)
        job.write_metrics(metrics)
        if job.shared is not None and not job.shared.helping:
            end_sharing(job)
        return metrics
    except Stopped:
        log.write("stopped")
        raise
    except InputError as error:
        text = job.in_users_terms(str(error))
        _note(log, "failed", text=text)
        raise InputError(text) from error
    except Exception as error:
        _note(log, "failed", text=str(error), traceback=traceback.format_exc())
        raise
    finally:
        _close(writer, log)


def _note(log: EventLog, event: str, **values: str) -> None:
    """Write to the log on the way out of an error, which may be that the disk is full."""
    try:
        log.write(event, **values)
    except InputError:
        return  # the error that is being raised says why already


def _close(writer: TrajectoryWriter | None, log: EventLog) -> None:
    try:
        if writer is not None:
            writer.close()
    finally:
        log.close()
