"""Atoms that stay, around atoms that move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from .contacts import contact
from .kinds import beside

__all__ = ["FixedAtoms", "Surface", "surface_near"]


@dataclass(frozen=True)
class FixedAtoms:
    """Atoms that do not move.

    Attributes
    ----------
    xyz : ndarray, shape (F, 3)
        In angstrom.
    kind : Tensor of int64, shape (F,)
        As `adp3d.rotamers.kinds` numbers them.
    owner : Tensor of int64, shape (F,)
        Residue of the job, -1 for others.
    exempt : Tensor of int64, shape (F,)
        A further residue that the atom does not act on, -1 for none: the proline whose ring is bonded to it.
    bonded : Tensor of int64, shape (F, 2)
        Residues before and after that of the atom, -1 for none.
    """

    xyz: NDArray[np.float64]
    kind: Tensor
    owner: Tensor
    exempt: Tensor
    bonded: Tensor


@dataclass(frozen=True)
class Surface:
    """Fixed atoms near moving ones.

    Attributes
    ----------
    near : Tensor, shape (M, K, 3)
        In angstrom, of the nearest fixed atoms of each moving one.
    kind : Tensor of int64, shape (M, K)
    counts : Tensor of bool, shape (M, K)
        False where there is none, or none that counts.
    """

    near: Tensor
    kind: Tensor
    counts: Tensor

    def energy(self, xyz: Tensor, kind: Tensor, firm: float = 0.0) -> Tensor:
        """Nats (M,) of moving atoms (M, 3) of kinds (M,), ``firm`` as `contact` takes it; differentiable."""
        square = (self.near - xyz[:, None]).square().sum(-1)
        each = contact(square, kind[:, None].expand_as(self.kind), self.kind, firm)
        return torch.where(self.counts, each, torch.zeros_like(each)).sum(-1)


def surface_near(fixed: FixedAtoms, tree: cKDTree, xyz: Tensor, residue: Tensor, reach: float, most: int) -> Surface:
    """The nearest fixed atoms of moving ones.

    Parameters
    ----------
    fixed : FixedAtoms
    tree : cKDTree
        Of their positions.
    xyz : Tensor, shape (M, 3)
        Moving atoms, in angstrom.
    residue : Tensor of int64, shape (M,)
        The residues that they belong to.
    reach : float
        In angstrom.
    most : int
        Fixed atoms looked at for each.
    """
    most = min(most, len(fixed.xyz))
    _, index = tree.query(xyz.detach().numpy(), k=list(range(1, most + 1)), distance_upper_bound=reach)
    index = torch.from_numpy(np.asarray(index, np.int64).reshape(len(xyz), most))
    there = index < len(fixed.xyz)
    index = index.clamp(max=len(fixed.xyz) - 1)
    own = (fixed.owner[index] == residue[:, None]) | (fixed.exempt[index] == residue[:, None])
    positions = torch.as_tensor(fixed.xyz, dtype=xyz.dtype)
    kind = beside(fixed.kind[index], (fixed.bonded[index] == residue[:, None, None]).any(-1))
    return Surface(positions[index], kind, there & ~own)
