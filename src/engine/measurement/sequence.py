"""The sequence as a measurement, ``sequence WEIGHT``: how well a structure suits the residues it is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.errors import InputError
from ..contract.requests import Request
from ..likelihood.design_weights import design_network
from ..likelihood.sequence import SequenceLikelihood
from ..solver.potential_cost import PotentialCost
from ..solver.protocol import Level, LocalPotential
from .protocol import Scene

__all__ = ["NAME", "SequenceMeasurement", "SequencePotential", "load"]

NAME = "sequence"

_BELOW = 0.5
"""Diffusion time from which it pulls: before, estimates are blurred, and the network was trained on crystal structures
with noise of 0.2 A. The authors of ADP-3D switch theirs on late, too."""
_CURVATURE = 0.4
"""1/angstrom^2 for each coordinate: mean square of the gradient (nats/angstrom) at a crystal structure, which is what a
likelihood's curvature is on average."""
_LONGEST = 3.0
"""Nats/angstrom beyond which the gradient at an atom is shortened: five times its usual size, as where atoms meet."""
_FIXED_BYTES, _BYTES_PER_RESIDUE = 30_000_000, 1_500_000
"""The network, and the messages of one replica with all that a gradient needs: 48 neighbours, nine layers of about
seven tensors of 128 numbers."""
_SECONDS_PER_RESIDUE = 6e-3
"""Core time of a value with gradient, of 124 residues on a busy core of a server of 2024."""


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
    """

    likelihood: SequenceLikelihood
    weight: float

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
        if self.weight == 0.0:
            return PotentialCost(_FIXED_BYTES + _BYTES_PER_RESIDUE * residues)
        seconds = 0.5 * _SECONDS_PER_RESIDUE * residues
        return PotentialCost(_FIXED_BYTES + _BYTES_PER_RESIDUE * residues, 0, seconds)

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
    """``sequence`` with its weight, 0 if it has none.

    Raises
    ------
    InputError
        If there is a file or no number, or the network's weights are missing.
    """
    try:
        (weight,) = map(float, request.words or ("0",))
    except ValueError:
        weight = math.nan
    if request.file is not None or not 0.0 <= weight < math.inf:
        raise InputError("The measurement 'sequence' takes one number, its weight: write 'sequence' or 'sequence 0.1'.")
    network = design_network(scene.device)
    return SequenceMeasurement(SequenceLikelihood.of_polymer(network, scene.polymer, scene.device), weight)
