"""The engine's command line validating a model on this computer, in a process of its own."""

from __future__ import annotations

import json
import threading
import time
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import environment
from .connection import end_process_tree, start_hidden

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = ["Validation"]

_ERROR = "Error: "
"""What the command line begins a sentence with that says why it cannot."""


class Validation:
    """A validation that runs; main thread only.

    Parameters
    ----------
    session : Session
    arguments : sequence of str
        Of ``adp3d check``: files and options.
    timeout : float
        Seconds that it may take.

    Raises
    ------
    OSError, EnvironmentProblem
        If no engine can be started.
    """

    def __init__(self, session: Session, arguments: Sequence[str], timeout: float) -> None:
        self.session = weakref.ref(session)
        self.report: dict[str, Any] = {}
        self.error = ""
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._output: tuple[bytes, bytes] = (b"", b"")
        command, variables = environment.local_command(session, "check", *arguments, "--validate", "--json")
        self._process = start_hidden(command, variables)
        self._reader = threading.Thread(target=self._read, name="validation", daemon=True)
        self._reader.start()
        self._handler = session.triggers.add_handler("app quit", lambda *_: self.cancel())

    @property
    def running(self) -> bool:
        """Whether it has not ended, or its end was not looked at yet."""
        return not self.report and not self.error

    def pump(self) -> None:
        """Look whether it has ended."""
        if not self.running:
            return
        if not self._reader.is_alive():
            self._conclude()
        elif time.monotonic() > self._deadline:
            self.cancel()
            self.error = f"The validation took longer than {self._timeout:.0f} seconds; 'timeout' lets it take longer."
        if not self.running:
            self._handler.remove()

    def cancel(self) -> None:
        """End it."""
        end_process_tree(self._process)

    def _read(self) -> None:
        """Thread: collect what the process prints until it has ended."""
        self._output = self._process.communicate()

    def _conclude(self) -> None:
        output, errors = (stream.decode("utf-8", "replace") for stream in self._output)
        if self._process.returncode == 0:
            self.report = json.loads(output)
            return
        lines = [line for line in errors.splitlines() if line.strip()]
        told = [number for number, line in enumerate(lines) if line.startswith(_ERROR)]
        # a sentence may go over several lines, and is the last thing that is said
        said = " ".join(lines[told[-1] :]).removeprefix(_ERROR) if told else (lines or [""])[-1]
        self.error = said or f"The engine ended with exit status {self._process.returncode}."
