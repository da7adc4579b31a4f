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

__all__ = ["MIN_INTERVAL", "STEADY_INTERVAL", "Timing", "Updater"]

MIN_INTERVAL = 0.05
"""Seconds between two updates at least."""

STEADY_INTERVAL = 0.15
"""Seconds between two updates of models that are on their way, while there is nothing new."""

_DRAWING_SHARE = 1.1
"""An interval is at least this many times what ChimeraX needs for a picture: the rest of the time is the user's."""
_QUICK = 0.18
"""Seconds for a picture up to which no more time than that is left to the user, and of slower ones the more."""
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
    processor_median, processor_99 : float
        Of the processor time, to which other programs on a busy machine add nothing.
    """

    count: int
    median: float
    percentile_99: float
    longest: float
    processor_median: float
    processor_99: float

    def __str__(self) -> str:
        return (
            f"{self.count} updates, median {self.median:.2f} ms, 99th percentile {self.percentile_99:.2f} ms "
            f"(processor time: {self.processor_median:.2f} ms and {self.processor_99:.2f} ms)"
        )


class Updater:
    """Calls ``update`` after `mark`, once however often it was marked.

    With a GUI that happens in ChimeraX's ``new frame``, not more often than the display keeps up with;
    without one there are no frames and it happens at once.

    Parameters
    ----------
    session : Session
    update : callable
        Does all that is waiting; returns whether models are still on their way, and is then called again soon.
        Must not raise: ChimeraX would report it at every frame.
    clock : callable
        Time in seconds.
    """

    def __init__(
        self, session: Session, update: Callable[[], bool], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._session = session
        self._update = update
        self._clock = clock
        self._marked = False
        self._moving = False
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
        if not (self._marked or self._moving):
            return
        self._marked = False
        start, processor_start = self._clock(), time.thread_time()
        self._moving = self._update()
        self._last = self._clock()
        self._seconds.append((self._last - start, time.thread_time() - processor_start))
        self._count += 1

    @property
    def timing(self) -> Timing:
        """How long updates have taken."""
        if not self._seconds:
            return Timing(0, 0.0, 0.0, 0.0, 0.0, 0.0)
        elapsed, processor = 1000 * np.array(self._seconds).T
        median, high = np.percentile(elapsed, (50, 99))
        processor_median, processor_99 = np.percentile(processor, (50, 99))
        longest = float(elapsed.max())
        return Timing(self._count, float(median), float(high), longest, float(processor_median), float(processor_99))

    def close(self) -> None:
        """Update no more."""
        self._marked = self._moving = False
        if self._handler is not None:
            self._session.triggers.remove_handler(self._handler)
            self._handler = None

    @property
    def interval(self) -> float:
        """Seconds between updates at least, at present."""
        loop = self._session.update_loop
        picture = float(loop.last_drawing_change_time) + float(loop.last_draw_time)
        wanted = max(MIN_INTERVAL, _DRAWING_SHARE * picture, 2.0 * picture - _QUICK)
        return min(wanted, max(_MAX_INTERVAL, _DRAWING_SHARE * picture))

    @property
    def time(self) -> float:
        """Present time of the clock."""
        return self._clock()

    @property
    def next_time(self) -> float:
        """When there will be a picture after the one being prepared; without a GUI there is none."""
        if self._handler is None:
            return np.inf
        return self._clock() + max(self.interval, STEADY_INTERVAL)

    def _on_new_frame(self, _trigger: str, _data: object) -> None:
        waited = self._clock() - self._last
        if waited >= (self.interval if self._marked else max(self.interval, STEADY_INTERVAL)):
            self.flush()
