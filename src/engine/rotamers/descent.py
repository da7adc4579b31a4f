"""Torsions of side chains moved downhill: into the density, and out of clashes."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from .candidates import Candidates
from .contacts import REACH, contact
from .energy import MOVING, Energies
from .kinds import kinds_of
from .pieces import Ask, in_pieces, nobody
from .task import PackingTask, measured_torsions
from .wall import RotamerWall

__all__ = ["descend", "descend_together"]

_WIDTH = np.deg2rad(12.0)
"""Standard deviation in radians of torsions about the rotamer that they started from, as in crystal structures."""
_WIDTH_ALONE = np.deg2rad(8.0)
"""Likewise without a map, where contacts alone move them: they take as much from rotamers as they give; chosen on
validation chains."""
_STEP = np.deg2rad(4.0)
"""First step of each torsion, in radians; falls to a tenth."""
_FIRM = 1.0
"""Share of the full repulsion in the last descent; see `adp3d.rotamers.contacts.contact`."""
_FURTHER = 1.5
"""Angstrom by which atoms may move while the list of their neighbours stays as it is."""


def descend(task: PackingTask, energies: Energies, candidates: Candidates, steps: int, ask: Ask = nobody) -> Candidates:
    """Candidates, each moved by itself, some at a time; those that are given stay.

    Parameters
    ----------
    task : PackingTask
    energies : Energies
    candidates : Candidates
    steps : int
    ask : callable
        Called between pieces.
    """
    rows = torch.nonzero(~candidates.given)[:, 0]
    if not len(rows) or not steps:
        return candidates
    for part in in_pieces(len(rows), ask):
        candidates = _moved(task, energies, candidates, rows[part], steps, None)
    return candidates


def descend_together(task: PackingTask, energies: Energies, chosen: Candidates, steps: int) -> Candidates:
    """One candidate of each residue, moved in view of each other; those that are given stay."""
    rows = torch.nonzero(~chosen.given)[:, 0]
    if not len(rows) or not steps:
        return chosen
    return _moved(task, energies, chosen, rows, steps, _neighbours(task, chosen))


def _moved(
    task: PackingTask, energies: Energies, candidates: Candidates, rows: Tensor, steps: int, pairs: Tensor | None
) -> Candidates:
    owner, deviation = candidates.owner[rows], candidates.deviation[rows]
    aatype = task.aatype[owner]
    centre = candidates.chi[rows]
    free = _free(task)[owner]
    surface = energies.surface(candidates.atoms[rows], aatype, owner, _FURTHER)
    kinds = kinds_of(task.aatype[candidates.owner])[:, MOVING:].flatten()
    wall = RotamerWall(aatype, centre)
    firm = 0.0 if pairs is None else _FIRM
    width = _WIDTH_ALONE if energies.field is None else _WIDTH

    def cost(turn: Tensor) -> Tensor:
        chi = centre + turn * free
        atoms = task.build(owner, chi, deviation)
        natural = 0.5 * (turn / width).square().sum(-1) + wall(chi)
        own: Tensor = natural - energies.map_gain(atoms, aatype) + surface.energy(atoms, firm)
        if pairs is None:
            return own
        every = candidates.atoms.index_copy(0, rows, atoms)[:, MOVING:].flatten(0, 1)
        square = (every[pairs[:, 0]] - every[pairs[:, 1]]).square().sum(-1)
        both = contact(square, kinds[pairs[:, 0]], kinds[pairs[:, 1]], firm)
        own = own + both.sum() / len(own)  # shared out, as only the sum counts
        return own

    turn = torch.zeros_like(centre, requires_grad=True)
    optimiser = torch.optim.Adam([turn], lr=_STEP, betas=(0.7, 0.9))
    best_cost, best = torch.full((len(rows),), torch.inf), torch.zeros_like(centre)
    for step in range(steps + 1):
        each = cost(turn)
        better = each.detach() < best_cost
        best_cost = torch.where(better, each.detach(), best_cost)
        best = torch.where(better[:, None], turn.detach(), best)
        if step == steps:
            break
        for group in optimiser.param_groups:
            group["lr"] = _STEP * 0.1 ** (step / max(steps - 1, 1))
        optimiser.zero_grad()
        each.sum().backward()
        optimiser.step()
    with torch.no_grad():
        # together, the last state is the one that all belong to
        final = turn.detach() if pairs is not None else best
        chi = centre + final * free
        atoms = task.build(owner, chi, deviation)
    return Candidates(
        candidates.owner,
        candidates.chi.index_copy(0, rows, chi),
        candidates.deviation,
        candidates.log_probability,
        candidates.atoms.index_copy(0, rows, atoms),
        candidates.given,
    )


def _free(task: PackingTask) -> Tensor:
    """1 for torsions (N, 4) that may turn, 0 for those that atoms present fix."""
    _, known = measured_torsions(task.given, task.aatype, task.present)
    return (~(known & task.open[:, None])).float()


def _neighbours(task: PackingTask, chosen: Candidates) -> Tensor:
    """Pairs (P, 2) of moving atoms of different residues that are near, as rows of all moving atoms."""
    kinds = kinds_of(task.aatype[chosen.owner])[:, MOVING:].flatten()
    atoms = chosen.atoms[:, MOVING:].flatten(0, 1)
    real = torch.nonzero(kinds >= 0)[:, 0]
    found = cKDTree(atoms[real].numpy()).query_pairs(REACH + _FURTHER, output_type="ndarray").reshape(-1, 2)
    pairs = real[torch.from_numpy(found.astype(np.int64))]
    per = kinds.numel() // max(len(chosen.owner), 1)
    return pairs[pairs[:, 0] // per != pairs[:, 1] // per]
