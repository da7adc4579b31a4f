"""Energies of side chains in nats: what the map says of them, and what is too close to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from ..physics.form_factors import electron_form_factors
from ..sidechain.build import build_side_chains
from ..sidechain.geometry_table import geometry_table
from ..sidechain.templates import BACKBONE, N_SLOTS, N_TYPES, RESIDUE_NAMES, TEMPLATES
from .contacts import REACH, contact
from .field import DensityField
from .kinds import kind_of_element, kinds_of
from .surface import FixedAtoms, Surface, surface_near
from .task import PackingTask

__all__ = ["MOVING", "WEIGHTS", "Energies", "fixed_atoms", "pair_energies"]

MOVING = len(BACKBONE) + 1
"""Slot from which on atoms move with the torsions: all but the backbone and CB."""
_FURTHEST = 9.0
"""Angstrom from CB to the end of the longest side chain (arginine 7.1) and some more."""
_AT_ONCE = 400
"""Pairs of residues computed together; bounds memory."""
_MOST, _MOST_AROUND = 40, 64
"""Fixed atoms looked at for each moving one, and for one that is about to move: within reach there are fewer."""


def _weights() -> Tensor:
    """Scattering of each atom of each type at small angles, relative to carbon; 0 where there is none."""
    table = torch.zeros(N_TYPES, N_SLOTS)
    carbon = electron_form_factors(["C"])[0].sum()
    for row, name in enumerate(RESIDUE_NAMES):
        elements = TEMPLATES[name].elements
        if elements:
            table[row, : len(elements)] = torch.as_tensor(electron_form_factors(elements)[0].sum(-1) / carbon)
    return table


WEIGHTS = _weights()


def fixed_atoms(task: PackingTask) -> tuple[FixedAtoms, list[str]]:
    """Backbones, CB atoms, side chains that do not move and obstacles; and their elements."""
    n = task.n_residues
    table = geometry_table()
    stays = ~task.movable
    beta = build_side_chains(task.backbone, task.aatype, torch.zeros(n, 4))[:, MOVING - 1]
    atoms = task.given.clone()
    atoms[:, : MOVING - 1] = task.backbone
    own_beta = task.present[:, MOVING - 1]
    atoms[:, MOVING - 1] = torch.where(own_beta[:, None], atoms[:, MOVING - 1], beta)
    there = torch.zeros(n, N_SLOTS, dtype=torch.bool)
    there[:, : MOVING - 1] = True
    there[:, MOVING - 1] = table.exists[task.aatype][:, 0]
    there[:, MOVING:] = task.present[:, MOVING:] & stays[:, None]
    exempt = _bonded_after(task)
    row, slot = torch.nonzero(there, as_tuple=True)
    elements = [TEMPLATES[RESIDUE_NAMES[int(t)]].elements[int(s)] for t, s in zip(task.aatype[row], slot, strict=True)]
    elements += list(task.obstacle_elements)
    other_kinds = [kind_of_element(element) for element in task.obstacle_elements]
    others = torch.full((len(task.obstacles),), -1)
    owners = torch.tensor(task.obstacle_owners, dtype=torch.int64) if len(task.obstacle_owners) else others
    xyz = np.concatenate([atoms[row, slot].double().numpy(), np.asarray(task.obstacles, np.float64).reshape(-1, 3)])
    return FixedAtoms(
        xyz,
        torch.cat([kinds_of(task.aatype)[row, slot], torch.tensor(other_kinds, dtype=torch.int64)]),
        torch.cat([row, owners]),
        torch.cat([exempt[row], others]),
        torch.cat([_bonded(task)[row], torch.full((len(task.obstacles), 2), -1)]),
    ), elements


def _bonded(task: PackingTask) -> Tensor:
    """Residues (N, 2) that are bonded to each, before and after it; -1 for none."""
    beside = torch.full((task.n_residues, 2), -1)
    bonded = (task.chain_index[1:] == task.chain_index[:-1]) & (task.residue_index[1:] == task.residue_index[:-1] + 1)
    first = torch.nonzero(bonded)[:, 0]
    beside[first, 1] = first + 1
    beside[first + 1, 0] = first
    return beside


def _bonded_after(task: PackingTask) -> Tensor:
    """The proline (N,) that is bonded to each residue: its ring touches what is before it; -1 for none."""
    after = _bonded(task)[:, 1]
    proline = task.aatype[after] == RESIDUE_NAMES.index("PRO")
    return torch.where(proline, after, torch.full_like(after, -1))


@dataclass(frozen=True)
class Energies:
    """What single side chains cost, in nats.

    Attributes
    ----------
    fixed : FixedAtoms
    tree : cKDTree
        Of their positions.
    field : DensityField or None
        None without a map.
    """

    fixed: FixedAtoms
    tree: cKDTree
    field: DensityField | None

    def map_gain(self, atoms: Tensor, aatype: Tensor) -> Tensor:
        """Log-likelihood (C,) that side chains (C, 14, 3) of types (C,) add; 0 without a map."""
        if self.field is None:
            return atoms.new_zeros(len(atoms))
        weight = WEIGHTS[aatype][:, MOVING:]
        row, slot = torch.nonzero(weight > 0, as_tuple=True)
        each = weight[row, slot] * self.field(atoms[:, MOVING:][row, slot])
        return atoms.new_zeros(len(atoms)).index_add(0, row, each)

    def surface(self, atoms: Tensor, aatype: Tensor, owner: Tensor, further: float = 0.0) -> FixedSurface:
        """The fixed atoms around side chains (C, 14, 3), ``further`` angstrom around those that could touch."""
        kinds = kinds_of(aatype)[:, MOVING:]
        row, slot = torch.nonzero(kinds >= 0, as_tuple=True)
        xyz = atoms.detach()[:, MOVING:][row, slot]
        most = _MOST if further == 0 else _MOST_AROUND
        near = surface_near(self.fixed, self.tree, xyz, owner[row], REACH + further, most)
        return FixedSurface(near, row, slot, kinds[row, slot], len(atoms))


@dataclass(frozen=True)
class FixedSurface:
    """Fixed atoms around some side chains; `row` and `slot` say which atoms of theirs."""

    near: Surface
    row: Tensor
    slot: Tensor
    kind: Tensor
    count: int

    def energy(self, atoms: Tensor, firm: float = 0.0) -> Tensor:
        """Nats (C,) of side chains (C, 14, 3), ``firm`` as `contact` takes it; differentiable."""
        each = self.near.energy(atoms[:, MOVING:][self.row, self.slot], self.kind, firm)
        return atoms.new_zeros(self.count).index_add(0, self.row, each)


def pair_energies(
    atoms: Tensor, aatype: Tensor, owner: Tensor, centre: NDArray[np.float64]
) -> dict[tuple[int, int], NDArray[np.float64]]:
    """Contacts between the side chains of neighbouring residues.

    Parameters
    ----------
    atoms : Tensor, shape (C, 14, 3)
        Candidates in angstrom, those of a residue together.
    aatype, owner : Tensor of int64, shape (C,)
    centre : ndarray, shape (N, 3)
        A point of each residue that all its candidates share (CB), in angstrom.

    Returns
    -------
    dict of (i, j), i < j, to ndarray of shape (K_i, K_j)
        Numbers of residues among those that have candidates; those that touch only.
    """
    residues, counts = torch.unique_consecutive(owner, return_counts=True)
    starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)[:-1]])
    kinds = kinds_of(aatype)[:, MOVING:]
    moving = atoms.detach()[:, MOVING:]
    # how far the candidates of a residue reach from its centre
    away = (moving - torch.as_tensor(centre, dtype=moving.dtype)[owner][:, None]).norm(dim=-1)
    away = away.masked_fill(kinds < 0, 0.0).amax(-1)
    reach = torch.zeros(len(residues)).scatter_reduce(
        0, torch.repeat_interleave(torch.arange(len(residues)), counts), away, "amax"
    )
    points = centre[residues.numpy()]
    found = cKDTree(points).query_pairs(2 * _FURTHEST + REACH, output_type="ndarray").reshape(-1, 2)
    apart = np.linalg.norm(points[found[:, 0]] - points[found[:, 1]], axis=-1)
    pairs = torch.from_numpy(np.sort(found[apart < (reach[found].sum(-1) + REACH).numpy()], axis=1).astype(np.int64))
    most = int(counts.max()) if len(counts) else 0
    slots = torch.arange(most)
    index = starts[:, None] + torch.minimum(slots, counts[:, None] - 1)  # (R, most); the last one again and again
    result = {}
    for part in pairs.split(_AT_ONCE) if len(pairs) else ():
        a, b = index[part[:, 0]], index[part[:, 1]]
        table = _touching(moving, kinds, a, b)
        hit = torch.nonzero(table.flatten(1).abs().amax(-1) > 0)[:, 0].tolist()
        for p in hit:
            i, j = int(part[p, 0]), int(part[p, 1])
            result[(i, j)] = table[p, : int(counts[i]), : int(counts[j])].double().numpy()
    return result


def _touching(moving: Tensor, kinds: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Energies (P, K, K) of candidates a (P, K) with candidates b (P, K); only pairs of atoms that are near count."""
    xa, xb = moving[a], moving[b]  # (P, K, 9, 3)
    p, k, m, _ = xa.shape
    square = torch.cdist(xa.reshape(p, k * m, 3), xb.reshape(p, k * m, 3)).square()
    near = square < REACH**2
    real = (kinds[a].reshape(p, -1) >= 0)[:, :, None] & (kinds[b].reshape(p, -1) >= 0)[:, None]
    which, i, j = torch.nonzero(near & real, as_tuple=True)
    each = contact(square[which, i, j], kinds[a].reshape(p, -1)[which, i], kinds[b].reshape(p, -1)[which, j])
    flat = (which * k + i // m) * k + j // m
    return moving.new_zeros(p * k * k).index_add(0, flat, each).view(p, k, k)
