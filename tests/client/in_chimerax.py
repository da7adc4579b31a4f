"""Run the tests of the client inside ChimeraX. It brings along what it needs.

    ChimeraX --nogui --exit --script "tests/client/in_chimerax.py [arguments of pytest]"

- The bundle: installed from this checkout where ChimeraX has none, or another one.
- pytest: fetched into a folder beside ChimeraX's caches; ChimeraX's own packages stay as they are.
- An environment for the engine: the one that the variable ADP3D_PYTHON or ADP-3D's settings name, else a Python of this
  computer that has the engine's packages, else one that ``adp3d install`` makes, as it does for users.

The last line printed is ``N passed, N failed``; the exit status is 1 if a test failed. Where ChimeraX has its window,
what is printed goes to the shell that it was started from, too, not to its log.
"""

from __future__ import annotations

import filecmp
import importlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
VARIABLE = "ADP3D_PYTHON"


class _Count:
    """Counts outcomes; an error while preparing a test or cleaning up counts as a failure."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def pytest_runtest_logreport(self, report) -> None:
        self.passed += report.when == "call" and report.passed
        self.failed += report.failed

    def pytest_collectreport(self, report) -> None:
        self.failed += report.failed


def main(session, arguments: list[str]) -> int:
    """Run the tests and return the exit status."""
    from contextlib import redirect_stdout

    with redirect_stdout(sys.__stdout__ or sys.stdout):  # a window's log is gone with ChimeraX
        return _run_tests(session, arguments)


def _run_tests(session, arguments: list[str]) -> int:
    from chimerax.core.errors import UserError

    try:
        bring_along(session)
        _import_pytest()
    except UserError as error:
        print(f"The tests cannot run: {error}")
        return 1
    import pytest

    count = _Count()

    class Session:
        """Hands the session to conftest.py."""

        @pytest.fixture
        def chimerax_session(self):
            return session

    with tempfile.TemporaryDirectory(prefix="adp3d-tests-") as scratch:
        pytest.main(
            [
                *("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)),
                *(
                    "-p",
                    "no:cacheprovider",
                    "--continue-on-collection-errors",
                    "--basetemp",
                    str(Path(scratch) / "tests"),
                ),
                *(arguments or [str(HERE)]),
            ],
            plugins=[count, Session()],
        )
    print(f"{count.passed} passed, {count.failed} failed", flush=True)  # ChimeraX's end does not flush
    return int(count.failed > 0 or count.passed == 0)


def bring_along(session) -> None:
    """Install the bundle of this checkout where ChimeraX has another one or none, and name the engine's environment.

    Raises
    ------
    UserError
        If that cannot be done.
    """
    _install_bundle(session)
    os.environ[VARIABLE] = str(_engine_python(session))


def _install_bundle(session) -> None:
    """Install the bundle unless the very files of this checkout are installed."""
    from chimerax.core.commands import run
    from chimerax.core.errors import UserError

    if _differences() is None:
        return
    print(f"Installing the bundle from {ROOT}")
    # what is left of an earlier build would be packed as well
    run(session, f'devel clean "{ROOT}"', log=False)
    run(session, f'devel install "{ROOT}"', log=False)
    importlib.invalidate_caches()
    left = _differences()
    if left is not None:
        raise UserError(f"the bundle could not be installed from {ROOT} ({left})")


def _differences() -> str | None:
    """How the installed bundle differs from this checkout, in words; None if it does not."""
    spec = importlib.util.find_spec("chimerax.adp3d")
    if spec is None or not spec.submodule_search_locations:
        return "there is none"
    installed = Path(next(iter(spec.submodule_search_locations)))
    sources = [path.relative_to(ROOT / "src") for path in (ROOT / "src").rglob("*") if path.suffix in (".py", ".html")]
    _, differ, lacking = filecmp.cmpfiles(ROOT / "src", installed, sources, shallow=False)
    return f"{[*differ, *lacking][0]} is another" if differ or lacking else None


def _import_pytest() -> None:
    """Make pytest known to this Python, from a folder of its own."""
    import chimerax
    from chimerax.core.errors import UserError
    from chimerax.core.python_utils import chimerax_python_executable

    if importlib.util.find_spec("pytest") is not None:
        return
    folder = Path(chimerax.app_dirs.user_cache_dir) / "adp3d-tests"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # the superuser has no such folders in ChimeraX
        folder = Path(tempfile.gettempdir()) / f"adp3d-tests-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
    if not (folder / "pytest").is_dir():
        print(f"Fetching pytest into {folder}")
        pip = [chimerax_python_executable(), "-I", "-m", "pip"]
        command = [*pip, "install", "--quiet", "--target", str(folder), "pytest"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UserError(f"pytest could not be fetched: {done.stderr.strip().splitlines()[-1:]}")
    sys.path.append(str(folder))
    importlib.invalidate_caches()


def _engine_python(session) -> Path:
    """Interpreter of an environment in which the engine can run."""
    from chimerax.adp3d.process import environment
    from chimerax.core.commands import run
    from chimerax.core.errors import UserError

    chosen = environment.configured(session)
    if chosen is not None:
        return environment.require(session).python
    for python in _pythons():
        if not environment.probe(python):
            print(f"The engine runs with {python}")
            return python
    print("Installing an environment for the engine, as 'adp3d install' does")
    run(session, "adp3d install wait true")
    installed = environment.configured(session)
    if installed is None:
        raise UserError(f"the engine could not be installed; let {VARIABLE} name the Python of a ready environment")
    return installed.python


def _pythons() -> Iterator[Path]:
    """Interpreters that may have the engine's packages: of the checkout, of the shell, of the computer."""
    from chimerax.adp3d.process.locate import candidates

    environments = [os.environ.get("VIRTUAL_ENV", ""), os.environ.get("CONDA_PREFIX", "")]
    folders = [ROOT / ".venv", ROOT / "venv", *(Path(folder) for folder in environments if folder)]
    for folder in folders:
        python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        if python.is_file():
            yield python
    yield from candidates(os.environ)


if __name__ == "__main__" or "session" in globals():
    sys.exit(main(globals()["session"], sys.argv[1:]))
