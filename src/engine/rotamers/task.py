"""What is to be packed: backbones, side chains that are there, and what they must not run into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..sidechain.build import build_from_unit_vectors
from ..sidechain.geometry_table import geometry_table
from ..sidechain.internal import torsion
from ..sidechain.measure import measure_chi
from ..sidechain.templates import BACKBONE, CHIS, SLOTS

__all__ = ["PackingTask", "measured_torsions"]

_FIRST = len(BACKBONE)


@dataclass(frozen=True)
class PackingTask:
    """N residues whose side chains are wanted.

    Attributes
    ----------
    backbone : Tensor, shape (N, 4, 3)
        N, CA, C and O in angstrom.
    aatype : Tensor of int64, shape (N,)
        Rows of `adp3d.sidechain.templates.RESIDUE_NAMES`.
    chain_index, residue_index : Tensor of int64, shape (N,)
        Residues are bonded where the latter rises by one in a chain.
    given : Tensor, shape (N, 14, 3)
        Atoms that are there, on this backbone, in angstrom; anything where there are none.
    present : Tensor of bool, shape (N, 14)
        Which.
    open : Tensor of bool, shape (N,)
        Residues that get a side chain; what is present of it stays.
    changeable : Tensor of bool, shape (N,)
        Residues that are complete, and stay as given unless the map contradicts.
    loose : Tensor of bool, shape (N,)
        Changeable residues whose backbones have moved: if they keep what they have, its torsions follow the map.
    obstacles : ndarray, shape (K, 3)
        Atoms of other things, in angstrom.
    obstacle_elements : sequence of str
        K of them.
    obstacle_owners : sequence of int
        K numbers of residues that obstacles are part of (OXT, say), which they do not repel, -1 for none; empty if
        none is.
    """

    backbone: Tensor
    aatype: Tensor
    chain_index: Tensor
    residue_index: Tensor
    given: Tensor
    present: Tensor
    open: Tensor
    changeable: Tensor
    loose: Tensor
    obstacles: NDArray[np.float64]
    obstacle_elements: Sequence[str]
    obstacle_owners: Sequence[int] = ()

    @property
    def n_residues(self) -> int:
        """Number of residues N."""
        return len(self.aatype)

    @property
    def movable(self) -> Tensor:
        """Residues (N,) whose torsions may be chosen."""
        turns = geometry_table().chi_exists[self.aatype].any(-1)
        return (self.open | self.changeable) & turns

    @property
    def complete(self) -> Tensor:
        """Residues (N,) that have all their side-chain atoms."""
        return (self.present[:, _FIRST:] | ~geometry_table().exists[self.aatype]).all(-1)

    def build(self, owner: Tensor, chi: Tensor, deviation: Tensor) -> Tensor:
        """Atoms (C, 14, 3) of side chains of residues ``owner`` (C,) with torsions (C, 4) and deviations (C, 10, 3).

        Side-chain atoms that are present of open residues stay.
        """
        turns = torch.stack([chi.cos(), chi.sin()], -1)
        kept = (self.present & self.open[:, None])[:, _FIRST:]
        return build_from_unit_vectors(
            self.backbone[owner], self.aatype[owner], turns, deviation, self.given[owner, _FIRST:], kept[owner]
        )


def measured_torsions(atoms: Tensor, aatype: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Torsions (N, 4) in radians that atoms (N, 14, 3) fix, and which they are; also those that only a branch tells."""
    table = geometry_table(atoms.dtype)
    chi, known = measure_chi(atoms, aatype, present)
    references = table.references[aatype]
    for slot in range(SLOTS):
        number = table.chi[aatype][:, slot]
        at = references[:, slot]
        there = present[:, _FIRST + slot] & table.exists[aatype][:, slot] & (number > 0)
        there = there & present.gather(-1, at).all(-1)
        rows = torch.nonzero(there & ~known.gather(-1, (number - 1).clamp(min=0)[:, None])[:, 0])[:, 0]
        if len(rows):
            four = atoms[rows].gather(1, at[rows, :, None].expand(-1, 3, 3))
            a, b, c = four.unbind(1)
            turn = torsion(a, b, c, atoms[rows, _FIRST + slot]) - table.twist[aatype[rows], slot]
            chi[rows, number[rows] - 1] = torch.atan2(turn.sin(), turn.cos())
            known[rows, number[rows] - 1] = True
    assert chi.shape[-1] == CHIS
    return chi, known
