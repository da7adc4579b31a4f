"""The engine's environment: where it is, whether it can be used, and how an engine is started in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ..settings import adp3d_settings

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = [
    "ENGINE",
    "VARIABLE",
    "Environment",
    "EnvironmentProblem",
    "clean_variables",
    "configured",
    "default_directory",
    "describe",
    "engine_command",
    "interpreter_of",
    "known_device",
    "local_command",
    "probe",
    "require",
    "verify",
    "worker_command",
]

ENGINE = Path(__file__).resolve().parent.parent / "engine"
"""Folder of the engine that belongs to this client."""

VARIABLE = "ADP3D_PYTHON"
"""Environment variable that points to the interpreter of a ready environment."""

_HERE = Path(__file__).resolve().parent
_PROBE_SECONDS = 60.0
_NOT_INSTALLED = "The engine of ADP-3D is not installed; run the command 'adp3d install' once."
_SET_BY_CHIMERAX = ("OPENBLAS_NUM_THREADS", "SSL_CERT_FILE", "XDG_CONFIG_DIRS", "QT_QPA_PLATFORM", "PYOPENGL_PLATFORM")
_FAKE_HOME = "/do/not/run/as/root"


class EnvironmentProblem(Exception):
    """The engine's environment cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Environment:
    """An environment for the engine.

    Attributes
    ----------
    python : Path
        Its interpreter.
    source : str
        Who named it: ``variable``, ``setting`` or ``default``.
    """

    python: Path
    source: str


_verified: dict[tuple[str, int], bool] = {}
"""Interpreters that passed `probe` since ChimeraX was started, by path and time of change."""


def default_directory() -> Path:
    """Where ``adp3d install`` makes the environment if no folder is given."""
    # set while ChimeraX starts, so that type checkers do not know it
    dirs = import_module("chimerax").app_dirs_unversioned
    return Path(dirs.user_data_dir) / "adp3d-engine"


def interpreter_of(directory: Path) -> Path:
    """Interpreter of a virtual environment."""
    return directory / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def configured(session: Session) -> Environment | None:
    """Environment that the user has chosen or installed, None if there is none; it may be broken."""
    variable = os.environ.get(VARIABLE, "").strip()
    if variable:
        return Environment(Path(variable).expanduser(), "variable")
    setting = adp3d_settings(session).engine_python
    if setting:
        return Environment(Path(setting), "setting")
    default = interpreter_of(default_directory())
    return Environment(default, "default") if default.exists() else None


def require(session: Session) -> Environment:
    """Environment that can be used now; quick, except for the first time.

    Raises
    ------
    UserError
        If there is none.
    """
    from chimerax.core.errors import UserError

    environment = configured(session)
    if environment is None:
        raise UserError(_NOT_INSTALLED)
    try:
        verify(environment)
    except EnvironmentProblem as problem:
        raise UserError(str(problem)) from problem
    return environment


def known_device(session: Session, device: str) -> str:
    """Device that a job will use where that is known already: ``auto`` becomes what the doctor has found."""
    if device == "cuda":
        return "cuda:0"
    found = adp3d_settings(session).engine_found_device
    environment = configured(session)
    if device != "auto" or not found or environment is None or environment.source != "setting":
        return device
    return found


def describe(session: Session) -> dict[str, str]:
    """State of the environment as plain values: ``python``, ``source``, ``device`` and ``problem``."""
    settings = adp3d_settings(session)
    environment = configured(session)
    if environment is None:
        return {"python": "", "source": "", "device": "", "problem": _NOT_INSTALLED}
    problem = ""
    try:
        verify(environment)
    except EnvironmentProblem as error:
        problem = str(error)
    return {
        "python": str(environment.python),
        "source": environment.source,
        "device": settings.engine_found_device if environment.source != "variable" else "",
        "problem": problem,
    }


def verify(environment: Environment) -> None:
    """Look whether the interpreter is there and has what the engine needs.

    Raises
    ------
    EnvironmentProblem
        If not.
    """
    python = environment.python
    repair = (
        f"let the variable {VARIABLE} point to a ready one."
        if environment.source == "variable"
        else "run the command 'adp3d install' to make it again."
    )
    if not python.is_file():
        raise EnvironmentProblem(f"The engine's Python '{python}' does not exist (any more); {repair}")
    base = _base_of(python)
    if base is not None and not base.is_dir():
        raise EnvironmentProblem(f"The Python that the engine's environment was made from ('{base}') is gone; {repair}")
    key = (str(python), python.stat().st_mtime_ns)
    if not _verified.get(key):
        problem = probe(python)
        if problem:
            raise EnvironmentProblem(f"The engine cannot run with '{python}': {problem}; {repair}")
        _verified[key] = True


def probe(python: Path, engine: Path = ENGINE) -> str:
    """What keeps the engine from running with an interpreter; empty if nothing does.

    Packages are looked for and their versions compared; none of the heavy ones is imported.
    """
    from .connection import hidden_options

    command = [str(python), "-I", "-B", str(_HERE / "probe.py"), str(engine)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            env=clean_variables(os.environ),
            stdin=subprocess.DEVNULL,
            check=False,
            **hidden_options(),
        )
    except subprocess.TimeoutExpired:
        return f"it did not answer within {_PROBE_SECONDS:.0f} seconds"
    except OSError as error:
        return f"it cannot be started ({error.strerror or error})"
    try:
        problems = json.loads(done.stdout.decode("utf-8", "replace").splitlines()[-1])["problems"]
    except (ValueError, IndexError, KeyError, TypeError):
        errors = done.stderr.decode("utf-8", "replace").strip().splitlines()
        said = errors[-1][:200] if errors else f"it ended with exit status {done.returncode}"
        return said if _is_python(python) else f"it is not a Python interpreter that works ({said})"
    return "; ".join(str(problem) for problem in problems)


def _is_python(python: Path) -> bool:
    """Whether a program that failed to run the probe computes as Python does."""
    from .connection import hidden_options

    try:
        done = subprocess.run(
            [str(python), "-I", "-c", "print(6 * 7)"],
            capture_output=True,
            timeout=_PROBE_SECONDS,
            env=clean_variables(os.environ),
            stdin=subprocess.DEVNULL,
            check=False,
            **hidden_options(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return bool(done.stdout.strip() == b"42")


def clean_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for a child process: without those that ChimeraX sets for itself."""
    variables = {
        name: value
        for name, value in environ.items()
        if not name.startswith("PYTHON") and name not in _SET_BY_CHIMERAX and name != "__PYVENV_LAUNCHER__"
    }
    if variables.get("HOME") == _FAKE_HOME:
        import pwd  # ChimeraX takes the home folder from the superuser, on Linux only

        variables["HOME"] = pwd.getpwuid(os.getuid()).pw_dir
    return variables


def engine_command(python: Path, *arguments: str) -> list[str]:
    """Command line of this bundle's engine, run by an interpreter.

    ``-I`` keeps the user's own packages and settings out, ``-B`` the bundle's folder as it is (on a full disk
    Python leaves truncated byte code that breaks every later start); ``faulthandler`` makes crashes leave a trace.
    """
    options = ["-I", "-B", "-X", "utf8", "-X", "faulthandler"]
    return [str(python), *options, str(_HERE / "launch.py"), str(ENGINE), *arguments]


def worker_command(session: Session) -> tuple[list[str], dict[str, str]]:
    """Command line and environment variables of the engine's worker.

    Raises
    ------
    EnvironmentProblem
        If there is no usable environment.
    """
    return local_command(session, "worker")


def local_command(session: Session, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Command line and environment variables of the engine on this computer.

    Parameters
    ----------
    session : Session
    *arguments : str
        As on the command line.

    Raises
    ------
    EnvironmentProblem
        If there is no usable environment.
    """
    environment = configured(session)
    if environment is None:
        raise EnvironmentProblem(_NOT_INSTALLED)
    verify(environment)
    # a window draws while the engine computes: on two cores both are faster if the engine takes one
    spare = {"ADP3D_SPARE_CORES": "1"} if session.ui.is_gui else {}
    threads = adp3d_settings(session).job_threads
    wanted = {"OMP_NUM_THREADS": str(threads)} if threads > 0 else {}
    return engine_command(environment.python, *arguments), spare | clean_variables(os.environ) | wanted


def _base_of(python: Path) -> Path | None:
    """Folder of the interpreter that a virtual environment was made from, None outside of one."""
    try:
        lines = (python.parent.parent / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return next((Path(value.strip()) for name, value in values.items() if name.strip() == "home"), None)
