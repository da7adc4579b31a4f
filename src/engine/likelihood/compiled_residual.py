"""`Residual` on the CPU: compiled loops, only where atoms reach, a replica for each thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..physics.compiled_boxes import CompiledBoxes, Gaussians, Patch, each_replica
from ..physics.density import AtomDensity
from .map_levels import MapLevel
from .residual_sums import Sums
from .voxel_kernels import masked_residual, masked_sums

__all__ = ["CompiledResidual"]

_Map = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Mask and values of a level, as the kernels take them."""


@dataclass(frozen=True)
class CompiledResidual:
    """A residual over the voxels that atoms reach: the density is zero at all others.

    Attributes
    ----------
    boxes : CompiledBoxes
    gaussians : Gaussians
        Of the atoms.
    level : MapLevel
    """

    boxes: CompiledBoxes
    gaussians: Gaussians
    level: MapLevel

    @classmethod
    def of(cls, operator: AtomDensity, level: MapLevel) -> CompiledResidual:
        """Residual of an operator whose sums are compiled."""
        assert isinstance(operator.boxes, CompiledBoxes)
        return cls(operator.boxes, Gaussians.of(*operator.gaussians()), level)

    def sums(self, xyz: Tensor) -> Sums:
        """Sums for each replica, as `Residual.sums`."""
        points, level = xyz.detach().numpy(), self._map()
        out = np.zeros((len(points), 3))

        def work(replica: int) -> None:
            self._density(points[replica], level, out[replica])

        each_replica(work, len(points))
        return Sums.of(self.level, *torch.from_numpy(out).unbind(1))

    def sums_and_gradient(self, xyz: Tensor) -> tuple[Sums, Tensor]:
        """Sums and gradient, as `Residual.sums_and_gradient`."""
        points, level = xyz.detach().numpy(), self._map()
        out = np.zeros((len(points), 3))
        moments = np.zeros((*points.shape[:2], 4), np.float32)
        beta, height = self.gaussians.beta, self.gaussians.height
        slope = Gaussians(beta, (2 * beta * height).astype(np.float32))

        def work(replica: int) -> None:
            patch = self._density(points[replica], level, out[replica])
            sums = Sums.of(self.level, *torch.from_numpy(out[replica]))
            scale, mean = float(sums.scale), float(sums.mean_model)
            masked_residual(patch.values, patch.depth, *level, np.array(patch.first, np.int64), scale, mean)
            self.boxes.weigh(patch, points[replica], slope, 1, moments[replica])

        each_replica(work, len(points))
        return Sums.of(self.level, *torch.from_numpy(out).unbind(1)), torch.from_numpy(moments[..., 1:]).to(xyz.dtype)

    def _map(self) -> _Map:
        """Mask and values, copied where they are not in single precision: once for all replicas."""
        mask, values = (np.ascontiguousarray(t.numpy(), np.float32) for t in (self.level.mask, self.level.values))
        return mask, values

    def _density(self, points: NDArray[np.float32], level: _Map, out: NDArray[np.float64]) -> Patch:
        """Density of one replica's atoms (A, 3), its masked sums in `out` (3,)."""
        patch = self.boxes.patch(points)
        self.boxes.add(patch, points, self.gaussians)
        masked_sums(patch.values, patch.depth, *level, np.array(patch.first, np.int64), out)
        return patch
