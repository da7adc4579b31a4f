"""When models move: at most once for each picture, with the newest frame, and how long that takes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = ["MIN_INTERVAL", "Timing", "Updater"]

MIN_INTERVAL = 0.05
"""Seconds between two updates at least."""

_DRAWING_SHARE = 1.5
"""An interval is this many times what ChimeraX needs for a picture: the rest of the time is the user's."""
_MAX_INTERVAL = 1.0
_KEPT = 4096


@dataclass(frozen=True)
class Timing:
    """Main-thread time of updates, in milliseconds.

    Attributes
    ----------
    count : int
        Updates since the start.
    median, percentile_99, longest : float
        Of the newest 4096 updates, by the clock; zero if there were none.
    processor_99 : float
        99th percentile of the processor time, which other programs on a busy machine do not change.
    """

    count: int
    median: float
    percentile_99: float
    longest: float
    processor_99: float

    def __str__(self) -> str:
        return (
            f"{self.count} updates, median {self.median:.2f} ms, 99th percentile {self.percentile_99:.2f} ms "
            f"({self.processor_99:.2f} ms of processor time)"
        )


class Updater:
    """Calls ``update`` after `mark`, once however often it was marked.

    With a GUI that happens in ChimeraX's ``new frame``, not more often than the display keeps up with;
    without one there are no frames and it happens at once.

    Parameters
    ----------
    session : Session
    update : callable
        Does all that is waiting. Must not raise: ChimeraX would report it at every frame.
    clock : callable
        Time in seconds.
    """

    def __init__(
        self, session: Session, update: Callable[[], None], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._session = session
        self._update = update
        self._clock = clock
        self._marked = False
        self._last = -np.inf
        self._count = 0
        self._seconds: deque[tuple[float, float]] = deque(maxlen=_KEPT)
        self._handler = session.triggers.add_handler("new frame", self._on_new_frame) if session.ui.is_gui else None

    def mark(self) -> None:
        """Ask for an update."""
        self._marked = True
        if self._handler is None:
            self.flush()

    def flush(self) -> None:
        """Update now if there is something to do."""
        if not self._marked:
            return
        self._marked = False
        start, processor_start = self._clock(), time.thread_time()
        self._update()
        self._last = self._clock()
        self._seconds.append((self._last - start, time.thread_time() - processor_start))
        self._count += 1

    @property
    def timing(self) -> Timing:
        """How long updates have taken."""
        if not self._seconds:
            return Timing(0, 0.0, 0.0, 0.0, 0.0)
        elapsed, processor = 1000 * np.array(self._seconds).T
        median, high = np.percentile(elapsed, (50, 99))
        longest, processor_99 = float(elapsed.max()), float(np.percentile(processor, 99))
        return Timing(self._count, float(median), float(high), longest, processor_99)

    def close(self) -> None:
        """Update no more."""
        self._marked = False
        if self._handler is not None:
            self._session.triggers.remove_handler(self._handler)
            self._handler = None

    @property
    def interval(self) -> float:
        """Seconds between updates at present."""
        drawing = float(self._session.update_loop.last_draw_time)
        return min(max(MIN_INTERVAL, _DRAWING_SHARE * drawing), _MAX_INTERVAL)

    def _on_new_frame(self, _trigger: str, _data: object) -> None:
        if self._marked and self._clock() - self._last >= self.interval:
            self.flush()
