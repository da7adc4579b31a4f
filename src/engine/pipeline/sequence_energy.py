"""What a design network finds structures worth: -log p(sequence | structure), by residue and between chains."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.specs.model import SEQUENCE_MODELS
from ..energy.structure import Energy
from ..likelihood.sequence import SequenceLikelihood
from ..measurement.design_networks import design_network
from ..structure.polymer import Polymer

__all__ = ["SequenceSettings", "sequence_energy", "sequence_interface_energy"]


@dataclass(frozen=True)
class SequenceSettings:
    """How a ``model`` computes -log p(s|x): the mean over ``draws`` random orders of the residues, from ``seed``."""

    draws: int = 2
    seed: int = 0
    model: str = SEQUENCE_MODELS[0]


@torch.no_grad()
def sequence_energy(
    polymer: Polymer, x: Tensor, settings: SequenceSettings, told: Callable[[int], None] = lambda done: None
) -> Energy:
    """-log p(s|x) in nats of structures x (structure, N, 4, 3) of one molecule.

    Parameters
    ----------
    polymer : Polymer
    x : Tensor
        In angstrom.
    settings : SequenceSettings
    told : callable
        Hears how many structures are done, and may raise to stop.

    Raises
    ------
    InputError
        If the package or the weights of the network are missing.
    """
    likelihood = SequenceLikelihood.of_polymer(
        design_network(settings.model, x.device), polymer, x.device, settings.draws, settings.seed
    )
    found = []
    for number, one in enumerate(x, 1):
        found.append(torch.stack([-likelihood.of_order(one[None], order)[0] for order in likelihood.orders]))
        told(number)
    each = torch.stack(found)
    draws = each.shape[1]
    spread = each.sum(-1).std(1) / math.sqrt(draws) if draws > 1 else each.new_full((len(x),), math.nan)
    return Energy(each.mean(1), spread)


def sequence_interface_energy(
    polymer: Polymer,
    parts: Sequence[tuple[Polymer, NDArray[np.int64]]],
    x: Tensor,
    settings: SequenceSettings,
) -> Energy:
    """-log p(s|x) of a complex less those of its parts (with their rows), by residue of the complex."""
    together = sequence_energy(polymer, x, settings)
    alone = torch.empty_like(together.per_residue)
    error = together.standard_error.square()
    for part, rows in parts:
        found = sequence_energy(part, x[:, rows], settings)
        alone[:, rows] = found.per_residue
        error = error + found.standard_error.square()
    return Energy(together.per_residue - alone, error.sqrt())
