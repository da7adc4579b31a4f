"""``events.log``: everything a job told, one JSON object a line, and its history read back."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .events import NullEvents
from .storage import plain_values, storage_errors

__all__ = ["EventLog", "History", "read_history"]


class EventLog(NullEvents):
    """Listener that appends to ``events.log``; frames are left to the trajectory.

    Parameters
    ----------
    path : Path
        Log file; an existing one is continued.
    clock : callable
        Seconds since the epoch.

    Raises
    ------
    InputError
        At any call, if the disk is full or refuses.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        with storage_errors(path):
            self._stream = open(path, "ab")  # noqa: SIM115 - closed by close()
            if self._stream.tell() and not _ends_with_newline(path):
                self._stream.write(b"\n")  # a killed process may have left half a line

    def write(self, event: str, **values: Any) -> None:
        """Append one record."""
        record = {"time": round(self._clock(), 3), "event": event, **values}
        line = json.dumps(plain_values(record), ensure_ascii=False) + "\n"
        with storage_errors(self._path):
            self._stream.write(line.encode("utf-8", "replace"))
            self._stream.flush()

    def progress(self, stage: str, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """Append a progress record."""
        self.write("progress", stage=stage, step=step, total=total, metrics=dict(metrics or {}))

    def metric(
        self, name: str, value: float | Sequence[float], step: int | None = None, first_replica: int = 0
    ) -> None:
        """Append a metric record."""
        values = np.atleast_1d(np.asarray(value, dtype=np.float64)).tolist()
        self.write("metric", name=name, values=values, step=step, first_replica=first_replica)

    def best(self, replica: int, step: int) -> None:
        """Append a record of which replica is the best."""
        self.write("best", replica=replica, step=step)

    def message(self, text: str, level: str = "info") -> None:
        """Append a message record."""
        self.write("message", level=level, text=text)

    def close(self) -> None:
        """Close the file."""
        with storage_errors(self._path):
            self._stream.close()


@dataclass(frozen=True)
class History:
    """What ``events.log`` says about the course of a job.

    Attributes
    ----------
    series : dict
        For each metric given with a step: ``series[name][step][replica]`` is its value; where a step
        was computed twice (after a resume) the later value counts.
    messages : list of (level, text)
        In order.
    seconds : float
        Computing time of all sessions of the job together.
    """

    series: dict[str, dict[int, dict[int, float]]] = field(default_factory=dict)
    messages: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0

    def curves(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Arrange a metric as steps (K,) and values (replica, K), NaN where a replica has none."""
        by_step = self.series.get(name, {})
        steps = sorted(by_step)
        replicas = 1 + max((replica for values in by_step.values() for replica in values), default=-1)
        curves = np.full((replicas, len(steps)), np.nan)
        for k, step in enumerate(steps):
            for replica, value in by_step[step].items():
                curves[replica, k] = value
        return np.array(steps, dtype=np.int64), curves


def read_history(path: Path) -> History:
    """Read ``events.log``; lines that are not records (after a crash) are passed over."""
    series: dict[str, dict[int, dict[int, float]]] = {}
    messages: list[tuple[str, str]] = []
    seconds, session_start, latest = 0.0, math.nan, math.nan
    for record in _records(path):
        if record.get("event") == "started":
            seconds += max(0.0, latest - session_start) if latest == latest else 0.0
            session_start = record["time"]
        latest = record["time"]
        if record.get("event") == "message":
            messages.append((str(record.get("level")), str(record.get("text"))))
        elif record.get("event") == "metric" and isinstance(record.get("step"), int):
            values = series.setdefault(record["name"], {}).setdefault(record["step"], {})
            for i, value in enumerate(record["values"]):
                values[record["first_replica"] + i] = math.nan if value is None else float(value)
    if session_start == session_start:
        seconds += max(0.0, latest - session_start)
    return History(series, messages, seconds)


def _records(path: Path) -> list[dict[str, Any]]:
    records = []
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
            try:
                record = json.loads(line)
            except ValueError:
                continue  # half a line, left by a killed process
            if isinstance(record, dict) and isinstance(record.get("time"), int | float):
                records.append(record)
    return records


def _ends_with_newline(path: Path) -> bool:
    with open(path, "rb") as stream:
        stream.seek(-1, 2)
        return stream.read(1) == b"\n"
