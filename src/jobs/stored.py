"""What a job folder tells without the engine: its specification, its place in the scene, and its results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.contract import errors, specification
from .state import PreparedJob

if TYPE_CHECKING:
    from chimerax.geometry import Place

__all__ = ["is_finished", "is_job_folder", "note_in_folder", "prepared_from_folder", "read_course", "read_finished"]

_RECORD, _RECORD_VERSION = "chimerax.json", 1

_FILES = {
    "result": "result.cif",
    "metrics": "metrics.json",
    "trajectory": "trajectory.cif",
    "ensemble": "ensemble.cif",
    "frames": "trajectory.bin",
    "log": "events.log",
    "segments": "segments.json",
    "residues": "residues.csv",
}


def is_job_folder(folder: Path) -> bool:
    """Whether the folder holds a job."""
    return (folder / "job.json").is_file()


def is_finished(folder: Path) -> bool:
    """Whether the job of the folder ran to its end: the engine writes its figures last."""
    return (folder / _FILES["metrics"]).is_file() and (folder / _FILES["result"]).is_file()


def prepared_from_folder(folder: Path) -> PreparedJob:
    """Job as the folder describes it, with what `note_in_folder` wrote there, if it did.

    Raises
    ------
    UserError
        If the folder holds no job that this version can read.
    """
    from chimerax.core.errors import UserError

    try:
        text = (folder / "job.json").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"'{folder}' is not the folder of an ADP-3D job: it has no readable job.json.") from error
    try:
        spec = specification.plain_elsewhere(specification.read_json(text))
    except errors.InputError as error:
        raise UserError(f"The job in '{folder}' cannot be read: {error}") from error
    spec["output"] = str(folder)
    prepared = PreparedJob(kind=spec["kind"], spec=spec, folder=folder, title=f"{spec['kind']} in {folder.name}")
    record = _read_record(folder)
    if record is None:
        return prepared
    return replace(
        prepared,
        command=str(record.get("command", "")),
        frame_to_scene=_place(record.get("frame_to_scene")),
        extra=dict(record["extra"]),
    )


def note_in_folder(folder: Path, prepared: PreparedJob) -> None:
    """Write into a job's folder where its frame lies in the scene, and what else a later session needs of it.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    place = prepared.frame_to_scene
    record = {
        "version": _RECORD_VERSION,
        "command": prepared.command,
        "frame_to_scene": None if place is None else [[float(x) for x in row] for row in place.matrix],
        "extra": prepared.extra,
    }
    (folder / _RECORD).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _read_record(folder: Path) -> Mapping[str, Any] | None:
    """What `note_in_folder` wrote; None where nothing can be read, as for jobs of the command line."""
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = isinstance(record, dict) and record.get("version") == _RECORD_VERSION
    return record if known and isinstance(record.get("extra"), dict) else None


def _place(matrix: Any) -> Place | None:
    from chimerax.geometry import Place

    try:
        rows = [[float(x) for x in row] for row in matrix]
    except (TypeError, ValueError):
        return None
    return Place(rows) if [len(row) for row in rows] == [4, 4, 4] else None


def read_finished(folder: Path) -> tuple[dict[str, str], dict[str, Any]] | None:
    """Files by role and figures of merit of a finished job, None for any other."""
    if not is_finished(folder):
        return None
    try:
        metrics = json.loads((folder / _FILES["metrics"]).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # cut off while it was written: not finished
    if not isinstance(metrics, dict):
        return None
    paths = {role: folder / name for role, name in _FILES.items()}
    paths |= {path.stem: path for path in sorted(folder.glob("*.png"))}
    return {role: str(path) for role, path in paths.items() if path.is_file()}, metrics


def read_course(folder: Path) -> Iterator[dict[str, Any]]:
    """What the log of a job says of its course: figures of its steps (``metric``) and the best replica (``best``).

    A log that is not there says nothing; lines that are damaged, as by a crash, are left out.
    """
    try:
        lines = (folder / _FILES["log"]).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and _is_course(event):
            yield event


def _is_course(event: Mapping[str, Any]) -> bool:
    if type(event.get("step")) is not int:
        return False
    if event.get("event") == "best":
        return type(event.get("replica")) is int and event["replica"] >= 0
    values, first = event.get("values"), event.get("first_replica", 0)
    numbers = isinstance(values, list) and all(isinstance(v, int | float) for v in values)
    return event.get("event") == "metric" and isinstance(event.get("name"), str) and numbers and type(first) is int
