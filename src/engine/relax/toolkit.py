"""OpenMM, which relaxation needs and nothing else does."""

from __future__ import annotations

from importlib.util import find_spec
from types import ModuleType

from ..contract.errors import InputError

__all__ = ["MISSING", "has_openmm", "load_openmm", "reason_of"]

MISSING = (
    "Relaxation needs the Python package openmm, which is not there: add it with 'pip install openmm', or with "
    "'adp3d install' in ChimeraX."
)
"""What users are told where it is missing."""


def has_openmm() -> bool:
    """Whether OpenMM is installed; it is not loaded for that."""
    return find_spec("openmm") is not None


def reason_of(error: BaseException) -> str:
    """The first line of what an error says, fit for the middle of a sentence."""
    return (str(error).splitlines() or ["no reason given"])[0].rstrip(".")[:200]


def load_openmm() -> ModuleType:
    """OpenMM with its layer for applications, ``openmm.app``.

    Raises
    ------
    InputError
        If it is not installed, or cannot be loaded on this system.
    """
    if not has_openmm():
        raise InputError(MISSING)
    try:
        import openmm
        import openmm.app
    except ImportError as error:
        raise InputError(
            f"The package openmm is there but cannot be loaded ({reason_of(error)}); remove it with 'pip uninstall "
            "openmm' and install it again."
        ) from error
    module: ModuleType = openmm
    return module
