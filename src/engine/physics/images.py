"""Atoms of symmetric copies, which move with the atoms whose images they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Images"]


@dataclass(frozen=True)
class Images:
    """M images ``R x + t`` of atoms under rigid operators.

    Attributes
    ----------
    source : Tensor of int64, shape (M,)
        Atom whose image each is.
    rotation : Tensor, shape (M, 3, 3)
    shift : Tensor, shape (M, 3)
        In angstrom.
    """

    source: Tensor
    rotation: Tensor
    shift: Tensor

    @classmethod
    def of(cls, operators: NDArray[np.float64], chosen: NDArray[np.bool_], like: Tensor) -> Images:
        """Images of chosen atoms, (n, A), under operators (n, 3, 4); device and precision as of a tensor."""
        which, source = np.nonzero(chosen)
        moves = torch.as_tensor(operators[which], dtype=like.dtype, device=like.device)
        return cls(torch.as_tensor(source, device=like.device), moves[:, :, :3], moves[:, :, 3])

    def __len__(self) -> int:
        return len(self.source)

    def of_other_atoms(self, group: Tensor, other: Tensor) -> Images:
        """Images of other atoms of the same groups (residues), wherever any atom of their group has one.

        Parameters
        ----------
        group : Tensor of int64, shape (A,)
            Group of each atom whose images these are.
        other : Tensor of int64, shape (B,)
            Group of each of the other atoms.
        """
        moves = torch.cat([self.rotation.flatten(1), self.shift], 1)
        operators, which = torch.unique(moves, dim=0, return_inverse=True)
        chosen = torch.zeros(len(operators), int(torch.cat([group, other]).max()) + 1, dtype=torch.bool)
        chosen[which.cpu(), group[self.source].cpu()] = True
        number, source = torch.nonzero(chosen[:, other.cpu()], as_tuple=True)
        moves = operators[number.to(operators.device)]
        return Images(source.to(self.source.device), moves[:, :9].unflatten(1, (3, 3)), moves[:, 9:])

    def positions(self, xyz: Tensor) -> Tensor:
        """Positions (..., M, 3) of the images of atoms at xyz (..., A, 3); differentiable."""
        moved: Tensor = (self.rotation @ xyz[..., self.source, :, None])[..., 0] + self.shift
        return moved

    def folded(self, values: Tensor, n_atoms: int) -> Tensor:
        """Values (..., A + M) of atoms and images, each image's added to that of its atom: (..., A)."""
        return values[..., :n_atoms].index_add(-1, self.source, values[..., n_atoms:])
