"""What computing energies takes, and how many models fit into memory at once."""

from __future__ import annotations

from dataclasses import replace

import torch

from ..energy.flow import CALLS
from ..energy.structure import EnergySettings
from ..job.memory import Estimate, available_memory, estimate_cost
from ..job.runtime import usable_cores
from ..prior.registry import find_prior

__all__ = ["score_cost"]

_GRADIENTS = 8.0
"""Memory of a call of the network whose gradient is asked for, over that of one without: 1.8 and 0.2 MB for each
residue of the default prior, measured with 1,556 residues."""
_BACKWARD = 2.0
"""Time of a gradient, over that of the call itself."""


def score_cost(prior: str, settings: EnergySettings, models: int, residues: int, device: torch.device) -> Estimate:
    """Time and memory of energies of models of one molecule; rough, as all estimates are.

    Parameters
    ----------
    prior : str
    settings : EnergySettings
    models : int
    residues : int
        Of a model.
    device : torch.device

    Raises
    ------
    InputError
        If there is no such prior.
    """
    cost = find_prior(prior).cost
    calls = float(settings.steps * settings.draws)
    if settings.method == "flow":
        calls = settings.steps * (CALLS[settings.integrator] + _BACKWARD * settings.draws)
        cost = replace(cost, bytes_per_residue=int(_GRADIENTS * cost.bytes_per_residue))
    return estimate_cost(
        models,
        residues,
        round(calls),
        cost,
        available_bytes=available_memory(device),
        cores=usable_cores(),
        accelerated=device.type != "cpu",
    )
