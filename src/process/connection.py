"""One engine process: started hidden, written to and read from by threads of its own, ended for certain."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..engine.contract import messages, wire
from .advice import UNREADABLE
from .courier import Courier
from .error_output import ErrorOutput

__all__ = ["Connection", "EngineEnded", "end_process_tree", "hidden_options", "start_hidden"]

_EXIT_WAIT = 5.0


@dataclass(frozen=True)
class EngineEnded:
    """Last thing that a connection reports.

    Attributes
    ----------
    code : int or None
        Exit status, negative for a signal.
    reason : str
        Why the client ended it, or what was wrong with its output; empty if it ended by itself.
    """

    code: int | None
    reason: str


class Connection:
    """A running engine.

    Messages are sent and taken without waiting: one thread writes, one reads, one collects the error
    output. Of frames, progress and figures for each residue that nobody has taken yet only the newest
    are kept, so that a busy main thread finds a short list.

    Parameters
    ----------
    command : sequence of str
        Starts the engine's worker.
    variables : mapping
        Its whole environment.
    courier : Courier, optional
        Carries files, for an engine elsewhere.

    Attributes
    ----------
    program : Path
        The interpreter, or what connects to the engine.
    courier : Courier or None

    Raises
    ------
    OSError
        If the process cannot be started.
    """

    def __init__(self, command: Sequence[str], variables: Mapping[str, str], courier: Courier | None = None) -> None:
        self.program = Path(command[0])
        self.errors = ErrorOutput()
        self.last_heard = time.monotonic()
        self._inbox: dict[object, messages.Message | EngineEnded] = {}
        self._serial = 0
        self._lock = threading.Lock()
        self.courier = courier
        self._ended = False
        self._outbox: queue.SimpleQueue[messages.Message | None] = queue.SimpleQueue()
        self._reason = ""
        self._process = start_hidden(command, variables)
        for name, work in (("reader", self._read), ("writer", self._write), ("errors", self._collect)):
            threading.Thread(target=work, name=f"adp3d {name}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Process number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    @property
    def program_gone(self) -> bool:
        """Whether the interpreter, and its environment with it, was removed since the engine was started."""
        return not self.program.exists()

    def send(self, message: messages.Message) -> None:
        """Send a message as soon as the engine takes it; to an engine that is gone, nothing happens.

        Raises
        ------
        wire.ProtocolError
            If the message holds values that cannot be sent.
        """
        if self.courier is None:
            wire.encode(message)  # what cannot be sent is told to who sends it
        elif isinstance(message, messages.Stop):
            self.courier.give_up(message.job_id)  # it need not wait behind files
        self._outbox.put(message)

    @property
    def open(self) -> bool:
        """Whether the engine may still answer."""
        return not self._ended

    def deliver(self, message: messages.Message) -> None:
        """Let `take` give a message that does not come from the engine."""
        self._put(message)

    def take(self) -> list[messages.Message | EngineEnded]:
        """Everything reported since the last call, oldest first; `EngineEnded` comes last of all."""
        with self._lock:
            taken = list(self._inbox.values())
            self._inbox.clear()
        return taken

    def close(self, grace: float) -> None:
        """Ask the engine to end (a running job leaves a checkpoint), and end it by force after ``grace`` seconds.

        Returns at once.
        """
        self._outbox.put(None)
        timer = threading.Timer(grace, self.kill, ("it did not end in time",))
        timer.daemon = True
        timer.start()

    def kill(self, reason: str) -> None:
        """End the process and its children now."""
        if self.alive:
            self._reason = self._reason or reason
            end_process_tree(self._process)

    def wait(self, timeout: float) -> bool:
        """Wait for the end of the process; whether it has ended."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _read(self) -> None:
        """Thread: decode what the engine sends until it ends or sends something else."""
        stream = _stream(self._process.stdout)
        try:
            while (message := wire.read_message(stream.read)) is not None:
                self.last_heard = time.monotonic()
                for each in (message,) if self.courier is None else self.courier.incoming(message, self):
                    self._put(each)
        except (wire.ProtocolError, OSError) as error:
            self._reason = self._reason or f"{UNREADABLE}: {error}"
            end_process_tree(self._process)
        if not self.wait(_EXIT_WAIT):
            self.kill("it closed its output without ending")
            self.wait(_EXIT_WAIT)
        self._ended = True
        if self.courier is not None:
            self.courier.lost()
        self._outbox.put(None)
        self.errors.join(_EXIT_WAIT)
        with self._lock:
            self._inbox["end"] = EngineEnded(self._process.poll(), self._reason)

    def _put(self, message: messages.Message) -> None:
        with self._lock:
            key: object = _replaced_by_newer(message)
            if key is None:
                self._serial += 1
                key = self._serial
            self._inbox.pop(key, None)
            self._inbox[key] = message

    def _write(self) -> None:
        """Thread: send what was put into the outbox; the end of the stream ends the engine."""
        stream = _stream(self._process.stdin)
        # The reader notices that the engine is gone, and how it ended.
        with suppress(OSError):
            while (message := self._outbox.get()) is not None:
                for each in (message,) if self.courier is None else self.courier.outgoing(message, self):
                    stream.write(wire.encode(each))
                    stream.flush()
        with suppress(OSError):
            stream.close()

    def _collect(self) -> None:
        """Thread: keep the error output."""
        self.errors.collect(_stream(self._process.stderr))


def start_hidden(
    command: Sequence[str], variables: Mapping[str, str], *, errors_too: bool = False
) -> subprocess.Popen[bytes]:
    """Start a process with pipes, without a window, in a group of its own.

    Parameters
    ----------
    command : sequence of str
    variables : mapping
        Environment variables, all of them.
    errors_too : bool
        Send the error output to the output as well.
    """
    return subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if errors_too else subprocess.PIPE,
        env=dict(variables),
        **hidden_options(),
    )


def hidden_options() -> dict[str, Any]:
    """Options of `subprocess` functions for a process without a window, in a group of its own."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW}
    # Interrupting ChimeraX in a terminal must not reach the engine before it has left a checkpoint.
    return {"start_new_session": True}


def end_process_tree(process: subprocess.Popen[bytes]) -> None:
    """End a process started by `start_hidden`, and its children, at once."""
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        subprocess.run(
            ["taskkill", "/F", "/T", "/PID", str(process.pid)],
            capture_output=True,
            creationflags=subprocess.CREATE_NO_WINDOW,
            check=False,
        )
    else:
        with suppress(ProcessLookupError, PermissionError):  # it has just ended
            os.killpg(process.pid, signal.SIGKILL)
    with suppress(OSError):
        process.kill()


def _replaced_by_newer(message: messages.Message) -> object:
    """Key under which only the newest message is kept, None for messages that are all kept."""
    if isinstance(message, messages.Frame):
        return ("frame", message.job_id, message.first_replica)
    if isinstance(message, messages.Progress):
        return ("progress", message.job_id)
    if isinstance(message, messages.Metric) and message.name.startswith("residue_"):
        return ("metric", message.job_id, message.name)
    return None


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise RuntimeError("the process was started without pipes")
    return stream
