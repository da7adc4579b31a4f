"""A worker's side towards a client on another computer: files, custody of jobs, and a line that may break."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from ..contract import messages
from .custody import Custody
from .outbox import Outbox
from .store import Store

__all__ = ["Host"]

_UNWATCHED = "unwatched.log"
"""In a job folder: the error output of a job whose client is gone."""

_HAND_OVER_SECONDS = 25.0
"""For the checkpoint of a job that another process takes over, which waits a little longer."""


class Host:
    """What a worker needs to serve a client on another computer; it is an `adp3d.worker.Elsewhere`.

    Parameters
    ----------
    store : Path
        Folder for files and jobs of the client.
    write : callable
        Writes bytes to the client and flushes.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """

    def __init__(self, store: Path, write: Callable[[bytes], None]) -> None:
        self._outbox = Outbox(write)
        self._store = Store(store, self._send)
        self._custody = Custody(self._store.folder)
        self._to_client: Callable[[messages.Message], None] | None = None
        self._transfers = threading.Lock()
        self._job: Path | None = None
        self._alone = False

    def write(self, data: bytes) -> None:
        """Send bytes to the client; a line that hangs is not waited for."""
        self._outbox.write(data)

    def answer_with(self, send: Callable[[messages.Message], None]) -> None:
        """Send messages with a function, the worker's."""
        self._to_client = send

    @property
    def crowded(self) -> bool:
        """Whether the line to the client is behind."""
        return self._alone or self._outbox.crowded

    def takes(self, message: messages.Message) -> bool:
        """Do what the client asks, if this is about files; whether it is."""
        if isinstance(message, messages.Offer):
            self._store.offer(message)
        elif isinstance(message, messages.Piece):
            self._store.receive(message)
        elif isinstance(message, messages.List):
            self._aside(self._store.list, message)
        elif isinstance(message, messages.Fetch):
            self._aside(self._store.fetch, message)
        else:
            return False
        return True

    def prepare(self, folder: str) -> None:
        """Take a job over from the process that still has it; `InputError` if that is not possible."""
        self._custody.take_over(self._store.job_folder(folder))

    def begun(self, folder: Path) -> None:
        """Note that this process has a job."""
        self._custody.claim(folder)
        self._job = folder

    def ended(self, folder: Path) -> None:
        """Note that it has not."""
        self._job = None
        self._custody.release(folder)

    def drain(self, seconds: float) -> None:
        """Wait until all messages are written."""
        self._outbox.drain(seconds)

    def leave(self) -> None:
        """The client is gone: nothing is sent any more, and error output goes to a file in the job's folder."""
        self._alone = True
        self._outbox.cut()
        self._store.close()
        path = Path(os.devnull) if self._job is None else self._job / _UNWATCHED
        try:
            target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError:
            target = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):
            os.dup2(target, descriptor)
        os.close(target)

    def hand_over_when_told(self, shut_down: Callable[[float], None]) -> None:
        """Leave a checkpoint and end when another process takes the job over, which it says by a signal.

        Parameters
        ----------
        shut_down : callable
            Stops the job, and waits so many seconds for its end.
        """

        def hand_over() -> None:
            self._outbox.cut()  # a line that hangs must not be waited for
            shut_down(_HAND_OVER_SECONDS)
            os._exit(0)

        def told(number: int, frame: FrameType | None) -> None:
            threading.Thread(target=hand_over, name="hand over", daemon=True).start()

        signal.signal(signal.SIGTERM, told)
        if sys.platform != "win32":
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the end of a connection is none of the job's

    def _send(self, message: messages.Message) -> None:
        if self._to_client is not None:
            self._to_client(message)

    def _aside(self, work: Callable[[Any], None], message: messages.Message) -> None:
        """Read and send files in the background, one request after the other: messages are answered meanwhile."""

        def run() -> None:
            with self._transfers:
                work(message)

        threading.Thread(target=run, name="transfer", daemon=True).start()
