"""Atoms that come too close, in nats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from ..sidechain.templates import N_SLOTS, N_TYPES, RESIDUE_NAMES, TEMPLATES

__all__ = ["REACH", "FixedAtoms", "Surface", "element_class", "kinds_of", "repulsion", "surface_near"]

REACH = 4.0
"""Angstrom beyond which atoms do not touch."""
_CLASSES = ("C", "N", "O", "S")
_DISTANCE = {
    "CC": (3.75, 0.18), "CN": (3.68, 0.20), "CO": (3.24, 0.15), "CS": (3.59, 0.22), "NN": (3.10, 0.15),
    "NO": (2.68, 0.13), "NS": (3.44, 0.12), "OO": (2.56, 0.10), "OS": (3.36, 0.20), "SS": (3.60, 0.20),
}  # fmt: skip
"""Distance d_0 and width w in angstrom for each pair of elements: ``exp(-((d_0 - d) / w)^2 / 2)`` follows how rarely
side-chain atoms and atoms of residues two or more apart are at d, relative to 5 to 6 A, in 250 training chains of
crystal structures at 1.6 A or better; through the distances at which that is one half and one hundredth. N-N (mostly
histidine) through one tenth and one hundredth; too few S-S were found, which are taken as C-S."""
_DISULFIDE = 2.5
"""Angstrom; two sulphurs of cysteine closer than that are bonded."""
_MOST = 25.0
"""Nats of one pair at most: odds that no two atoms of a model overcome, and far from what single precision can hold."""


def element_class(element: str) -> int:
    """Row in the table of distances: C, N, O or S; phosphorus, metals and all others as S, but for halogens as C."""
    name = element.upper()
    if name in _CLASSES:
        return _CLASSES.index(name)
    return 0 if name in ("F", "CL", "BR", "I") else 3


def _tables() -> tuple[Tensor, Tensor]:
    near = torch.zeros(4, 4)
    width = torch.ones(4, 4)
    for pair, (distance, spread) in _DISTANCE.items():
        i, j = (_CLASSES.index(name) for name in pair)
        near[i, j] = near[j, i] = distance
        width[i, j] = width[j, i] = spread
    return near, width


_NEAR, _WIDTH = _tables()


def _kinds() -> Tensor:
    table = torch.full((N_TYPES, N_SLOTS), -1)
    for row, name in enumerate(RESIDUE_NAMES):
        for slot, element in enumerate(TEMPLATES[name].elements):
            table[row, slot] = element_class(element)
    return table


_KINDS = _kinds()


def kinds_of(aatype: Tensor) -> Tensor:
    """Element classes (..., 14) of the atoms of residue types (...); -1 where there is no atom."""
    return _KINDS[aatype]


def repulsion(square: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Energy in nats of pairs of atoms at squared distances (...) in angstrom^2, of element classes a and b (...).

    ``min(((d_0 - d) / w)^2 / 2, 25)`` below d_0, else 0; two sulphurs at the distance of a disulfide do not repel.
    """
    distance = (square + 1e-6).sqrt()
    a, b = a.clamp(min=0), b.clamp(min=0)
    over = ((_NEAR[a, b] - distance) / _WIDTH[a, b]).clamp(min=0.0)
    energy = (0.5 * over.square()).clamp(max=_MOST)
    return torch.where((a == 3) & (b == 3) & (distance < _DISULFIDE), torch.zeros_like(energy), energy)


@dataclass(frozen=True)
class FixedAtoms:
    """Atoms that do not move.

    Attributes
    ----------
    xyz : ndarray, shape (F, 3)
        In angstrom.
    kind : Tensor of int64, shape (F,)
        Element classes.
    owner : Tensor of int64, shape (F,)
        Residue of the job, -1 for others.
    exempt : Tensor of int64, shape (F,)
        A further residue that the atom does not repel, -1 for none: that which is bonded to it.
    """

    xyz: NDArray[np.float64]
    kind: Tensor
    owner: Tensor
    exempt: Tensor


@dataclass(frozen=True)
class Surface:
    """Fixed atoms near moving ones.

    Attributes
    ----------
    near : Tensor, shape (M, K, 3)
        In angstrom, of the nearest fixed atoms of each moving one.
    kind : Tensor of int64, shape (M, K)
    counts : Tensor of bool, shape (M, K)
        False where there is none, or none that repels.
    """

    near: Tensor
    kind: Tensor
    counts: Tensor

    def energy(self, xyz: Tensor, kind: Tensor) -> Tensor:
        """Nats (M,) of moving atoms (M, 3) of element classes (M,); differentiable."""
        square = (self.near - xyz[:, None]).square().sum(-1)
        each = repulsion(square, self.kind, kind[:, None].expand_as(self.kind))
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
    return Surface(positions[index], fixed.kind[index], there & ~own)
