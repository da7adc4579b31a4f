"""Makes, repairs and verifies the engine's environment, in a thread of its own."""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .connection import end_process_tree, start_hidden
from .environment import clean_variables, interpreter_of, probe
from .locate import Maker, find_maker
from .steps import (
    CUDA_GIGABYTES,
    Step,
    Usual,
    begins_big_download,
    explain,
    has_nvidia,
    install_steps,
    look_step,
    size_step,
    torch_index,
    usual_torch,
    verify_step,
    wants_cuda,
)

__all__ = ["MARKER", "Installation", "Note", "Plan", "Progress", "is_complete", "is_ours"]

MARKER = "adp3d-environment.json"
"""File in the folder of an environment that says it was made here and may be made again."""

_LOG = "install.log"
_TAIL = 1000


@dataclass(frozen=True)
class Plan:
    """What is to be installed.

    Attributes
    ----------
    directory : Path or None
        Folder of the environment; None only verifies `python`.
    device : str
        ``auto``, ``cpu`` or ``cuda``.
    python : Path or None
        Ready interpreter, to be verified only.
    chimerax_python : Path
        Last resort for making an environment.
    large_download : bool
        Whether the build for graphics cards may be fetched although the processor's is wanted.
    asks : bool
        Whether that is a question to the user; otherwise it is a reason to fail.
    """

    directory: Path | None
    device: str
    python: Path | None
    chimerax_python: Path
    large_download: bool = False
    asks: bool = False


@dataclass(frozen=True)
class Progress:
    """How far an installation is: ``step`` of ``steps`` (0 before they are known), and what it does now."""

    step: int = 0
    steps: int = 0
    text: str = "Preparing"


@dataclass(frozen=True)
class Note:
    """Something to tell the user: ``level`` is ``info``, ``warning`` or ``status``."""

    level: str
    text: str


class _Failed(Exception):
    """The installation cannot go on; the message is for the user."""


class Installation:
    """A running installation.

    Attributes
    ----------
    plan : Plan
    python : Path or None
        The interpreter, once it is verified.
    report : dict
        What the engine's doctor said.
    error : str
        Why it failed; empty for success.
    progress : Progress
        Replaced as it goes on.
    question : str
        What it waits for the user to `answer`; empty while it does not.
    """

    def __init__(self, plan: Plan, find: Callable[[Path], Maker | None] = find_maker) -> None:
        self.plan = plan
        self.python: Path | None = None
        self.report: dict[str, Any] = {}
        self.error = ""
        self.progress = Progress()
        self.question = ""
        self._answer = False
        self._answered = threading.Event()
        self._find = find
        self._notes: queue.SimpleQueue[Note] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="adp3d install", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._thread.is_alive()

    @property
    def cancelled(self) -> bool:
        """Whether it was told to end."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """End it; the environment is left unfinished and can be repaired."""
        self._cancelled.set()
        self._answered.set()
        with self._lock:
            if self._process is not None:
                end_process_tree(self._process)

    def answer(self, yes: bool) -> None:
        """Answer the question."""
        self._answer = yes
        self._answered.set()

    def take(self) -> list[Note]:
        """What is to be told since the last call."""
        notes = []
        while not self._notes.empty():
            notes.append(self._notes.get())
        return notes

    def join(self, timeout: float) -> None:
        """Wait for the end."""
        self._thread.join(timeout)

    def _run(self) -> None:
        """Thread: everything that takes time."""
        try:
            if self.plan.directory is None:
                if self.plan.python is None:
                    raise _Failed("There is nothing to install: give a folder or an interpreter.")
                python = self.plan.python
            else:
                python = self._make(self.plan.directory)
            self._verify(python)
            if self.plan.directory is not None:
                _mark(self.plan.directory, **{**_read_mark(self.plan.directory), "complete": True})
            self.python = python
        except _Failed as problem:
            self.error = "The installation was cancelled." if self.cancelled else str(problem)
        except OSError as error:
            self.error = explain(f"{error.strerror}: {error.filename}" if error.filename else str(error))
        except Exception as error:
            # The thread's end must always come with a reason.
            self.error = f"The installation failed ({type(error).__name__}: {error})."

    def _make(self, directory: Path) -> Path:
        """Make the environment, or repair a sound one, and install the packages."""
        python = interpreter_of(directory)
        index = torch_index(self.plan.device, sys.platform, has_nvidia())
        # pip would take torch for the processor as good enough where torch for a graphics card is wanted.
        same_torch = _read_mark(directory).get("torch") == index
        if same_torch and python.is_file() and self._can_repair(python):
            self._tell("info", f"Repairing the engine's environment in {directory}")
            command: Sequence[str] | None = None
        else:
            maker = self._find(self.plan.chimerax_python)
            if maker is None:
                raise _Failed(
                    "No usable Python (3.10 to 3.13, 64 bits, with 'venv') was found; install one from python.org "
                    "and run 'adp3d install' again."
                )
            self._tell("info", f"Making the engine's environment in {directory} with {maker.description}")
            if not maker.independent:
                self._tell(
                    "warning",
                    "No independent Python was found: the environment depends on this ChimeraX and must be made again "
                    "when ChimeraX is updated or moved.",
                )
            command = maker.command
            if is_ours(directory):
                shutil.rmtree(directory)
            elif directory.exists() and any(directory.iterdir()):
                raise _Failed(f"The folder '{directory}' holds other files; give a new or empty folder.")
        directory.mkdir(parents=True, exist_ok=True)
        _mark(directory, complete=False, torch=index)
        if wants_cuda(self.plan.device, has_nvidia()):
            self._tell("info", f"PyTorch comes with its libraries for graphics cards, about {CUDA_GIGABYTES:.0f} GB")
        steps = install_steps(command, directory, self.plan.device, sys.platform, has_nvidia())
        for number, step in enumerate(steps, 1):
            self.progress = Progress(number, len(steps) + 1, step.title)
            code, output = self._do(step, directory)
            if code != 0 and step.required:
                raise _Failed(explain(output))
            if code != 0 and step.without:
                self._tell("warning", f"{step.title} did not work: {step.without}")
            elif code != 0:
                self._tell("info", f"{step.title} from its own index did not work; the usual one is looked at now")
                if not wants_cuda(self.plan.device, has_nvidia()):
                    self._allow_usual(python, directory)
        self.progress = Progress(len(steps) + 1, len(steps) + 1, "Verifying")
        return python

    def _allow_usual(self, python: Path, directory: Path) -> None:
        """Go on only if torch from the usual index is the processor's, or the user wants the other all the same."""
        if self.plan.large_download:
            return
        report = directory / "torch-report.json"
        code, output = self._do(look_step(python, report), directory, begins_big_download)
        found = ""
        if code == 0 and report.is_file():
            code, found = self._do(size_step(python, report), directory)
            report.unlink()
        elif code != 0 and not begins_big_download(output) and "no such option" not in output:
            raise _Failed(explain(output))
        usual = usual_torch(found if code == 0 else "", sys.platform)
        if begins_big_download(output):
            usual = Usual(True, CUDA_GIGABYTES)
        if not usual.cuda:
            return
        size = f"about {usual.gigabytes:.1f} GB to download"
        command = f"adp3d install{' device cpu' if self.plan.device == 'cpu' else ''} largeDownload true"
        if not self.plan.asks:
            raise _Failed(
                "PyTorch for the processor alone cannot be fetched from its own index, and the usual index has only "
                f"the build for NVIDIA graphics cards ({size}); to take that one, give '{command}'."
            )
        if not self._ask(
            "PyTorch for the processor alone cannot be fetched from its own index. The usual index has only the build "
            f"for NVIDIA graphics cards, which works without a card too: {size}, and more than twice as much on the "
            "disk. Fetch it?"
        ):
            raise _Failed(
                "The large build of PyTorch was declined, and the small one cannot be fetched now; run 'adp3d install' "
                "again when the network reaches its index."
            )

    def _ask(self, question: str) -> bool:
        self._answered.clear()
        self.question = question
        self._answered.wait()
        self.question = ""
        if self.cancelled:
            raise _Failed("cancelled")
        return self._answer

    def _can_repair(self, python: Path) -> bool:
        code, _ = self._do(Step("Looking at the environment", (str(python), "-I", "-m", "pip", "--version")), None)
        return code == 0

    def _verify(self, python: Path) -> None:
        problem = probe(python)
        if problem and self.plan.python is not None:
            raise _Failed(f"'{python}' cannot be used: {problem}; give the interpreter of a ready environment.")
        if problem:
            raise _Failed(f"The environment cannot be used: {problem}; run 'adp3d install' to make a new one.")
        _, output = self._do(verify_step(python, self.plan.device), None)
        found = re.search(r"^\{$.*^\}$", output, re.MULTILINE | re.DOTALL)
        if found is None:
            raise _Failed(explain(output))
        self.report = json.loads(found.group())
        if not self.report.get("healthy"):
            raise _Failed(" ".join(str(text) for text in self.report.get("problems", [])) or "The self-test failed.")

    def _do(self, step: Step, directory: Path | None, enough: Callable[[str], bool] | None = None) -> tuple[int, str]:
        """Run a step; its exit status and the end of its output, which goes to the log in ``directory``.

        It is ended after a line of its output that is ``enough``.
        """
        self._tell("info" if directory is not None else "status", step.title)
        with self._lock:
            if self.cancelled:
                raise _Failed("cancelled")
            process = self._process = start_hidden(step.command, clean_variables(os.environ), errors_too=True)
        if process.stdin is not None:
            process.stdin.close()
        lines: deque[str] = deque(maxlen=_TAIL)
        if process.stdout is not None:
            for raw in process.stdout:
                line = raw.decode("utf-8", "replace").rstrip()
                lines.append(line)
                if directory is not None and line:
                    self._tell("status", f"{step.title}: {line[:100]}")
                    _append(directory, line)
                if enough is not None and enough(line):
                    end_process_tree(process)
        code = process.wait()
        with self._lock:
            self._process = None
        if self.cancelled:
            raise _Failed("cancelled")
        return code, "\n".join(lines)

    def _tell(self, level: str, text: str) -> None:
        self._notes.put(Note(level, text))


def is_ours(directory: Path) -> bool:
    """Whether a folder holds an environment that was made by an `Installation`."""
    return (directory / MARKER).is_file()


def is_complete(directory: Path) -> bool:
    """Whether an environment that was made by an `Installation` is finished."""
    return _read_mark(directory).get("complete") is True


def _mark(directory: Path, **values: Any) -> None:
    (directory / MARKER).write_text(json.dumps(values) + "\n", encoding="utf-8")


def _read_mark(directory: Path) -> dict[str, Any]:
    try:
        values = json.loads((directory / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _append(directory: Path | None, line: str) -> None:
    if directory is not None and directory.is_dir():
        with open(directory / _LOG, "a", encoding="utf-8") as stream:
            stream.write(line + "\n")
