"""`AtomDensity` in tensors, on any device: separable Gaussians in a small box of voxels around each atom."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from .grid import Grid, box_voxels

__all__ = ["BoxGroup", "BoxSums", "Boxes", "TensorBoxes", "group_by_radius"]

# Box voxels handled at once: enough to amortise the calls, few enough to bound memory (about 20 bytes each).
_VOXELS_AT_ONCE = {"cpu": 1 << 19, "cuda": 1 << 25}


class BoxSums(Protocol):
    """Sums over the voxels around atoms, for many replicas."""

    def density(self, xyz: Tensor, beta: Tensor, peak: Tensor) -> Tensor:
        """Density (R, nx, ny, nz) of atoms at xyz (R, A, 3), with exponents and heights (A, G) of their Gaussians."""

    def moments(self, field: Tensor, xyz: Tensor, beta: Tensor, weight: Tensor, power: int) -> Tensor:
        r"""Moments of a field under weighted Gaussians of each atom.

        Parameters
        ----------
        field : Tensor
            One grid for each replica, or one for all.
        xyz : Tensor, shape (R, A, 3)
            Positions in A.
        beta : Tensor, shape (A, G)
            Exponents in 1/A^2.
        weight : Tensor, shape (A, G)
            Of the Gaussians.
        power : int
            Power of the offset, 1 or 2.

        Returns
        -------
        Tensor, shape (R, A, 4)
            ``sum_v field(v) w(v)``, then for each axis ``sum_v field(v) w(v) d_axis(v)^power``, with
            ``w = sum_g weight_g exp(-beta_g d^2)`` and d = voxel minus atom.
        """


@dataclass(frozen=True)
class BoxGroup:
    """Atoms that share a box size.

    ``atoms`` (A_g,) are their indices, ``radius`` the distance in A that the box must cover, ``size``
    the voxels of the box along every axis.
    """

    atoms: Tensor
    radius: float
    size: int


def group_by_radius(radius: Tensor, grid: Grid) -> tuple[BoxGroup, ...]:
    """Split atoms, given cutoff radii (A,) in A, into groups whose radii differ by less than a voxel."""
    step = min(grid.spacing)
    label = torch.floor(radius / step).long()
    groups = []
    for value in label.unique().tolist():
        atoms = torch.nonzero(label == value).flatten()
        largest = float(radius[atoms].max())
        groups.append(BoxGroup(atoms, largest, math.floor(2 * largest / step) + 1))
    return tuple(groups)


@dataclass(frozen=True)
class Boxes:
    """M boxes of w^3 voxels and the G Gaussians of the atom inside each.

    Parameters
    ----------
    row, atom : Tensor of int64, shape (M,)
        Batch row and atom each box belongs to.
    beta : Tensor, shape (M, G)
        Exponents in 1/A^2.
    offset : Tensor, shape (M, 3, w)
        Voxel minus atom along each axis, in A.
    factor : Tensor, shape (M, 3, G, w)
        ``exp(-beta offset^2)``, zero outside the grid, with the amplitude in the x factor.
    index : Tensor of int, shape (M, w, w, w)
        Flat index of each voxel in a stack of grids, one per batch row (or in one shared grid).
    """

    row: Tensor
    atom: Tensor
    beta: Tensor
    offset: Tensor
    factor: Tensor
    index: Tensor

    @staticmethod
    def around(
        xyz: Tensor,
        beta: Tensor,
        amplitude: Tensor,
        grid: Grid,
        groups: tuple[BoxGroup, ...],
        shared_grid: bool,
    ) -> Iterator[Boxes]:
        """Yield the boxes around all atoms of all batch rows, a bounded number at a time.

        Parameters
        ----------
        xyz : Tensor, shape (R, A, 3)
            Positions in A.
        beta, amplitude : Tensor, shape (A, G)
            Exponents (1/A^2) and peak heights of the Gaussians.
        grid : Grid
            Voxel positions.
        groups : tuple of BoxGroup
            All atoms, by box size.
        shared_grid : bool
            Whether all batch rows index one grid instead of a stack of R grids.
        """
        n_rows = xyz.shape[0]
        # int64 indices cost more memory traffic than the Gaussians themselves
        index_type = torch.int32 if n_rows * grid.n_voxels < 2**31 else torch.int64
        at_once = _VOXELS_AT_ONCE.get(xyz.device.type, _VOXELS_AT_ONCE["cuda"])
        for group in groups:
            atoms = group.atoms.repeat(n_rows)
            rows = torch.arange(n_rows, device=xyz.device).repeat_interleave(len(group.atoms))
            n_boxes = max(1, at_once // group.size**3)
            for row, atom in zip(rows.split(n_boxes), atoms.split(n_boxes), strict=True):
                voxel, offset, inside = box_voxels(xyz[row, atom], grid, group.radius, group.size)
                square = (offset**2).masked_fill(~inside, math.inf)
                factor = torch.exp(-beta[atom][:, None, :, None] * square[:, :, None])
                factor[:, 0] *= amplitude[atom][..., None]
                voxel = voxel.to(index_type)
                plane = voxel[:, 0]
                if not shared_grid:
                    plane = plane + (row * grid.shape[0]).to(index_type)[:, None]
                line = (plane * grid.shape[1])[:, :, None] + voxel[:, 1, None, :]
                index = (line * grid.shape[2])[..., None] + voxel[:, 2, None, None, :]
                yield Boxes(row, atom, beta[atom], offset, factor, index)

    def add_to(self, total: Tensor) -> None:
        """Add the density of each box to the flat grids `total`, in an order that never varies."""
        x, y, z = self.factor.unbind(1)
        yz = (y[..., :, None] * z[..., None, :]).flatten(2)
        values = torch.bmm(x.transpose(1, 2), yz).flatten()
        if total.device.type == "cpu":
            total.index_add_(0, self.index.flatten(), values)
        else:
            total.index_put_((self.index.flatten().long(),), values, accumulate=True)  # sorts: no float atomics

    def moments(self, field: Tensor, power: int) -> Tensor:
        r"""Moments of a field under each Gaussian: ``sum_v field(v) g(v)`` and ``... d_i(v)^power``.

        Parameters
        ----------
        field : Tensor, flat
            The grids that `index` refers to.
        power : int
            Power of the offset d along one axis at a time.

        Returns
        -------
        Tensor, shape (M, 4, G)
            Zeroth moment, then the three axes.
        """
        size = self.factor.shape[-1]
        box = field.index_select(0, self.index.flatten()).reshape(-1, size, size * size)
        weighted = self.factor * self.offset[:, :, None] ** power
        (x, y, z), (xd, yd, zd) = self.factor.unbind(1), weighted.unbind(1)
        n, n_gauss = x.shape[:2]
        planes = torch.bmm(torch.cat([x, xd], dim=1), box).reshape(n, 2, n_gauss, size, size)
        plain, along_x = (planes * z[:, None, :, None]).sum(-1).unbind(1)
        along_z = (planes[:, 0] * zd[:, :, None]).sum(-1)
        return torch.stack([plain * y, along_x * y, plain * yd, along_z * y], dim=1).sum(-1)


class TensorBoxes:
    """Sums over boxes by operations on tensors, at the precision and on the device of the positions.

    Parameters
    ----------
    grid : Grid
    radius : Tensor, shape (A,)
        Cutoff radii in A.
    """

    def __init__(self, grid: Grid, radius: Tensor) -> None:
        self._grid = grid
        self.groups = group_by_radius(radius, grid)

    def density(self, xyz: Tensor, beta: Tensor, peak: Tensor) -> Tensor:
        """Density of atoms, as `BoxSums.density`."""
        total = xyz.new_zeros(xyz.shape[0] * self._grid.n_voxels)
        for boxes in Boxes.around(xyz, beta, peak, self._grid, self.groups, shared_grid=False):
            boxes.add_to(total)
        return total.reshape(xyz.shape[0], *self._grid.shape)

    def moments(self, field: Tensor, xyz: Tensor, beta: Tensor, weight: Tensor, power: int) -> Tensor:
        """Moments of a field, as `BoxSums.moments`."""
        out = xyz.new_zeros(*xyz.shape[:2], 4)
        values = field.reshape(-1)
        shared_grid = values.numel() == self._grid.n_voxels
        for boxes in Boxes.around(xyz, beta, weight, self._grid, self.groups, shared_grid):
            out[boxes.row, boxes.atom] = boxes.moments(values, power).sum(-1)
        return out
