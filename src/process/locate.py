"""Finds a Python to make the engine's environment with: one that does not depend on ChimeraX, if there is any."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .connection import hidden_options
from .environment import clean_variables

__all__ = [
    "QUESTION",
    "VERSIONS",
    "Interpreter",
    "Maker",
    "candidates",
    "examine",
    "find_maker",
    "find_uv",
    "read_interpreter",
]

VERSIONS = ((3, 12), (3, 11), (3, 13), (3, 10))
"""Versions of Python that the engine's packages are there for, the preferred ones first."""

_SECONDS = 20.0
QUESTION = (
    "import json, sys, importlib.util as u; print(json.dumps({'version': sys.version_info[:2], "
    "'executable': sys.executable, 'bits': sys.maxsize.bit_length() + 1, "
    "'pip': bool(u.find_spec('venv') and u.find_spec('ensurepip')), "
    "'chimerax': bool(u.find_spec('chimerax'))}))"
)
"""Program for an interpreter, which prints what it is as JSON; `read_interpreter` reads that."""


@dataclass(frozen=True)
class Maker:
    """What makes a virtual environment.

    Attributes
    ----------
    command : tuple of str
        Command line, to which the folder of the environment is appended.
    description : str
        For the log.
    independent : bool
        Whether the environment outlives this ChimeraX.
    """

    command: tuple[str, ...]
    description: str
    independent: bool


@dataclass(frozen=True)
class Interpreter:
    """A Python that can make an environment for the engine.

    Attributes
    ----------
    executable : str
    version : tuple of int
        One of `VERSIONS`.
    chimerax : bool
        Whether it is ChimeraX's.
    """

    executable: str
    version: tuple[int, int]
    chimerax: bool


def find_maker(chimerax_python: Path, environ: Mapping[str, str] = os.environ) -> Maker | None:
    """Best way to make an environment on this computer, None if there is none.

    First choice is an independent Python with ``venv``, then ``uv``, which fetches one, then ChimeraX's own.
    """
    found: dict[tuple[int, int], Maker] = {}
    for path in candidates(environ):
        known = examine(path)
        if known is not None and not known.chimerax and known.version not in found:
            found[known.version] = _venv(known, independent=True)
            if known.version == VERSIONS[0]:
                break
    for version in VERSIONS:
        if version in found:
            return found[version]
    uv = find_uv(environ)
    if uv is not None:
        wanted = ".".join(map(str, VERSIONS[0]))
        command = (str(uv), "venv", "--seed", "--python", wanted)
        return Maker(command, f"uv ({uv}), which provides Python {wanted}", independent=True)
    own = examine(chimerax_python)
    return None if own is None else _venv(own, independent=False)


def candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    """Interpreters that may exist on this computer, each once, without running them."""
    seen = set()
    for path in _places(environ):
        try:
            key = path.resolve()
            usable = path.is_file() and os.access(path, os.X_OK)
        except OSError:
            continue  # a place that may not be looked into
        if usable and key not in seen:
            # Shims choose the interpreter by their name: several names of one file are several candidates.
            seen.add(path if "shims" in path.parts else key)
            yield path


def examine(python: Path) -> Interpreter | None:
    """Run an interpreter and ask what it is; None unless it can make an environment for the engine."""
    try:
        done = subprocess.run(
            [str(python), "-I", "-c", QUESTION],
            capture_output=True,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
            env=clean_variables(os.environ),
            check=False,
            **hidden_options(),
        )
        return read_interpreter(done.stdout.decode("utf-8", "replace").splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired, IndexError):
        return None  # whatever it is, it is no Python for us


def read_interpreter(answer: str) -> Interpreter | None:
    """What an interpreter has answered to `QUESTION`; None unless it can make an environment for the engine."""
    try:
        known = json.loads(answer)
        major, minor = known["version"]
        usable = (major, minor) in VERSIONS and known["bits"] == 64 and known["pip"]
        found = Interpreter(str(known["executable"]), (major, minor), bool(known["chimerax"]))
    except (ValueError, KeyError, TypeError):
        return None
    return found if usable else None


def find_uv(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The program ``uv``, which makes environments and fetches interpreters for them."""
    name = "uv.exe" if sys.platform == "win32" else "uv"
    on_path = shutil.which(name, path=environ.get("PATH", ""))
    if on_path:
        return Path(on_path)
    home = _home(environ)
    for folder in (home / ".local" / "bin", home / ".cargo" / "bin", Path("/opt/homebrew/bin")):
        if (folder / name).is_file():
            return folder / name
    return None


def _places(environ: Mapping[str, str]) -> Iterator[Path]:
    names = ["python{}.{}".format(*version) for version in VERSIONS] + ["python3", "python"]
    folders = [Path(folder) for folder in environ.get("PATH", "").split(os.pathsep) if folder]
    home = _home(environ)
    if sys.platform == "win32":
        bases = [environ.get("LOCALAPPDATA", ""), environ.get("PROGRAMFILES", ""), "C:\\"]
        numbers = ["Python{}{}".format(*version) for version in VERSIONS]
        for base in filter(None, bases):
            for number in numbers:
                yield Path(base) / "Programs" / "Python" / number / "python.exe"
                yield Path(base) / number / "python.exe"
        for tree in ("miniforge3", "miniconda3", "anaconda3"):
            yield home / tree / "python.exe"
        # The python.exe of WindowsApps opens the shop instead of running.
        yield from (folder / "python.exe" for folder in folders if "WindowsApps" not in folder.parts)
        return
    folders += [Path(p) for p in ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/opt/local/bin")]
    folders += sorted(Path("/Library/Frameworks/Python.framework/Versions").glob("3.*/bin"))
    for tree in ("miniforge3", "mambaforge", "miniconda3", "anaconda3"):
        folders.append(home / tree / "bin")
    folders += sorted(home.glob(".pyenv/versions/3.*/bin"))
    folders += sorted(home.glob(".local/share/uv/python/cpython-3.*/bin"))
    for name in names:
        yield from (folder / name for folder in folders)


def _home(environ: Mapping[str, str]) -> Path:
    return Path(clean_variables(environ).get("HOME") or Path.home())


def _venv(python: Interpreter, *, independent: bool) -> Maker:
    owner = "Python" if independent else "ChimeraX's own Python"
    number = ".".join(map(str, python.version))
    command = (python.executable, "-I", "-m", "venv")
    return Maker(command, f"{owner} {number} ({python.executable})", independent)
