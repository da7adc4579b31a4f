"""`AtomDensity` on the CPU: compiled loops over atoms, replica by replica."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .atom_kernels import LANES, add_atoms, weigh_atoms
from .grid import Grid

__all__ = ["CompiledBoxes", "Gaussians", "Patch", "each_replica"]


def each_replica(work: Callable[[int], None], count: int) -> None:
    """Call ``work(0)`` to ``work(count - 1)``, on as many threads as torch may use.

    Each replica is one thread's from beginning to end, so that results do not depend on their number; threads that
    have nothing to do sleep. The work should leave the interpreter's lock alone.
    """
    threads = min(count, torch.get_num_threads())
    if threads < 2:
        for replica in range(count):
            work(replica)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(count)))


@dataclass(frozen=True)
class Gaussians:
    """Gaussians of atoms as the kernels take them.

    Attributes
    ----------
    beta : ndarray of float64, shape (A, 5)
        Exponents in 1/A^2.
    height : ndarray of float32, shape (A, 5)
        Heights (in 1/A^2 where they make a density), or other factors.
    """

    beta: NDArray[np.float64]
    height: NDArray[np.float32]

    @classmethod
    def of(cls, beta: Tensor, height: Tensor) -> Gaussians:
        """From tensors (A, 5)."""
        return cls(
            np.ascontiguousarray(beta.detach().numpy(), np.float64),
            np.ascontiguousarray(height.detach().numpy(), np.float32),
        )


@dataclass(frozen=True)
class Patch:
    """The part of a grid that atoms reach.

    Attributes
    ----------
    first : tuple of 3 ints
        Voxel of the grid that is its voxel (0, 0, 0).
    values : ndarray of float32, shape (nx, ny, pitch)
        Rows are longer than the patch; what is beyond it is zero.
    depth : int
        Its voxels along the last axis.
    """

    first: tuple[int, int, int]
    values: NDArray[np.float32]
    depth: int

    @property
    def part(self) -> tuple[slice, slice, slice]:
        """Where it lies in the grid."""
        size = (*self.values.shape[:2], self.depth)
        x, y, z = (slice(low, low + n) for low, n in zip(self.first, size, strict=True))
        return x, y, z

    @property
    def inner(self) -> NDArray[np.float32]:
        """Its values without what is beyond it, (nx, ny, depth)."""
        return self.values[:, :, : self.depth]


class CompiledBoxes:
    """Sums over the voxels around atoms, single precision.

    Parameters
    ----------
    grid : Grid
    radius : Tensor, shape (A,)
        Cutoff radii in A.
    """

    def __init__(self, grid: Grid, radius: Tensor) -> None:
        self._grid = grid
        self._radius = np.ascontiguousarray(radius.numpy(), np.float64)
        self._steps = np.array(grid.spacing, np.float64)
        widest = float(self._radius.max(initial=0.0))
        self._width = -(-(int(2 * widest / min(grid.spacing)) + 2) // LANES) * LANES

    def patch(self, points: NDArray[np.float32]) -> Patch:
        """Empty part of the grid that holds all boxes of atoms at points (A, 3)."""
        size = np.array(self._grid.shape)
        index = (points - np.array(self._grid.origin)) / self._steps
        reach = self._radius[:, None] / self._steps
        touching = ((index + reach >= 0) & (index - reach <= size - 1)).all(1)
        low, high = np.zeros(3, np.int64), np.zeros(3, np.int64)
        if not np.isfinite(index).all():
            high = size
        elif touching.any():
            low = np.maximum(np.ceil((index - reach)[touching].min(0)), 0).astype(np.int64)
            high = np.minimum(np.floor((index + reach)[touching].max(0)) + 1, size).astype(np.int64)
        nx, ny, nz = np.maximum(high - low, 0).tolist()
        x, y, z = low.tolist()
        pitch = -(-nz // LANES) * LANES + LANES
        return Patch((x, y, z), np.zeros((nx, ny, pitch), np.float32), nz)

    def add(self, patch: Patch, points: NDArray[np.float32], gaussians: Gaussians) -> None:
        """Add the density of atoms at points (A, 3) to an empty patch; NaN everywhere if a position is not finite."""
        if not np.isfinite(points).all():
            patch.inner[...] = np.nan
            return
        add_atoms(
            patch.values,
            patch.depth,
            self._places(patch, points),
            self._steps,
            gaussians.beta,
            gaussians.height,
            self._radius,
            self._width,
        )

    def weigh(
        self,
        patch: Patch,
        points: NDArray[np.float32],
        weighted: Gaussians,
        power: int,
        out: NDArray[np.float32],
    ) -> None:
        """Moments of the field in a patch under weighted Gaussians, into `out` (A, 4); see `weigh_atoms`."""
        if not np.isfinite(points).all():
            out[...] = np.nan
            return
        weigh_atoms(
            patch.values,
            patch.depth,
            self._places(patch, points),
            self._steps,
            weighted.beta,
            weighted.height,
            power,
            self._radius,
            self._width,
            out,
        )

    def density(self, xyz: Tensor, beta: Tensor, peak: Tensor) -> Tensor:
        """Density (R, nx, ny, nz) of atoms at xyz (R, A, 3)."""
        points, gaussians = xyz.detach().numpy(), Gaussians.of(beta, peak)
        out = np.zeros((len(points), *self._grid.shape), np.float32)

        def work(replica: int) -> None:
            patch = self.patch(points[replica])
            self.add(patch, points[replica], gaussians)
            out[replica][patch.part] = patch.inner

        each_replica(work, len(points))
        return torch.from_numpy(out).to(xyz.dtype)

    def moments(self, field: Tensor, xyz: Tensor, beta: Tensor, weight: Tensor, power: int) -> Tensor:
        """Moments (R, A, 4) of a field, as `adp3d.physics.boxes.BoxSums.moments`."""
        points = xyz.detach().numpy()
        fields = field.detach().numpy().reshape(-1, *self._grid.shape)
        weighted = Gaussians.of(beta, weight)
        out = np.zeros((*points.shape[:2], 4), np.float32)

        def work(replica: int) -> None:
            patch = self.patch(points[replica])
            patch.inner[...] = fields[replica % len(fields)][patch.part]
            self.weigh(patch, points[replica], weighted, power, out[replica])

        each_replica(work, len(points))
        return torch.from_numpy(out).to(xyz.dtype)

    def _places(self, patch: Patch, points: NDArray[np.float32]) -> NDArray[np.float64]:
        corner = np.array(self._grid.origin) + np.array(patch.first) * self._steps
        return np.ascontiguousarray(points - corner)
