"""The internal geometry of a model, as a measurement: what a prediction knows, wherever in the map its parts lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..likelihood.internal_geometry import InternalGeometryLikelihood
from ..solver.potential_cost import PotentialCost
from .doubtful_potential import DoubtfulPotential

__all__ = ["NAME", "InternalGeometry"]

NAME = "internal_geometry"


@dataclass(frozen=True)
class InternalGeometry:
    """Distances within a model, which hold its shape and leave its place to others.

    Attributes
    ----------
    likelihood : InternalGeometryLikelihood
    """

    likelihood: InternalGeometryLikelihood

    @classmethod
    def of_distances(
        cls,
        pairs: NDArray[np.int64],
        distance: NDArray[np.float64],
        sigma: NDArray[np.float64],
        device: torch.device | str,
    ) -> InternalGeometry:
        """Measurement of distances between CA atoms: residues (M, 2), values and standard deviations (M,), angstrom."""
        values, spread = (torch.as_tensor(v, dtype=torch.float32, device=device) for v in (distance, sigma))
        return cls(InternalGeometryLikelihood(torch.as_tensor(pairs, device=device), values, spread))

    @property
    def name(self) -> str:
        """Name under which it is weighted and reported."""
        return NAME

    @property
    def potential(self) -> DoubtfulPotential:
        """Nearly harmonic close by, level far away."""
        return DoubtfulPotential(NAME, self.likelihood)

    @property
    def cost(self) -> PotentialCost:
        """Next to nothing: a few numbers for each distance."""
        return PotentialCost()

    def figures(self, x: Tensor) -> dict[str, Tensor]:
        """Log-likelihood, and the part of the distances (0 to 1) within two standard deviations."""
        return {"log_likelihood": self.likelihood(x), "satisfied": self.likelihood.satisfied(x)}

    def residue_figures(self, x: Tensor) -> dict[str, NDArray[np.float64]]:
        """Root mean square of the deviations of each residue's distances, in standard deviations."""
        return {"strain": self.likelihood.strain(x[None])[0].double().cpu().numpy()}
