"""How far the jobs of a batch are already: what their folders hold from earlier runs."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path

from ..contract.errors import InputError
from ..contract.folder_state import JOB_FILE, METRICS, failed_start
from ..contract.specification import Spec, input_files, to_dict
from ..job.folder import JobFolder
from .table import BatchRow

__all__ = ["Standing", "jobs_of_folder", "standing"]

_ORIGINS = Path("inputs", "origins.json")


class Standing(str, Enum):
    """What is to be done for a job."""

    NEW = "new"
    UNFINISHED = "unfinished"
    FINISHED = "finished"


def standing(row: BatchRow, *, overwrite: bool = False) -> Standing:
    """How far the job of a row is.

    Raises
    ------
    InputError
        If its folder holds another job than the row asks for, or other files.
    """
    folder = Path(row.spec.output)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / JOB_FILE).is_file():
        raise InputError(f"The folder '{folder}' of {row.where} holds other files; choose another 'name'.")
    if overwrite or not (folder / JOB_FILE).is_file() or failed_start(folder):
        return Standing.NEW
    changed = _differences(row.spec, JobFolder.open(folder))
    if changed:
        raise InputError(
            f"The folder '{folder}' holds a job with another {', '.join(repr(name) for name in changed)} than "
            f"{row.where} asks for; choose another 'name', or replace all jobs with 'overwrite'."
        )
    return Standing.FINISHED if (folder / METRICS).is_file() else Standing.UNFINISHED


def jobs_of_folder(folder: Path) -> list[BatchRow]:
    """Jobs whose folders lie in a folder, by name.

    Raises
    ------
    InputError
        If there is none, or one cannot be read.
    """
    if (folder / JOB_FILE).is_file():
        raise InputError(f"'{folder}' is the folder of one job; go on with it by 'adp3d resume {folder}'.")
    found = sorted(path.parent for path in folder.glob(f"*/{JOB_FILE}"))
    if not found:
        raise InputError(
            f"No folder in '{folder}' holds a job; give a table of jobs (CSV), or a folder of job folders."
        )
    return [BatchRow(path.name, JobFolder.open(path).spec, f"'{path}'") for path in found]


def _differences(wanted: Spec, job: JobFolder) -> list[str]:
    """Settings that differ; input files are the same if they were copied from the same place."""
    if wanted.kind != job.spec.kind:
        return ["kind"]
    asked, held = input_files(wanted), input_files(job.spec)
    asks, holds = to_dict(wanted), to_dict(job.spec)
    origins = _origins(job.path)
    changed = []
    for name in asks:
        if name == "output":
            continue
        if name in asked or name in held:
            before = tuple(origins.get(Path(path).name, path) for path in held.get(name, ()))
            same = asked.get(name, ()) in (before, held.get(name, ()))
        else:
            same = asks[name] == holds[name]
        if not same:
            changed.append(name)
    return changed


def _origins(folder: Path) -> dict[str, str]:
    try:
        origins = json.loads((folder / _ORIGINS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(copy): str(origin) for copy, origin in origins.items()} if isinstance(origins, dict) else {}
