"""Which process has a job of a store, and how a later one takes it over.

A broken connection may leave the first alive.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

from ..contract.errors import InputError
from ..job.storage import write_text

__all__ = ["Custody"]

_RUNNING = "running"
_ASK_SECONDS = 30.0
"""How long a process has for its checkpoint when another one takes its job over."""
_KILL_SECONDS = 5.0
_LOOK_SECONDS = 0.1


class Custody:
    """Notes of which process runs which job.

    Parameters
    ----------
    store : Path
        Folder of the store.
    """

    def __init__(self, store: Path) -> None:
        self._folder = store / _RUNNING
        self._folder.mkdir(parents=True, exist_ok=True)

    def claim(self, job: Path) -> None:
        """Note that this process runs a job now.

        Raises
        ------
        InputError
            If the disk is full or refuses.
        """
        note = {"process": os.getpid(), "host": socket.gethostname(), "began": _began(os.getpid())}
        write_text(self._note(job), json.dumps(note) + "\n")

    def release(self, job: Path) -> None:
        """Note that this process does not run it any more."""
        if self._owner(job).get("process") == os.getpid():
            with suppress(OSError):
                self._note(job).unlink()

    def take_over(self, job: Path, seconds: float = _ASK_SECONDS) -> None:
        """Let the process that still runs a job, if there is one, leave a checkpoint and end.

        Raises
        ------
        InputError
            If it runs on another computer that shares this folder.
        """
        owner = self._owner(job)
        process, host = owner.get("process"), owner.get("host")
        if not isinstance(process, int) or process == os.getpid():
            return
        if host != socket.gethostname():
            raise InputError(
                f"The job in '{job}' may still run on '{host}', which shares this folder; connect to that computer, or "
                f"remove '{self._note(job)}' if nothing runs there."
            )
        began = owner.get("began")
        for number, wait in ((signal.SIGTERM, seconds), (getattr(signal, "SIGKILL", signal.SIGTERM), _KILL_SECONDS)):
            if began != _began(process):  # it has ended; another one may have its number by now
                break
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, number)
            deadline = time.monotonic() + wait
            while began == _began(process) and time.monotonic() < deadline:
                time.sleep(_LOOK_SECONDS)
        with suppress(OSError):
            self._note(job).unlink()

    def _note(self, job: Path) -> Path:
        return self._folder / f"{job.name}.json"

    def _owner(self, job: Path) -> dict[str, object]:
        try:
            owner = json.loads(self._note(job).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return owner if isinstance(owner, dict) else {}


def _began(process: int) -> float | None:
    """When a process began, None if it does not run; with its number this names it for good."""
    import psutil

    try:
        found = psutil.Process(process)
        return None if found.status() == psutil.STATUS_ZOMBIE else float(found.create_time())
    except psutil.Error:
        return None
