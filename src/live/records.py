"""What a session file keeps of jobs and of accepted results, and these made from that again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..jobs.state import JobState, Layout, PreparedJob
from .cover import cover_again
from .models import live_models

if TYPE_CHECKING:
    from chimerax.core.models import Model
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = [
    "accepted_records",
    "attach_models",
    "holds_accepted",
    "one_for_each_folder",
    "prepared_from",
    "record_of",
    "restore_accepted",
]

_Kind = TypeVar("_Kind", bound="Model")

_LABELS = ("chains", "numbers", "insertion_codes", "names", "known", "links")


def record_of(session: Session, job: Job) -> dict[str, Any]:
    """A job as plain values and open models."""
    place = job.prepared.frame_to_scene
    live = live_models(session)
    view = live.views.get(job.id)
    models = [] if view is None else [view.group, view.best, *view.traces]
    return {
        "kind": job.kind,
        "title": job.title,
        "command": job.prepared.command,
        "folder": str(job.folder),
        "spec": dict(job.prepared.spec),
        "live": job.prepared.live,
        "extra": dict(job.prepared.extra),
        "state": job.state.value,
        "best_replica": job.best_replica,
        "colouring": job.colouring,
        "frame_to_scene": None if place is None else np.array(place.matrix, dtype=np.float64),
        "layout": _layout_record(job.layout),
        "model": _if_open(session, job.model),
        "map": _if_open(session, job.map),
        "live_models": [_if_open(session, model) for model in models],
    }


def one_for_each_folder(records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The latest record of each folder, in their order: a job that was resumed has several.

    Models and layout stay with the earlier record where the latest, that of a job just resumed, has none yet.
    """
    latest: dict[str, Mapping[str, Any]] = {}
    for record in records:
        before = latest.pop(record["folder"], None)
        if before is not None and before["live_models"] and not record["live_models"]:
            kept = {name: before[name] for name in ("live_models", "layout", "best_replica")}
            record = {**record, **kept}
        latest[record["folder"]] = record
    return list(latest.values())


def prepared_from(record: Mapping[str, Any]) -> PreparedJob:
    """What was handed over when the job of a record was submitted."""
    from chimerax.geometry import Place

    matrix = record["frame_to_scene"]
    return PreparedJob(
        kind=record["kind"],
        spec=dict(record["spec"]),
        folder=Path(record["folder"]),
        title=record["title"],
        command=record["command"],
        model=record["model"],
        map=record["map"],
        frame_to_scene=None if matrix is None else Place(matrix),
        live=record["live"],
        extra=dict(record["extra"]),
    )


def attach_models(session: Session, job: Job, record: Mapping[str, Any]) -> None:
    """Give a job the models and the progress that a session has saved of it."""
    live = live_models(session)
    job.colouring = record["colouring"]
    job.find_again(_if_open(session, record["model"]), _if_open(session, record["map"]))
    if job.layout is None:
        job.layout = _layout_from(record["layout"])
        job.best_replica = int(record["best_replica"])
    group, best, *traces = record["live_models"] or [None, None]
    if group is not None and best is not None:
        kept = [trace for trace in traces if trace is not None]
        live.adopt(job, group, best, kept, final=record["state"] == JobState.FINISHED.value)
    cover_again(session, job)


def accepted_records(session: Session) -> list[dict[str, Any]]:
    """What was accepted into the open models, as plain values beside the models."""
    from ..handover.accepted import accepted_into
    from ..handover.accepted_record import to_plain

    found = ((model, accepted_into(model)) for model in session.models.list())
    return [{"model": model, "accepted": to_plain(items)} for model, items in found if items]


def holds_accepted(session: Session) -> bool:
    """Whether something was accepted into an open model."""
    from ..handover.accepted import accepted_into

    return any(accepted_into(model) for model in session.models.list())


def restore_accepted(session: Session, records: Iterable[Mapping[str, Any]], job_ids: Mapping[str, int]) -> None:
    """Let models know what was accepted into them, and ChimeraX how that is undone.

    Parameters
    ----------
    session : Session
    records : iterable of mapping
        From `accepted_records`.
    job_ids : mapping
        Present numbers of jobs, by their folders.
    """
    from ..handover.accepted import offer_undo, set_accepted
    from ..handover.accepted_record import from_plain

    for record in records:
        model = _if_open(session, record["model"])
        if model is None:
            continue
        try:
            items = from_plain(record["accepted"], job_ids)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            session.logger.warning(
                f"What ADP-3D wrote into #{model.id_string} before this session was saved cannot be undone: its record "
                f"is of another version ({type(error).__name__}). The model itself is as it was saved."
            )
            continue
        set_accepted(model, items)
        offer_undo(session, model)


def _layout_record(layout: Layout | None) -> dict[str, Any] | None:
    if layout is None:
        return None
    return {**{name: list(getattr(layout, name)) for name in _LABELS}, "coordinates": np.array(layout.coordinates)}


def _layout_from(record: Mapping[str, Any] | None) -> Layout | None:
    if record is None:
        return None
    labels: dict[str, Any] = {name: tuple(record[name]) for name in _LABELS}
    return Layout(**labels, coordinates=np.array(record["coordinates"], dtype=np.float64))


def _if_open(session: Session, model: _Kind | None) -> _Kind | None:
    """Models that are closed or not in the session are not to be saved."""
    return model if model is not None and not model.deleted and session.models.have_model(model) else None
