"""The squared difference of a model's density and a map, with scale and offset fitted: its sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from .map_levels import MapLevel

__all__ = ["Residual", "Sums"]

_TINY = 1e-300


@dataclass(frozen=True)
class Sums:
    """Sums over the mask that the fit of scale and offset needs, float64, per replica.

    ``mean_model`` is the mean of the model's density, ``model_model`` the sum of its squared deviations from it,
    ``model_map`` that of its products with the centred map; ``map_map`` the map's own sum of squares.
    """

    mean_model: Tensor
    model_model: Tensor
    model_map: Tensor
    map_map: float

    @classmethod
    def of(cls, level: MapLevel, first: Tensor, second: Tensor, product: Tensor) -> Sums:
        """From the masked sums (R,) of the density, its square and its product with the centred map."""
        mean = first / level.total
        return cls(mean, (second - mean**2 * level.total).clamp_min(0), product, level.square)

    @property
    def scale(self) -> Tensor:
        """Least-squares scale (R,) of the model, not negative."""
        return (self.model_map / self.model_model.clamp_min(_TINY)).clamp_min(0.0)

    @property
    def squared_residual(self) -> Tensor:
        """Sum (R,) of squared differences over the mask at the best scale and offset."""
        return self.scale**2 * self.model_model - 2 * self.scale * self.model_map + self.map_map

    @property
    def correlation(self) -> Tensor:
        """Correlation (R,) of model and map over the mask."""
        return self.model_map / (self.model_model * self.map_map).sqrt().clamp_min(_TINY)


class Residual(Protocol):
    """What a map at one level says of atoms at given places."""

    def sums(self, xyz: Tensor) -> Sums:
        """Sums for each replica of atom positions xyz (R, A, 3), in A."""

    def sums_and_gradient(self, xyz: Tensor) -> tuple[Sums, Tensor]:
        """Sums, and the gradient (R, A, 3) of half the squared residual, in squared map units per A.

        Scale and offset count as constants: at their optimum the residual does not depend on them.
        """
