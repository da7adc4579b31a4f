"""Priors by name: a new one is one line here, or an entry point of another package."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from ..contract import plugins
from ..contract.errors import InputError
from ..structure.polymer import Polymer
from .builtin.network import Denoiser
from .builtin.prior import BuiltinPrior
from .builtin.weights_file import DEFAULT_WEIGHTS, load_denoiser
from .correlation import GlobularCorrelation
from .cost import PriorCost
from .gaussian import GaussianPrior
from .protocol import Prior

__all__ = ["PRIORS", "WEIGHTS_VARIABLE", "Entry", "find_prior", "load_prior"]


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


def _chroma(polymer: Polymer, device: torch.device) -> Prior:
    from .chroma.prior import make_chroma  # a package of its own

    return make_chroma(polymer, device)


def _rfdiffusion(polymer: Polymer, device: torch.device) -> Prior:
    from .rfdiffusion.prior import make_rfdiffusion  # a checkout of the user's

    return make_rfdiffusion(polymer, device)


_NETWORK_COST = PriorCost(350_000_000, 220_000, 1.5e-3, 60.0)
"""Of whole jobs with version 3 of the network on one core of a server of 2024 (the network takes half of the time); the
accelerator's speed is a guess from its arithmetic."""

_GAUSSIAN_COST = PriorCost(300_000_000, 20_000, 2e-5, 4.0)
"""8e-6 s for the noise correlation on the same core, and about as much for the rest of a step."""


_CHROMA_COST = PriorCost(1_000_000_000, 2_000_000, 1.5e-2, 60.0)
"""A guess: ten times the default network, from the numbers of weights (about 20 million against 2 million)."""


_RFDIFFUSION_COST = PriorCost(1_500_000_000, 20_000_000, 1e-1, 100.0)
"""A guess, from the numbers of weights (60 million) and pairs of residues in 40 blocks; the real one grows with the
square of the residues."""


@dataclass(frozen=True)
class Entry:
    """A prior in the registry.

    Attributes
    ----------
    make : callable
        Gives the prior for the residues of a job, on a device; heavy imports belong inside.
    cost : PriorCost
    """

    make: Callable[[Polymer, torch.device], Prior]
    cost: PriorCost


PRIORS: Mapping[str, Entry] = {
    "builtin": Entry(_builtin, _NETWORK_COST),
    "builtin-nosequence": Entry(_builtin_without_sequence, _NETWORK_COST),
    "builtin-nomap": Entry(_builtin_without_map, _NETWORK_COST),
    "builtin-plain": Entry(_builtin_plain, _NETWORK_COST),
    "chroma": Entry(_chroma, _CHROMA_COST),
    "gaussian": Entry(_gaussian, _GAUSSIAN_COST),
    "rfdiffusion": Entry(_rfdiffusion, _RFDIFFUSION_COST),
}
"""Priors of this package by name. ``builtin-nomap`` is not shown the map, ``builtin-plain`` neither map nor known
atoms; ``chroma`` is Chroma's network, of another package and with weights that users have, ``rfdiffusion`` that of
RFdiffusion, from a checkout of theirs; ``gaussian`` knows only chain size and connectivity: the run without a prior.
Other packages add theirs through the entry point group ``adp3d.priors``: the name of the entry point is that of the
prior, its object an `Entry`."""


def find_prior(name: str) -> Entry:
    """Entry of a prior of this package or another.

    Raises
    ------
    InputError
        If there is none of that name, or what another package offers is no prior.
    """
    entry = PRIORS.get(name)
    if entry is not None:
        return entry
    others = plugins.plugins(plugins.PRIORS)
    if name not in others:
        raise InputError(f"There is no prior {name!r}: choose one of {', '.join(sorted({*PRIORS, *others}))}.")
    found = others[name].load()
    if not isinstance(found, Entry):
        raise InputError(f"The package that offers prior {name!r} gives no adp3d.prior.registry.Entry: update it.")
    return found


def load_prior(name: str, polymer: Polymer, device: torch.device) -> Prior:
    """Prior ``name`` bound to the residues of a job.

    Raises
    ------
    InputError
        If there is no prior of that name, or its weights are missing.
    """
    entry = find_prior(name)
    try:
        return entry.make(polymer, device)
    except FileNotFoundError as error:
        raise InputError(f"The weights of prior {name!r} are missing ({error}): install the package again.") from error
