"""Priors by name: a new one is one line here."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..errors import InputError
from ..structure.polymer import Polymer
from .builtin.prior import BuiltinPrior
from .builtin.weights_file import load_denoiser
from .correlation import GlobularCorrelation
from .gaussian import GaussianPrior
from .protocol import Prior

__all__ = ["PRIORS", "load_prior"]


def _builtin(polymer: Polymer, device: torch.device) -> Prior:
    return BuiltinPrior(load_denoiser().to(device), polymer)


def _builtin_without_sequence(polymer: Polymer, device: torch.device) -> Prior:
    return BuiltinPrior(load_denoiser().to(device), polymer, use_sequence=False)


def _builtin_plain(polymer: Polymer, device: torch.device) -> Prior:
    return BuiltinPrior(load_denoiser().to(device), polymer, show_known=False)


def _gaussian(polymer: Polymer, device: torch.device) -> Prior:
    return GaussianPrior(GlobularCorrelation(polymer.segment_lengths))


PRIORS: dict[str, Callable[[Polymer, torch.device], Prior]] = {
    "builtin": _builtin,
    "builtin-nosequence": _builtin_without_sequence,
    "builtin-plain": _builtin_plain,
    "gaussian": _gaussian,
}
"""Constructors by name. ``builtin-plain`` is not shown the known atoms; ``gaussian`` knows only chain size and connectivity: the run without a prior."""


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
