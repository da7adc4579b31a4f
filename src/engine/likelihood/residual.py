"""The squared difference of a model's density and a map, with scale and offset fitted: its sums and its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..physics.boxes import TensorBoxes
from ..physics.density import AtomDensity
from .map_levels import MapLevel

__all__ = ["Residual", "Sums", "TensorResidual", "residual_of"]

_VOXELS_AT_ONCE = {"cpu": 1 << 20, "cuda": 1 << 28}
"""Grid voxels of the replicas handled at once: one by one on a CPU, together on a GPU."""

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


@dataclass(frozen=True)
class TensorResidual:
    """A residual in tensors over whole grids, on any device.

    Attributes
    ----------
    operator : AtomDensity
    level : MapLevel
    """

    operator: AtomDensity
    level: MapLevel

    def sums(self, xyz: Tensor) -> Sums:
        """Sums for each replica, as `Residual.sums`."""
        found = [self._masked_sums(density) for _, density in self._densities(xyz)]
        return Sums.of(self.level, *(torch.cat(column) for column in zip(*found, strict=True)))

    def sums_and_gradient(self, xyz: Tensor) -> tuple[Sums, Tensor]:
        """Sums and gradient, as `Residual.sums_and_gradient`."""
        found, gradient, level = [], torch.empty_like(xyz), self.level
        for part, density in self._densities(xyz):
            masked = self._masked_sums(density)
            found.append(masked)
            sums = Sums.of(level, *masked)
            scale, mean = (value.to(xyz.dtype)[:, None, None, None] for value in (sums.scale, sums.mean_model))
            pull = (density - mean).mul_(scale).sub_(level.values).mul_(level.mask).mul_(scale)
            gradient[part] = self.operator.gradient(pull, xyz[part])
        return Sums.of(level, *(torch.cat(column) for column in zip(*found, strict=True))), gradient

    def _densities(self, xyz: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Yield slices of replicas and their model densities (r, nx, ny, nz), a bounded number at a time."""
        at_once = _VOXELS_AT_ONCE.get(xyz.device.type, _VOXELS_AT_ONCE["cuda"])
        step = max(1, at_once // self.operator.grid.n_voxels)
        for start in range(0, xyz.shape[0], step):
            part = slice(start, start + step)
            yield part, self.operator(xyz[part])

    def _masked_sums(self, density: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        masked = density * self.level.mask
        # summed in pairs: matrix products accumulate 10 times the rounding error
        first, second = (values.sum((1, 2, 3)).double() for values in (masked, masked * density))
        return first, second, (masked * self.level.values).sum((1, 2, 3)).double()


def residual_of(operator: AtomDensity, level: MapLevel) -> Residual:
    """Residual of a map level, computed in the way that the operator computes its sums."""
    if isinstance(operator.boxes, TensorBoxes):
        return TensorResidual(operator, level)
    from .compiled_residual import CompiledResidual  # numba takes a while to load

    return CompiledResidual.of(operator, level)
