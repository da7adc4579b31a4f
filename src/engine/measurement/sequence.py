"""The sequence as a measurement, ``sequence WEIGHT [NETWORK]``: how well a structure suits its residues."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.errors import InputError
from ..contract.requests import Request
from ..contract.specs.model import SEQUENCE_MODELS
from ..likelihood.sequence import SequenceLikelihood
from ..solver.potential_cost import PotentialCost
from ..solver.protocol import Level, LocalPotential
from .design_networks import DesignEntry, find_design_network
from .protocol import Scene

__all__ = ["NAME", "SequenceMeasurement", "SequencePotential", "load"]

NAME = "sequence"

_BELOW = 0.5
"""Diffusion time from which it pulls: before, estimates are blurred, and the network was trained on crystal structures
with noise of 0.2 A. The authors of ADP-3D switch theirs on late, too."""
_CURVATURE = 0.4
"""1/angstrom^2 for each coordinate: mean square of the gradient (nats/angstrom) at a crystal structure, which is what a
likelihood's curvature is on average. These three are ProteinMPNN's, and not examined for other networks."""
_LONGEST = 3.0
"""Nats/angstrom beyond which the gradient at an atom is shortened: five times its usual size, as where atoms meet."""


@dataclass(frozen=True)
class _Quadratic:
    """An energy about the estimate that it was expanded at: the network is asked once a step."""

    centre: Tensor
    energy: Tensor
    gradient: Tensor
    stiffness: float

    def value_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `LocalPotential`."""
        away = x - self.centre
        value = self.energy + (self.gradient * away + 0.5 * self.stiffness * away.square()).sum((1, 2, 3))
        return value, self.gradient + self.stiffness * away

    def curvature(self, x: Tensor) -> Tensor:
        """See `LocalPotential`."""
        return x.new_full(x.shape[:-1], self.stiffness)


@dataclass(frozen=True)
class SequencePotential:
    """-weight log p(s|x), from a certain noise level on, in a quadratic approximation at each step's estimate."""

    likelihood: SequenceLikelihood
    weight: float

    @property
    def name(self) -> str:
        """Name for logs and weights."""
        return NAME

    def at(self, x: Tensor, level: Level) -> LocalPotential:
        """Energy and gradient at the estimate of a step; none while the noise is high, or without a weight."""
        if level.t > _BELOW or self.weight == 0.0:
            zero = torch.zeros_like(x)
            return _Quadratic(zero, x.new_zeros(len(x)), zero, 0.0)
        value, gradient = self.likelihood.value_and_gradient(x)
        length = gradient.norm(dim=-1, keepdim=True)
        gradient = gradient * (_LONGEST / length.clamp(min=_LONGEST))
        return _Quadratic(x, -self.weight * value, -self.weight * gradient, self.weight * _CURVATURE)


@dataclass(frozen=True)
class SequenceMeasurement:
    """The types of the residues, as something that a backbone explains.

    Attributes
    ----------
    likelihood : SequenceLikelihood
    weight : float
        Factor on log p(s|x) in the solver; 0 leaves it a figure that is told, and that replicas are ranked by.
    entry : DesignEntry
        What its network costs.
    """

    likelihood: SequenceLikelihood
    weight: float
    entry: DesignEntry

    @property
    def name(self) -> str:
        """Name under which it is registered."""
        return NAME

    @property
    def potential(self) -> SequencePotential:
        """-weight log p(s|x)."""
        return SequencePotential(self.likelihood, self.weight)

    @property
    def cost(self) -> PotentialCost:
        """One value with gradient in half of the steps."""
        residues = len(self.likelihood.types)
        memory = self.entry.fixed_bytes + self.entry.bytes_per_residue * residues
        if self.weight == 0.0:
            return PotentialCost(memory)
        return PotentialCost(memory, 0, 0.5 * self.entry.seconds_per_residue * residues)

    @torch.no_grad()
    def log_likelihood(self, x: Tensor) -> Tensor:
        """See `Judge`: in full, whatever its weight in the solver is.

        It tells a right fold from a wrong one where its gradient gains little. Five validation chains, eight replicas:
        beside fit and energy it brings the chosen one from 3.37 to 1.30 A (the best one) in folding from distances, in
        which one of five is wrong without it, and from 4.73 to 4.65 A (best 4.56) with every 16th residue known.
        """
        return torch.stack([self.likelihood(one[None])[0] for one in x])

    def figures(self, x: Tensor) -> dict[str, Tensor]:
        """Mean of log p(s_i|x, ...) over residues, in nats."""
        return {"log_probability": self.log_likelihood(x) / x.shape[1]}

    @torch.no_grad()
    def residue_figures(self, x: Tensor) -> dict[str, NDArray[np.float64]]:
        """Log p(s_i|x, ...) of each residue, in nats."""
        return {"log_probability": self.likelihood.per_residue(x[None])[0].double().cpu().numpy()}


def load(request: Request, scene: Scene) -> SequenceMeasurement:
    """``sequence`` with its weight, 0 if it has none, and its network, ProteinMPNN if it has none.

    Raises
    ------
    InputError
        If there is a file, no number or no such network, or its package or weights are missing.
    """
    given, *networks = request.words or ("0",)
    try:
        weight = float(given)
    except ValueError:
        weight = math.nan
    if request.file is not None or not 0.0 <= weight < math.inf or len(networks) > 1:
        raise InputError(
            "The measurement 'sequence' takes one number, its weight, and the name of a network: write 'sequence', "
            "'sequence 0.1' or 'sequence 0.1 chroma'."
        )
    entry = find_design_network(networks[0] if networks else SEQUENCE_MODELS[0])
    likelihood = SequenceLikelihood.of_polymer(entry.load(scene.device), scene.polymer, scene.device)
    return SequenceMeasurement(likelihood, weight, entry)
