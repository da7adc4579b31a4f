"""Any differentiable likelihood with a curvature estimate as a potential of the solver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from .protocol import Level

__all__ = ["CurvedLikelihood", "LikelihoodPotential"]


class CurvedLikelihood(Protocol):
    """A log-likelihood of backbones with a rough diagonal of its negative Hessian."""

    def __call__(self, x: Tensor) -> Tensor:
        """Log-likelihood, shape (replica,), differentiable in x (replica, N, 4, 3)."""

    def curvature(self, x: Tensor) -> Tensor:
        """Positive diagonal, shape (replica, N, 4), in 1/angstrom^2."""


@dataclass(frozen=True)
class LikelihoodPotential:
    """-log p(y|x) of one likelihood, the same at every noise level."""

    name: str
    likelihood: CurvedLikelihood

    def at(self, x: Tensor, level: Level) -> LikelihoodPotential:
        """Nothing depends on the step."""
        return self

    def value_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Energy per replica and its gradient by automatic differentiation."""
        leaf = x.detach().requires_grad_(True)
        with torch.enable_grad():
            energy = -self.likelihood(leaf)
            (gradient,) = torch.autograd.grad(energy.sum(), leaf)
        return energy.detach(), gradient

    def curvature(self, x: Tensor) -> Tensor:
        """Diagonal of the likelihood's Gauss-Newton Hessian."""
        return self.likelihood.curvature(x)
