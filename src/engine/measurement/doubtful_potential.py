"""Potentials of restraints that let go, as ready to as the estimate they judge is certain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from ..solver.likelihood_potential import CurvedLikelihood, LikelihoodPotential
from ..solver.protocol import Level

__all__ = ["DoubtfulPotential", "RobustLikelihood"]

_DOUBT = 6.0
"""Angstrom by which an estimate is uncertain, for noise of 1 in units of R eps: 0.26, 1.2 and 4.1 A at t = 0.35, 0.5,
and 0.65. The prior's own error in gaps of 6 to 30 residues is 0.27, 0.96 and 4.0 A there."""


class RobustLikelihood(Protocol):
    """A log-likelihood whose restraints let go where a structure contradicts them."""

    def in_doubt(self, doubt: float) -> CurvedLikelihood:
        """The same where the structure is uncertain by ``doubt`` angstrom."""


@dataclass(frozen=True)
class DoubtfulPotential:
    """-log p(y|x), less ready to let go the noisier the level: far from its end an estimate contradicts nothing yet."""

    name: str
    likelihood: RobustLikelihood

    def at(self, x: Tensor, level: Level) -> LikelihoodPotential:
        """Restraints judged by how certain an estimate is at this noise."""
        return LikelihoodPotential(self.name, self.likelihood.in_doubt(_DOUBT * level.sigma))
