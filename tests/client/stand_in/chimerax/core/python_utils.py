"""core/src/python_utils.py."""

import sys


def chimerax_python_executable():
    """Python that comes with ChimeraX; here the one that runs the tests."""
    return sys.executable
