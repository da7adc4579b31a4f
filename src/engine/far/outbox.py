"""What is sent to a client whose connection may hang: a running job never waits for it for long."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

__all__ = ["Outbox"]

_CROWDED_BYTES = 2 << 20
"""With so much on its way no further pictures are sent: the line is slower than the job, and the newest counts."""
_FULL_BYTES = 32 << 20
"""With so much on its way senders wait; pieces of files are of 1 MiB."""
_STALLED_SECONDS = 60.0
"""A line that passes nothing for so long is taken for broken, whatever the system says of it: nobody waits any more."""


class Outbox:
    """Bytes on their way to a stream, which a thread of its own writes.

    Parameters
    ----------
    write : callable
        Writes bytes and flushes; raises `OSError` where nobody reads any more.
    stalled : float
        Seconds without progress after which the line counts as broken.
    """

    def __init__(self, write: Callable[[bytes], None], stalled: float = _STALLED_SECONDS) -> None:
        self._write_out = write
        self._stalled = stalled
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._broken = False
        self._moved = time.monotonic()
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="outbox", daemon=True).start()

    @property
    def crowded(self) -> bool:
        """Whether the line is behind."""
        return self._bytes > _CROWDED_BYTES

    @property
    def broken(self) -> bool:
        """Whether nobody reads any more; what is sent then is dropped."""
        return self._broken

    def write(self, data: bytes) -> None:
        """Send bytes; waits while very much is on its way."""
        with self._changed:
            if not self._waiting:
                self._moved = time.monotonic()
            while self._bytes > _FULL_BYTES and not self._broken:
                left = self._moved + self._stalled - time.monotonic()
                if left <= 0:
                    self._give_up()
                else:
                    self._changed.wait(left)
            if not self._broken:
                self._waiting.append(data)
                self._bytes += len(data)
                self._changed.notify_all()

    def drain(self, seconds: float) -> bool:
        """Wait until all is written, or nobody reads any more; whether that was in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting or self._broken, seconds)

    def cut(self) -> None:
        """Drop everything, now and from now on."""
        with self._changed:
            self._give_up()

    def _give_up(self) -> None:
        self._broken = True
        self._waiting.clear()
        self._bytes = 0
        self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._broken)
                if self._broken:
                    return
                data = self._waiting[0]
            try:
                self._write_out(data)
            except (OSError, ValueError):
                self.cut()
                return
            with self._changed:
                if self._waiting:
                    self._waiting.popleft()
                    self._bytes -= len(data)
                self._moved = time.monotonic()
                self._changed.notify_all()
