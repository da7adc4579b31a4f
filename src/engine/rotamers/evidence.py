"""When a map contradicts a side chain: by how much another one fits better."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..density.score import residue_correlation
from ..sidechain.templates import BACKBONE, RESIDUE_NAMES, TEMPLATES
from .candidates import Candidates
from .energy import MOVING
from .field import DensityField, model_density
from .task import PackingTask

__all__ = ["MARGIN", "worth_changing"]

MARGIN = 12.0
"""Nats by which another side chain must be better than the one that a residue has."""
_CORRELATION = 0.08
"""By which it must correlate better with the map."""
_RADIUS = 1.5
"""Angstrom around the atoms of both, within which map and model are compared."""


def worth_changing(task: PackingTask, chosen: Candidates, field: DensityField) -> Tensor:
    """Which of the chosen side chains (R,), one for each residue, may replace what is there.

    Both are compared with the map over the voxels within 1.5 angstrom of the moving atoms of either, with all other
    side chains as chosen. True for those that replace nothing.
    """
    replaces = ~chosen.given & task.changeable[chosen.owner]
    worth = torch.ones(len(chosen.owner), dtype=torch.bool)
    rows = torch.nonzero(replaces)[:, 0]
    if not len(rows):
        return worth
    owner = chosen.owner[rows]
    old, new = task.given[owner, MOVING:], chosen.atoms[rows, MOVING:]
    points, residue = [], []
    counts = [len(TEMPLATES[RESIDUE_NAMES[int(task.aatype[i])]].names) - MOVING for i in owner]
    for k, count in enumerate(counts):
        points += [old[k, :count], new[k, :count]]
        residue += [k] * (2 * count)
    at = torch.cat(points).double().numpy()
    found = []
    for atoms in (_all_atoms(task, chosen, given=True), _all_atoms(task, chosen)):
        calculated = _density(task, atoms, field)
        found.append(residue_correlation(field.map, calculated, at, np.array(residue), len(rows), _RADIUS))
    better = np.nan_to_num(found[1]) >= np.nan_to_num(found[0]) + _CORRELATION
    worth[rows] = torch.from_numpy(better)
    return worth


def _all_atoms(task: PackingTask, chosen: Candidates, given: bool = False) -> Tensor:
    """Atoms (N, 14, 3) with what was chosen, or with what is given where something is."""
    atoms = task.given.clone()
    atoms[:, : len(BACKBONE)] = task.backbone
    rows = torch.nonzero(~task.changeable[chosen.owner] if given else torch.ones_like(chosen.given))[:, 0]
    atoms[chosen.owner[rows]] = chosen.atoms[rows]
    return atoms


def _density(task: PackingTask, atoms: Tensor, field: DensityField) -> NDArray[np.float64]:
    """Density of all atoms of the job and its obstacles on the map's grid."""
    xyz, elements = list(task.obstacles), list(task.obstacle_elements)
    for i, kind in enumerate(task.aatype.tolist()):
        names = TEMPLATES[RESIDUE_NAMES[kind]].elements
        there = task.present[i] if not (task.open[i] or task.changeable[i]) else None
        for slot, element in enumerate(names):
            if slot < len(BACKBONE) or there is None or bool(there[slot]):
                xyz.append(atoms[i, slot].double().numpy())
                elements.append(element)
    return model_density(field.map, np.array(xyz), elements, field.noise.b_factor)
