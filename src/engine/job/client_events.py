"""What a job tells, as messages to a client."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..contract import messages
from .events import Eta

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["WorkerEvents"]

_FRAME_INTERVAL = 0.1


class WorkerEvents:
    """Listener that sends what a job tells to the client.

    Progress and frames are thinned to ten a second: the client shows the newest and no more. Where steps
    take longer than that, previews of replicas on their way fill the time between their frames.

    Parameters
    ----------
    job_id : str
        The client's name of the job.
    send : callable
        Sends one message.
    clock : callable
        Time in seconds.
    crowded : callable
        Whether so much is on its way to the client that frames would only come late.
    """

    def __init__(
        self,
        job_id: str,
        send: Callable[[messages.Message], None],
        clock: Callable[[], float] = time.monotonic,
        crowded: Callable[[], bool] = lambda: False,
    ) -> None:
        self._job_id = job_id
        self._send = send
        self._clock = clock
        self._crowded = crowded
        self._eta, self._job_eta = Eta(clock), Eta(clock)
        self._done: float | None = None
        self._job_left: float | None = None
        self._last: dict[str, float] = {}

    def progress(self, stage: str, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """Send progress; the first and last of a stage always."""
        left = self._eta.update(stage, step, total)
        if step >= total or self._due(f"progress {stage}"):
            figures = {name: float(value) for name, value in (metrics or {}).items()}
            self._send(messages.Progress(self._job_id, stage, step, total, left, figures, self._done, self._job_left))

    def overall(self, done: int, total: int) -> None:
        """Keep how far the job is for the next progress."""
        self._done = done / total
        self._job_left = self._job_eta.update("", done, total)

    def layout(self, layout: messages.Layout) -> None:
        """Send the residues of the job."""
        self._send(replace(layout, job_id=self._job_id))

    def frame(self, step: int, coordinates: NDArray[np.floating], first_replica: int = 0) -> None:
        """Send a frame if the last one was some time ago, whatever previews came since."""
        if not self._crowded() and self._due(f"frame {first_replica}"):
            self._last[f"preview {first_replica}"] = self._clock()
            self._send(messages.Frame(self._job_id, step, coordinates.astype("f4"), first_replica))

    def preview(self, step: int, coordinates: NDArray[np.floating], first_replica: int = 0) -> None:
        """Send replicas on their way as a frame if nothing was shown for some time."""
        if not self._crowded() and self._due(f"preview {first_replica}"):
            self._send(messages.Frame(self._job_id, step, coordinates.astype("f4"), first_replica))

    def metric(
        self, name: str, value: float | Sequence[float], step: int | None = None, first_replica: int = 0
    ) -> None:
        """Send a figure; those of a step only if the last one was some time ago."""
        if step is None or self._due(f"metric {name}"):
            values = [float(value)] if isinstance(value, int | float) else [float(v) for v in value]
            self._send(messages.Metric(self._job_id, name, values, step, first_replica))

    def best(self, replica: int, step: int) -> None:
        """Send which replica is the best, always; figures of residues that refer to it follow in any case."""
        self._last = {what: when for what, when in self._last.items() if not what.startswith("residues ")}
        self._send(messages.Best(self._job_id, replica, step))

    def residue_metric(self, name: str, values: Sequence[float], step: int) -> None:
        """Send a figure of each residue if the last one was some time ago."""
        if self._due(f"residues {name}"):
            self._send(messages.Metric(self._job_id, name, [float(v) for v in values], step))

    def message(self, text: str, level: str = "info") -> None:
        """Send a sentence."""
        self._send(messages.Log(self._job_id, text, level))

    def _due(self, what: str) -> bool:
        now = self._clock()
        if now - self._last.get(what, -1e9) < _FRAME_INTERVAL:
            return False
        self._last[what] = now
        return True
