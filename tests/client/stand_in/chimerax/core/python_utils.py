"""core/src/python_utils.py."""

from __future__ import annotations

import sys


def chimerax_python_executable() -> str:
    """Python that comes with ChimeraX; here the one that runs the tests."""
    return sys.executable
