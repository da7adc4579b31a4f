"""Sets up and verifies the engine on another computer over ssh, in a thread of its own."""

from __future__ import annotations

import json
import queue
import re
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from .connection import end_process_tree, start_hidden
from .hosts import Host
from .install import Note
from .locate import QUESTION, VERSIONS, read_interpreter
from .parcel import UNPACK, engine_digest, packed_engine
from .ssh import NO_SSH, engine_folder, explain_ssh, ssh_command, ssh_failed, ssh_program, ssh_variables
from .steps import explain, install_steps

__all__ = ["FarSetup"]

_TAIL = 1000
_UNUSUAL_EXIT = re.compile(r"No space left|disk is full|ENOSPC|Disk quota", re.IGNORECASE)
_LOOK = """
say() { printf 'adp3d %s\\n' "$*"; }
folder=$1; wanted=$2; question=$3
case "$folder" in "~") folder=$HOME ;; "~/"*) folder=$HOME/${folder#??} ;; /*) ;; *) folder=$HOME/$folder ;; esac
case "$wanted" in "~/"*) wanted=$HOME/${wanted#??} ;; esac
say system "$(uname -s)"
if [ -e /proc/driver/nvidia/version ]; then say nvidia; fi
if ! mkdir -p "$folder" 2>/dev/null; then say problem folder; exit 0; fi
folder=$(cd "$folder" && pwd -P)
say folder "$folder"
if [ -n "$(ls -A "$folder")" ] && [ ! -f "$folder/adp3d-engine.json" ]; then say problem others; exit 0; fi
if ! printf '{"made by": "adp3d engine"}\\n' 2>/dev/null > "$folder/adp3d-engine.json"; then
    say problem folder; exit 0
fi
if [ -n "$wanted" ]; then
    if [ -d "$wanted" ]; then wanted=$wanted/bin/python; fi
    if answer=$("$wanted" -I -c "$question" 2>/dev/null); then say ready "$answer"; fi
    exit 0
fi
if "$folder/env/bin/python" -I -m pip --version >/dev/null 2>&1; then say environment; fi
for name in python3.12 python3.11 python3.13 python3.10 python3 /opt/homebrew/bin/python3 \\
        "$HOME/miniforge3/bin/python" "$HOME/miniconda3/bin/python" "$HOME/anaconda3/bin/python"; do
    if path=$(command -v "$name" 2>/dev/null) && answer=$("$path" -I -c "$question" 2>/dev/null); then
        say python "$answer"
    fi
done
for name in uv "$HOME/.local/bin/uv" "$HOME/.cargo/bin/uv"; do
    if path=$(command -v "$name" 2>/dev/null); then say uv "$path"; break; fi
done
"""
"""Read by a shell there from its standard input: what there is, and whether the folder can be used."""


class _Failed(Exception):
    """It cannot go on; the message is for the user."""


@dataclass(frozen=True)
class _Found:
    """What is there."""

    folder: PurePosixPath
    linux: bool
    nvidia: bool
    ready: str
    environment: bool
    maker: tuple[str, ...] | None


class FarSetup:
    """Setting up, or only verifying, the engine of a host.

    Parameters
    ----------
    host : Host
        Its folder and interpreter as the user gave them, or as they were found before.
    make : bool
        Whether an environment is made where no interpreter is given.

    Attributes
    ----------
    host : Host
        With what was found, once it has ended well.
    report : dict
        What the engine's doctor said there.
    error : str
        Why it failed, one sentence; empty for success.
    """

    def __init__(self, host: Host, *, make: bool) -> None:
        self.host = host
        self.report: dict[str, Any] = {}
        self.error = ""
        self._make = make
        self._notes: queue.SimpleQueue[Note] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="adp3d engine", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._thread.is_alive()

    def cancel(self) -> None:
        """End it; what was made there stays and can be repaired."""
        self._cancelled.set()
        with self._lock:
            if self._process is not None:
                end_process_tree(self._process)

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
            found = self._look()
            python = PurePosixPath(found.ready) if found.ready else found.folder / "env" / "bin" / "python"
            engine = engine_folder(str(found.folder), engine_digest())
            if found.ready:
                self._send_engine(found.ready, engine)
            else:
                self._install(found, python, engine)
            self._verify(python, engine)
            version, device = self.report.get("adp3d", ""), self.report.get("device", "")
            self.host = replace(
                self.host, folder=str(found.folder), python=str(python), found=f"{version} on {device}".strip()
            )
        except _Failed as problem:
            self.error = "It was cancelled." if self._cancelled.is_set() else str(problem)
        except OSError as error:
            self.error = f"{error.strerror or error}: '{error.filename}'." if error.filename else f"{error}."
        except Exception as error:
            # The thread's end must always come with a reason.
            self.error = f"Setting up the engine failed ({type(error).__name__}: {error})."

    def _look(self) -> _Found:
        self._tell("info", f"Connecting to {self.host.destination}")
        arguments = (self.host.folder or "~/.adp3d", self.host.python, QUESTION)
        code, output = self._do("Looking around", ("/bin/sh", "-s", "--", *arguments), _LOOK.encode())
        said = [line.removeprefix("adp3d ").split(" ", 1) for line in output.splitlines() if line.startswith("adp3d ")]
        values = {words[0]: words[1] if len(words) > 1 else "" for words in said}
        if code != 0 or "system" not in values:
            raise _Failed(explain_ssh(self.host, code, output) if ssh_failed(code) else self._odd(output))
        where = f"the folder '{self.host.folder or '~/.adp3d'}' on '{self.host.name}'"
        if values.get("problem") == "others":
            raise _Failed(f"{where[0].upper()}{where[1:]} holds other files; give a new or empty one with 'folder'.")
        if values.get("problem"):
            raise _Failed(
                f"{where[0].upper()}{where[1:]} cannot be written (no permission, or the disk is full); give another "
                "one with 'folder'."
            )
        ready = json.loads(values["ready"])["executable"] if "ready" in values else ""
        if self.host.python and not ready:
            raise _Failed(
                f"'{self.host.python}' on '{self.host.name}' is no Python that works; give the interpreter or the "
                "folder of an environment there with 'python', or leave it out."
            )
        maker = self._maker([words[1] for words in said if words[0] == "python"], values.get("uv", ""))
        environment = "environment" in values
        if not ready and not environment and not (self._make and maker):
            raise _Failed(
                f"There is no Python on '{self.host.name}' that can make the engine's environment (3.10 to 3.13, 64 "
                "bits, with 'venv'); install one there, or give a ready environment with 'python'."
                if self._make
                else f"The engine's environment on '{self.host.name}' is gone; set it up again with 'adp3d engine add "
                f"{self.host.name} ssh {self.host.destination}'."
            )
        folder = PurePosixPath(values["folder"])
        linux = values["system"] == "Linux"
        return _Found(folder, linux, "nvidia" in values, str(ready), environment, maker)

    def _maker(self, answers: Sequence[str], uv: str) -> tuple[str, ...] | None:
        """Command that makes an environment: an interpreter of a good version, else uv, which fetches one."""
        found = [known for known in map(read_interpreter, answers) if known is not None]
        found.sort(key=lambda known: VERSIONS.index(known.version))
        if found:
            return (found[0].executable, "-I", "-m", "venv")
        return (uv, "venv", "--seed", "--python", ".".join(map(str, VERSIONS[0]))) if uv else None

    def _install(self, found: _Found, python: PurePosixPath, engine: PurePosixPath) -> None:
        """Make the environment, or repair it, and fetch packages there."""
        steps = install_steps(
            None if found.environment else found.maker,
            found.folder / "env",
            "auto" if self.host.device == "auto" else self.host.device.split(":")[0],
            "linux" if found.linux else "darwin",
            found.nvidia,
            python,
            engine / "engine",
        )
        if not found.environment:
            self._step(steps.pop(0).title, [*(found.maker or ()), str(found.folder / "env")])
        self._send_engine(str(python), engine)
        if not self._make:
            return
        for step in steps:
            self._step(step.title, list(step.command), required=step.required, without=step.without)

    def _step(self, title: str, words: Sequence[str], *, required: bool = True, without: str = "") -> None:
        self._tell("info", f"{title} on '{self.host.name}'")
        code, output = self._do(title, words)
        if code == 0:
            return
        if ssh_failed(code):
            raise _Failed(explain_ssh(self.host, code, output))
        if required:
            raise _Failed(f"On '{self.host.name}': {self._there(output)}")
        if without:
            self._tell("warning", f"{title} did not work on '{self.host.name}': {without}")

    def _send_engine(self, python: str, engine: PurePosixPath) -> None:
        """Bring the engine of this bundle there, unless it is there already."""
        start = str(engine / "process" / "launch.py")
        code, output = self._do("Looking for the engine", ("/bin/sh", "-c", 'test -f "$1"', "sh", start))
        if code == 0:
            return
        if ssh_failed(code):
            raise _Failed(explain_ssh(self.host, code, output))
        self._tell("info", f"Sending the engine to '{self.host.name}'")
        words = (python, "-I", "-c", UNPACK, str(engine))
        code, output = self._do("Sending the engine", words, packed_engine())
        if code != 0:
            raise _Failed(
                explain_ssh(self.host, code, output)
                if ssh_failed(code)
                else f"On '{self.host.name}': {self._there(output)}"
            )

    def _verify(self, python: PurePosixPath, engine: PurePosixPath) -> None:
        self._tell("info", f"Verifying the engine on '{self.host.name}'")
        start, root = str(engine / "process" / "launch.py"), str(engine / "engine")
        begin = (str(python), "-I", "-B")
        code, output = self._do("Verifying", (*begin, str(engine / "process" / "probe.py"), root))
        if ssh_failed(code):
            raise _Failed(explain_ssh(self.host, code, output))
        problems = self._json(output).get("problems")
        if problems is None:
            raise _Failed(f"On '{self.host.name}': {self._there(output)}")
        if problems:
            raise _Failed(
                f"The engine cannot run on '{self.host.name}' with '{python}': {'; '.join(map(str, problems))}; give a "
                "ready environment with 'python', or leave that out so that one is made."
            )
        device = self.host.device
        words = (*begin, "-X", "utf8", start, root, "doctor", "--json", "--device", device)
        code, output = self._do("Testing", words)
        if ssh_failed(code):
            raise _Failed(explain_ssh(self.host, code, output))
        self.report = self._json(output)
        if not self.report:
            raise _Failed(f"On '{self.host.name}': {self._there(output)}")
        if not self.report.get("healthy"):
            raise _Failed(" ".join(map(str, self.report.get("problems", []))) or "The self-test there failed.")

    def _json(self, output: str) -> dict[str, Any]:
        """Return the object that a program printed as its last lines; a shell there may say something before."""
        for found in re.finditer(r"^\{", output, re.MULTILINE):
            try:
                values, _ = json.JSONDecoder().raw_decode(output[found.start() :])
            except ValueError:
                continue
            return values if isinstance(values, dict) else {}
        return {}

    def _there(self, output: str) -> str:
        """Sentence for a step that failed there."""
        if _UNUSUAL_EXIT.search(output):
            return (
                "The disk is full; free about 2 GB (8 GB for a graphics card) there, or give another 'folder', and run "
                f"'adp3d engine add {self.host.name} ssh {self.host.destination}' again."
            )
        again = f"'adp3d engine add {self.host.name} ssh {self.host.destination}"
        return (
            explain(output)
            .replace("'adp3d install python PATH'", f"{again} python PATH'")
            .replace("'adp3d install'", f"{again}'")
        )

    def _odd(self, output: str) -> str:
        lines = [line for line in output.splitlines() if line.strip()]
        said = f" ({lines[-1][:200]})" if lines else ""
        return (
            f"'{self.host.name}' has no shell that runs commands{said}; engines need a computer with Linux or macOS, "
            "and a login that prints nothing else."
        )

    def _do(self, title: str, words: Sequence[str], data: bytes = b"") -> tuple[int, str]:
        """Run a command there with data on its standard input; its exit status and the end of all its output."""
        program = ssh_program()
        if program is None:
            raise _Failed(NO_SSH)
        self._tell("status", f"{title} on '{self.host.name}'")
        with self._lock:
            if self._cancelled.is_set():
                raise _Failed("cancelled")
            command = ssh_command(self.host, words, program)
            process = self._process = start_hidden(command, ssh_variables(), errors_too=True)
        feeder = threading.Thread(target=_feed, args=(process, data), name="adp3d feed", daemon=True)
        feeder.start()
        lines: deque[str] = deque(maxlen=_TAIL)
        if process.stdout is not None:
            for raw in process.stdout:
                line = raw.decode("utf-8", "replace").rstrip()
                lines.append(line)
                if line and not line.startswith("adp3d "):
                    self._tell("status", f"{title}: {line[:100]}")
        code = process.wait()
        with self._lock:
            self._process = None
        if self._cancelled.is_set():
            raise _Failed("cancelled")
        return code, "\n".join(lines)

    def _tell(self, level: str, text: str) -> None:
        self._notes.put(Note(level, text))


def _feed(process: subprocess.Popen[bytes], data: bytes) -> None:
    """Thread: write to the standard input of a process and close it; its end is noticed elsewhere."""
    if process.stdin is None:
        return
    try:
        process.stdin.write(data)
        process.stdin.close()
    except OSError:
        return
