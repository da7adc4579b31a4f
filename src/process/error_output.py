"""What the engine writes to its error output: the last lines in memory, all of it in the job folder."""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from typing import IO

__all__ = ["LOG_NAME", "ErrorOutput"]

LOG_NAME = "engine.log"
"""Name of the log in the job folder."""

_LINES = 400
_LINE_CHARACTERS = 2000


class ErrorOutput:
    """Lines of an error output; written by one thread, read by another."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._unsaved: deque[str] = deque(maxlen=_LINES)
        self._path: Path | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()

    @property
    def text(self) -> str:
        """The last lines since the present job began."""
        with self._lock:
            return "\n".join(self._lines)

    def save_to(self, folder: Path | None) -> None:
        """Append to the log of a job folder from now on, and what came just before; None: to no folder."""
        with self._lock:
            self._path = None if folder is None else folder / LOG_NAME
            if self._path is None:
                self._unsaved.clear()
            else:
                self._save()

    def remove_if_alone(self, folder: Path) -> None:
        """Remove the log, and its folder, where the engine has discarded the job and nothing else is left."""
        try:
            if {path.name for path in folder.iterdir()} == {LOG_NAME}:  # an empty folder may be the user's own
                (folder / LOG_NAME).unlink(missing_ok=True)
                folder.rmdir()
        except OSError:
            return  # it is gone already, or somebody uses it now

    def begin_job(self) -> None:
        """Forget the lines of earlier jobs."""
        with self._lock:
            self._lines.clear()

    def collect(self, stream: IO[bytes]) -> None:
        """Keep lines until the end of the stream."""
        for raw in iter(lambda: stream.readline(_LINE_CHARACTERS), b""):
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            with self._lock:
                self._lines.append(line)
                self._unsaved.append(line)
                if self._path is not None:
                    self._save()
        self._ended.set()

    def join(self, timeout: float) -> None:
        """Wait until the stream has ended."""
        self._ended.wait(timeout)

    def _save(self) -> None:
        """Append the lines not saved yet; the file is not kept open, so that the folder can be removed."""
        if not self._unsaved or self._path is None:
            return
        try:
            with open(self._path, "a", encoding="utf-8") as stream:
                stream.writelines(line + "\n" for line in self._unsaved)
        except OSError:
            # The disk is full or the folder was removed: the lines in memory are what is left.
            self._path = None
        self._unsaved.clear()
