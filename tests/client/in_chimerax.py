"""Run the tests of the client inside ChimeraX, with the bundle installed in it.

    ChimeraX --nogui --exit --script "tests/client/in_chimerax.py [arguments of pytest]"

The engine's environment is the one that ADP-3D is set to use, or the variable ADP3D_PYTHON names its
interpreter. The last line printed is ``N passed, N failed``; the exit status is 1 if a test failed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


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
    try:
        import pytest
    except ImportError:
        print("pytest is missing; install it with the command: pip install pytest")
        return 1
    here = Path(__file__).resolve().parent
    count = _Count()

    class Session:
        """Hands the session to conftest.py."""

        @pytest.fixture
        def chimerax_session(self):
            return session

    with tempfile.TemporaryDirectory(prefix="adp3d-tests-") as scratch:
        pytest.main(
            [
                *("-c", str(here.parents[1] / "pyproject.toml"), "--rootdir", str(here.parents[1])),
                *(
                    "-p",
                    "no:cacheprovider",
                    "--continue-on-collection-errors",
                    "--basetemp",
                    str(Path(scratch) / "tests"),
                ),
                *(arguments or [str(here)]),
            ],
            plugins=[count, Session()],
        )
    print(f"{count.passed} passed, {count.failed} failed")
    return int(count.failed > 0 or count.passed == 0)


if __name__ == "__main__" or "session" in globals():
    sys.exit(main(globals()["session"], sys.argv[1:]))
