"""What is used of a checkout of RFdiffusion that the user points to."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import modulefinder
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...contract.errors import InputError

__all__ = ["CHECKOUT_VARIABLE", "Checkout", "find_checkout", "load_checkout", "missing_from", "missing_packages"]

CHECKOUT_VARIABLE = "ADP3D_RFDIFFUSION"
"""Environment variable that names the folder of the checkout."""

_NETWORK = Path("rfdiffusion") / "RoseTTAFoldModel.py"
_BESIDE = Path("env") / "SE3Transformer"
"""Where the checkout keeps the package of its equivariant layers."""
_PACKAGES = ("rfdiffusion", "se3_transformer")
"""That the checkout brings itself."""
_MODULES = ("rfdiffusion.RoseTTAFoldModel", "rfdiffusion.util")
"""What is imported of it."""


@dataclass(frozen=True)
class Checkout:
    """Parts of the checkout.

    Attributes
    ----------
    network : type
        ``RoseTTAFoldModule``, a torch module.
    arguments : frozenset of str
        Names that its forward takes.
    torsions : callable
        Maps atoms (1, N, 27, 3) and types (1, N) to torsions (1, N, 10, 2) and their mask (1, N, 10).
    """

    network: Any
    arguments: frozenset[str]
    torsions: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def find_checkout() -> Path | None:
    """Folder that `CHECKOUT_VARIABLE` names."""
    named = os.environ.get(CHECKOUT_VARIABLE)
    return Path(named).expanduser() if named else None


def missing_from(folder: Path | None) -> str | None:
    """What is wrong with a folder as a checkout, in half a sentence; None if nothing is."""
    if folder is None:
        return f"no checkout of RFdiffusion is named: let {CHECKOUT_VARIABLE} name its folder"
    if not (folder / _NETWORK).is_file():
        return f"'{folder}', which {CHECKOUT_VARIABLE} names, is no checkout of RFdiffusion ({_NETWORK} is not there)"
    return None


def missing_packages(folder: Path) -> list[str]:
    """Packages that the network's files import and this Python lacks, by name; nothing is run to find them."""
    finder = modulefinder.ModuleFinder([str(folder), str(folder / _BESIDE)])
    for name in _MODULES:
        with suppress(ImportError):  # of the checkout itself: loading it says so
            finder.import_hook(name)
    names = {name.split(".")[0] for name in finder.badmodules}
    return sorted(name for name in names.difference(_PACKAGES) if importlib.util.find_spec(name) is None)


@lru_cache(maxsize=1)
def load_checkout(folder: Path) -> Checkout:
    """Import the network from a checkout, once.

    Raises
    ------
    InputError
        If the folder is none, or its network needs a package that is missing or does not load.
    """
    wrong = missing_from(folder)
    if wrong is not None:
        raise InputError(f"The prior 'rfdiffusion' cannot be used: {wrong}.")
    try:
        with _first_on_path(folder, folder / _BESIDE):
            model, util = (importlib.import_module(name) for name in _MODULES)
            _without_profiling()
    except ModuleNotFoundError as error:
        raise InputError(_not_found(folder, error.name or "")) from error
    except (ImportError, OSError, AttributeError, RuntimeError) as error:
        said = (str(error).splitlines() or [""])[0][:160]
        raise InputError(
            f"RFdiffusion's network in '{folder}' does not load ({type(error).__name__}: {said}): check that its own "
            "scripts run with this Python."
        ) from error

    def torsions(atoms: Tensor, types: Tensor) -> tuple[Tensor, Tensor]:
        found, _, mask, _ = util.get_torsions(
            atoms, types, util.torsion_indices, util.torsion_can_flip, util.reference_angles
        )
        return found, mask

    arguments = frozenset(inspect.signature(model.RoseTTAFoldModule.forward).parameters)
    return Checkout(model.RoseTTAFoldModule, arguments, torsions)


def _not_found(folder: Path, name: str) -> str:
    if name.split(".")[0] in _PACKAGES:
        return f"The checkout of RFdiffusion in '{folder}' is incomplete, '{name}' is not there: check it out again."
    lacking = sorted({name.split(".")[0], *missing_packages(folder)})
    several = "packages " if len(lacking) > 1 else "package "
    return (
        f"RFdiffusion's network needs the {several}{', '.join(map(repr, lacking))}: install what is missing into the "
        f"Python that runs this program ({sys.executable}), as the checkout's env/SE3nv.yml says."
    )


@contextmanager
def _first_on_path(*folders: Path) -> Iterator[None]:
    """Import from these folders, beside packages of the same names that somebody else may have imported."""
    others = _taken()
    for name in others:
        del sys.modules[name]
    before = list(sys.path)
    sys.path[:0] = [str(folder) for folder in folders]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = before
        for name in _taken():
            del sys.modules[name]
        sys.modules.update(others)


def _without_profiling() -> None:
    """The equivariant layers mark their parts for NVIDIA's profiler, which builds of torch for the CPU refuse."""
    try:
        torch.cuda.nvtx.mark("adp3d")
    except RuntimeError:
        for module in _taken().values():
            if hasattr(module, "nvtx_range"):
                module.nvtx_range = nullcontext


def _taken() -> dict[str, Any]:
    return {name: module for name, module in sys.modules.items() if name.split(".")[0] in _PACKAGES}
