"""Priors by name: a new one is one line here."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import torch

from ..errors import InputError
from ..structure.polymer import Polymer
from .builtin.network import Denoiser
from .builtin.prior import BuiltinPrior
from .builtin.weights_file import DEFAULT_WEIGHTS, load_denoiser
from .correlation import GlobularCorrelation
from .gaussian import GaussianPrior
from .protocol import Prior

__all__ = ["PRIORS", "WEIGHTS_VARIABLE", "load_prior"]


WEIGHTS_VARIABLE = "ADP3D_WEIGHTS"
"""Environment variable that names another weights file for the built-in prior: one of an earlier version, or of
one's own training."""


def _denoiser(device: torch.device) -> Denoiser:
    """Network with its weights, kept between the jobs of a process; read again when the file changes."""
    path = Path(os.environ.get(WEIGHTS_VARIABLE) or DEFAULT_WEIGHTS)
    changed = path.stat().st_mtime_ns if path.exists() else 0
    return _kept_denoiser(path, str(device), changed)


@lru_cache(maxsize=1)
def _kept_denoiser(path: Path, device: str, changed: int) -> Denoiser:
    return load_denoiser(path).to(device)


def _builtin(polymer: Polymer, device: torch.device) -> Prior:
    return BuiltinPrior(_denoiser(device), polymer)


def _builtin_without_sequence(polymer: Polymer, device: torch.device) -> Prior:
    return BuiltinPrior(_denoiser(device), polymer, use_sequence=False)


def _builtin_plain(polymer: Polymer, device: torch.device) -> Prior:
    return BuiltinPrior(_denoiser(device), polymer, show_known=False, show_density=False)


def _builtin_without_map(polymer: Polymer, device: torch.device) -> Prior:
    return BuiltinPrior(_denoiser(device), polymer, show_density=False)


def _gaussian(polymer: Polymer, device: torch.device) -> Prior:
    return GaussianPrior(GlobularCorrelation(polymer.segment_lengths))


PRIORS: dict[str, Callable[[Polymer, torch.device], Prior]] = {
    "builtin": _builtin,
    "builtin-nosequence": _builtin_without_sequence,
    "builtin-nomap": _builtin_without_map,
    "builtin-plain": _builtin_plain,
    "gaussian": _gaussian,
}
"""Constructors by name. ``builtin-nomap`` is not shown the map, ``builtin-plain`` neither map nor known atoms;
``gaussian`` knows only chain size and connectivity: the run without a prior."""


def load_prior(name: str, polymer: Polymer, device: torch.device) -> Prior:
    """Prior ``name`` bound to the residues of a job.

    Raises
    ------
    InputError
        If there is no prior of that name, or its weights are missing.
    """
    if name not in PRIORS:
        raise InputError(f"There is no prior {name!r}: choose one of {', '.join(sorted(PRIORS))}.")
    try:
        return PRIORS[name](polymer, device)
    except FileNotFoundError as error:
        raise InputError(f"The weights of prior {name!r} are missing ({error}): install the package again.") from error
