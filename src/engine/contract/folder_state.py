"""What the files of a job folder say about its job: names that engine and client share, and one question."""

from __future__ import annotations

import json
import os
from pathlib import Path

__all__ = [
    "CHECKPOINTS",
    "EVENTS_LOG",
    "JOB_FILE",
    "METRICS",
    "REPORT",
    "RESIDUES",
    "RESULT",
    "SEGMENTS",
    "SHARED",
    "failed_start",
]

JOB_FILE, EVENTS_LOG, CHECKPOINTS, SHARED = "job.json", "events.log", "checkpoints", "shared"
RESULT, METRICS = "result.cif", "metrics.json"
RESIDUES, SEGMENTS, REPORT = "residues.csv", "segments.json", "report.html"
_TAIL_BYTES = 200_000
"""End of a log that holds its last record, a traceback included."""


def failed_start(folder: str | os.PathLike[str]) -> bool:
    """Whether a job failed there before it had anything to go on with: the folder is free for the next one.

    Its log, which says why, stays until then.
    """
    folder = Path(folder)
    try:
        if not (folder / JOB_FILE).is_file() or (folder / METRICS).exists() or (folder / RESULT).exists():
            return False
        if any((folder / CHECKPOINTS).glob("*")) or any((folder / SHARED).glob("*.safetensors")):
            return False
        with open(folder / EVENTS_LOG, "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL_BYTES))
            lines = stream.read().splitlines()
    except OSError:
        return False
    try:
        record = json.loads(lines[-1]) if lines else None
    except ValueError:
        return False  # half a line: the process was killed
    return isinstance(record, dict) and record.get("event") == "failed"
