"""The density likelihood with sampled side chains, in late steps, as a potential of the solver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ..likelihood.side_chain_density import AllAtomBuilder, AllAtomMap
from ..solver.protocol import Level
from .density_potential import DensityPotential, LocalDensity, nearest_level

__all__ = ["SAMPLED_FROM", "SideChainPotential"]

SAMPLED_FROM = 0.4
"""Diffusion time from which side chains are sampled: residues missing from validation chains are then uncertain by half
an angstrom (0.27 A at 0.35, 0.96 A at 0.5), so that their side chains have a place. Chosen by hand; it is where the
last stage of a refinement starts."""


@dataclass(frozen=True)
class SideChainPotential:
    """Minus the density log-likelihood: with average side chains at first, with sampled ones in late steps.

    They are drawn at the beginning of each late step, for the structures there, and held while the step looks for its
    minimum.

    Attributes
    ----------
    averages : DensityPotential
    all_atoms : AllAtomMap
        Of the same map.
    draw : callable
        Side chains for structures x (replica, N, 4, 3) at a step.
    below : float
        Diffusion time from which they are sampled.
    """

    averages: DensityPotential
    all_atoms: AllAtomMap
    draw: Callable[[Tensor, int], AllAtomBuilder]
    below: float = SAMPLED_FROM

    @property
    def name(self) -> str:
        """That of the map."""
        return self.averages.name

    def at(self, x: Tensor, level: Level) -> LocalDensity:
        """Choose side chains, the blur for the noise level, and the trust that the present fit deserves."""
        if level.t > self.below:
            return self.averages.at(x, level)
        levels = self.averages.likelihood.levels
        nearest = nearest_level(levels, level.sigma)
        sampled = self.all_atoms.likelihood(nearest, self.draw(x, level.step))
        return LocalDensity.beginning_at(x, sampled, levels[nearest])
