"""What a job folder tells without the engine: its specification, and its results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..engine import protocol
from .state import PreparedJob

__all__ = ["is_finished", "is_job_folder", "prepared_from_folder", "read_finished"]

_FILES = {
    "result": "result.cif",
    "metrics": "metrics.json",
    "trajectory": "trajectory.cif",
    "ensemble": "ensemble.cif",
    "frames": "trajectory.bin",
    "log": "events.log",
}


def is_job_folder(folder: Path) -> bool:
    """Whether the folder holds a job."""
    return (folder / "job.json").is_file()


def is_finished(folder: Path) -> bool:
    """Whether the job of the folder ran to its end: the engine writes its figures last."""
    return (folder / _FILES["metrics"]).is_file() and (folder / _FILES["result"]).is_file()


def prepared_from_folder(folder: Path) -> PreparedJob:
    """Job as the folder describes it.

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
        spec = protocol.to_dict(protocol.from_json(text))
    except protocol.InputError as error:
        raise UserError(f"The job in '{folder}' cannot be read: {error}") from error
    spec["output"] = str(folder)
    return PreparedJob(kind=spec["kind"], spec=spec, folder=folder, title=f"{spec['kind']} in {folder.name}")


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
