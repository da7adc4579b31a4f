"""The squared difference of a model's density and a map, in tensors or in compiled loops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..physics.boxes import TensorBoxes
from ..physics.density import AtomDensity
from .map_levels import MapLevel
from .residual_sums import Residual, Sums

__all__ = ["TensorResidual", "residual_of"]

_VOXELS_AT_ONCE = {"cpu": 1 << 20, "cuda": 1 << 28}
"""Grid voxels of the replicas handled at once: one by one on a CPU, together on a GPU."""


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
