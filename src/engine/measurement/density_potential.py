"""The density likelihood as a potential of the solver: from coarse to fine as the noise falls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from ..likelihood.density import DensityLikelihood, Evaluation
from ..likelihood.map_levels import MapLevel
from ..likelihood.residual_sums import Sums
from ..solver.protocol import Level

__all__ = ["DensityPotential", "EvaluatedLikelihood", "LocalDensity", "blur_for", "nearest_level"]

_POSITIONAL_SPREAD = 5.0
"""Angstrom of positional uncertainty of a denoised structure along each axis, per unit of sigma_t. Residues missing
from validation chains had 3.7, 2.9 and 3.4 at t = 0.35, 0.5 and 0.65 (CA errors of 0.27, 0.96 and 3.99 A over
sqrt(3) sigma_t, network version 3 without the map); replicas that have gone astray, which a map is to bring back, have
more."""

_TEMPER = 0.1
"""Weight of the density against the denoiser at ``density_weight`` 1. Residuals of neighbouring voxels stem
from the same absent or misplaced side chains and are far from independent; with the full weight, geometry
suffers while no more segments are rebuilt rightly (measured on the bundled example)."""


@dataclass(frozen=True)
class DensityPotential:
    """Minus the density log-likelihood, at the blur that suits the noise level.

    Far from the answer a sharp map has no useful slope: atoms whose positions are uncertain by s have
    the expected density of atoms with B raised by 8 pi^2 s^2, so map and model are both compared at the
    prepared blur nearest to that. Where the model explains the map worse than the noise would, the
    residual itself is taken as the variance (the model error is part of the noise), so that a poor
    start is not driven harder than it deserves.

    Attributes
    ----------
    likelihood : DensityLikelihood
        With its pyramid of blurred maps.
    name : str
        For logs and weights.
    """

    likelihood: DensityLikelihood
    name: str

    def at(self, x: Tensor, level: Level) -> LocalDensity:
        """Choose the blur for the noise level, and the trust that the present fit deserves."""
        nearest = nearest_level(self.likelihood.levels, level.sigma)
        return LocalDensity.beginning_at(x, self.likelihood.at_level(nearest), self.likelihood.levels[nearest])


class EvaluatedLikelihood(Protocol):
    """A log-likelihood of a map that gives all it knows at once."""

    def evaluate(self, x: Tensor) -> Evaluation:
        """Value, gradient, fit and sums at x (replica, N, 4, 3)."""

    def curvature(self, x: Tensor, sums: Sums | None = None) -> Tensor:
        """Positive diagonal (replica, N, 4) in 1/angstrom^2, from sums of an `evaluate` at x, if they are at hand."""


@dataclass(frozen=True)
class LocalDensity:
    """The density potential at one step.

    Attributes
    ----------
    likelihood : EvaluatedLikelihood
        At the blur of the step.
    trust : Tensor, shape (replica,)
        Tempered noise variance over residual variance.
    x : Tensor, shape (replica, N, 4, 3)
        Where the step begins: asked for there, value, gradient and curvature need no density of their own.
    start : Evaluation
        The likelihood at x.
    """

    likelihood: EvaluatedLikelihood
    trust: Tensor
    x: Tensor
    start: Evaluation

    @classmethod
    def beginning_at(cls, x: Tensor, likelihood: EvaluatedLikelihood, level: MapLevel) -> LocalDensity:
        """The potential of a likelihood in a map level, with the trust that its fit at x deserves."""
        start = likelihood.evaluate(x)
        trust = _TEMPER * level.variance / start.fit.mean_square.clamp(min=level.variance)
        return cls(likelihood, trust.to(x.dtype), x, start)

    def value_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-log p(y|x), (replica,), and its gradient (replica, N, 4, 3) in 1/angstrom."""
        found = self.start if x is self.x else self.likelihood.evaluate(x)
        return -self.trust * found.value, -self.trust[:, None, None, None] * found.gradient

    def curvature(self, x: Tensor) -> Tensor:
        """Gauss-Newton diagonal, (replica, N, 4), in 1/angstrom^2."""
        sums = self.start.sums if x is self.x else None
        return self.trust[:, None, None] * self.likelihood.curvature(x, sums)


def nearest_level(levels: Sequence[MapLevel], sigma: float) -> int:
    """Index of the map level whose blur suits the noise scale sigma_t best."""
    wanted = blur_for(sigma)
    return min(range(len(levels)), key=lambda i: abs(math.sqrt(levels[i].blur) - math.sqrt(wanted)))


def blur_for(sigma: float) -> float:
    """B in A^2 that corresponds to the positional uncertainty at noise scale sigma_t."""
    return 8 * math.pi**2 * (_POSITIONAL_SPREAD * sigma) ** 2
