"""How models get from one frame of the engine to the next: in even steps rather than in jumps.

The engine reports in bursts: a few previews while the fit to the measurements is improved, then nothing while
the prior is evaluated. Models that follow at once stand still in between; these arrive a little later.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Glide"]

_LAG = 1.5
"""A way takes this many times the mean time between frames, so that the next one comes before it ends."""
_LONGEST = 0.6
"""Seconds that a way takes at most: slow engines are not followed in slow motion."""
_SMOOTHING = 0.3
"""Weight of the newest interval in the mean."""


class Glide:
    """Straight way of all replicas from where they are shown to the newest frame.

    All times are in seconds of one clock.
    """

    def __init__(self) -> None:
        self._start: NDArray[np.floating] | None = None
        self._end: NDArray[np.floating] | None = None
        self._shown: NDArray[np.floating] | None = None
        self._since = -np.inf
        self._gap = 0.0

    @property
    def moving(self) -> bool:
        """Whether the newest frame is not reached yet."""
        return self._end is not None and self._shown is not self._end

    @property
    def begun(self) -> bool:
        """Whether there has been a frame."""
        return self._end is not None

    @property
    def duration(self) -> float:
        """Seconds that a way takes at present."""
        return min(_LAG * self._gap, _LONGEST)

    def aim(self, frame: NDArray[np.floating], now: float) -> None:
        """Set out for a frame, (replica, N, 4, 3) in angstrom, which has just arrived."""
        gap = min(now - self._since, _LONGEST)
        if self._end is not None:
            self._gap += _SMOOTHING * (gap - self._gap)
        self._start, self._end, self._since = self._shown, frame, now

    def at(self, time: float) -> NDArray[np.floating]:
        """Coordinates to be shown until ``time``; from its arrival on, the frame itself.

        The first frame, and one of another number of replicas, is reached at once.
        """
        assert self._end is not None  # something was aimed at
        start, duration = self._start, self.duration
        part = (time - self._since) / duration if duration > 0 else 1.0
        if start is None or start.shape != self._end.shape or part >= 1.0:
            self._shown = self._end
        else:
            self._shown = start + max(part, 0.0) * (self._end - start)
        return self._shown
