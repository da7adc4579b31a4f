"""What a job will cost, from its specification."""

from __future__ import annotations

import torch

from ..solver.completion import AGREEMENT_FRACTION
from ..specification import Spec
from .memory import Estimate, available_memory, estimate_cost
from .runtime import usable_cores

__all__ = ["POLISH_STEPS", "ROUNDS", "job_cost"]

ROUNDS = 3
"""Times that refinement builds missing segments anew as long as the map does not support all of them."""
POLISH_STEPS = 0.4
"""Steps of refinement's last stage as a fraction of those of a round."""

_PASSES = {"complete": (1, 1.0 + AGREEMENT_FRACTION), "refine": (1, ROUNDS + POLISH_STEPS), "distances": (2, 1.0)}
"""Factors on the replicas and on the steps asked for; folding runs both hands in its second stage."""


def job_cost(spec: Spec, residues: int, device: torch.device, voxels: int = 0) -> Estimate:
    """Estimate memory and time of a job on a device, with as many replicas at once as fit.

    Parameters
    ----------
    spec : Spec
    residues : int
        Residues of the job.
    device : torch.device
    voxels : int
        Voxels of the map after cropping; 0 without a map.
    """
    replicas, steps = _PASSES[spec.kind]
    return estimate_cost(
        replicas * spec.replicas,
        residues,
        round(steps * spec.steps),
        voxels,
        available_bytes=available_memory(device),
        cores=usable_cores(),
        accelerated=device.type != "cpu",
    )
