"""Side chains that a residue may have: those that the side-chain model thinks likely, and the rotamers of its type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..sidechain.geometry_table import geometry_table
from ..sidechain.measure import chi_difference
from ..sidechain.network import SideChainModel
from ..sidechain.sampling import Sampler
from ..sidechain.scene import Scene
from ..sidechain.templates import CHIS, SLOTS
from ..validation.torsions import backbone_torsions
from .backbone_library import LocalRotamers, backbone_rotamers
from .library import chi_log_density, rotamers_of
from .pieces import Ask, in_pieces, nobody
from .task import PackingTask, measured_torsions

__all__ = ["NEXT_SEED", "SAMPLES", "Candidates", "ModelView", "look_with", "propose"]

_LIKELIEST = 12
"""Codes of a residue that are decoded, by their probability with all open neighbours hidden."""
SAMPLES, _STEPS = 8, 4
"""Samples, and steps of each: what is likely once neighbours are decided."""
_SAMPLED_AT_ONCE = 2048
"""Residues of all samples that are drawn together, or those of one sample: they take 0.15 MB each."""
NEXT_SEED = 1_000_003
"""Added to the seed for each further sample: which are drawn together makes no difference to them."""
_WIDTH = np.deg2rad(8.0)
"""Standard deviation in radians about the torsions of a code; 7 to 12 degrees do as well on validation chains."""
_LIBRARY = 0.15
"""Share of the library in what the model says: it may be wrong about one residue in seven."""
_LOCAL = 12
"""Rotamers of a residue, those that its backbone likes most, which are candidates as they stand there."""


@dataclass(frozen=True)
class Candidates:
    """C side chains of some residues, those of a residue together.

    Attributes
    ----------
    owner : Tensor of int64, shape (C,)
        Residues, rising.
    chi : Tensor, shape (C, 4)
        In radians.
    deviation : Tensor, shape (C, 10, 3)
        As `adp3d.sidechain.build.build_side_chains` takes them.
    log_probability : Tensor, shape (C,)
    atoms : Tensor, shape (C, 14, 3)
        In angstrom.
    given : Tensor of bool, shape (C,)
        The side chains that are there.
    """

    owner: Tensor
    chi: Tensor
    deviation: Tensor
    log_probability: Tensor
    atoms: Tensor
    given: Tensor

    def take(self, rows: Tensor) -> Candidates:
        """Some of them, in rising order."""
        return Candidates(
            self.owner[rows], self.chi[rows], self.deviation[rows], self.log_probability[rows], self.atoms[rows],
            self.given[rows],
        )  # fmt: skip


@dataclass(frozen=True)
class ModelView:
    """What a network thinks likely of N residues: decoded codes or drawn side chains, and their probabilities.

    Attributes
    ----------
    chi : Tensor, shape (K, N, 4)
        In radians.
    deviation : Tensor, shape (K, N, 10, 3)
    probability : Tensor, shape (K, N)
        Zero for a code that came up before; draws that are alike add up.
    """

    chi: Tensor
    deviation: Tensor
    probability: Tensor


@torch.no_grad()
def look_with(model: SideChainModel, scene: Scene, seed: int, samples: int = SAMPLES, ask: Ask = nobody) -> ModelView:
    """Likely codes of the free residues of one scene, decoded.

    The probability of a code is the mean of what the model gives it while all neighbours are hidden and of how often
    it is drawn in samples, which see the neighbours that were drawn before.

    Parameters
    ----------
    model : SideChainModel
    scene : Scene
        One example.
    seed : int
    samples : int
        0 for none.
    ask : callable
        Called again and again; what it raises ends it.
    """
    ask()
    seen = model.look(scene)
    tokens = torch.full(scene.aatype.shape, model.hidden)
    known = torch.where(scene.known, model.encode(scene, seen).code, torch.full_like(tokens, model.nothing))
    tokens = torch.where(scene.free, tokens, known)
    logits = model.predict(scene, seen, tokens, torch.ones(1))
    probability = logits.float().softmax(-1)[0]
    codes = probability.topk(_LIKELIEST, -1).indices.T
    if samples:
        drawn = _drawn(model, scene, seed, samples, ask)
        drawn = torch.where(scene.free, drawn, torch.zeros_like(drawn))
        often = torch.zeros_like(probability).scatter_add_(
            1, drawn.T, torch.full(drawn.T.shape, 1.0 / samples, dtype=probability.dtype)
        )
        probability = 0.5 * (probability + often)
        codes = torch.cat([codes, drawn])
    repeated = (codes.T[:, :, None] == codes.T[:, None]).tril(-1).any(-1).T
    found = probability.gather(1, codes.T).T.masked_fill(repeated, 0.0)
    chi, deviation = [], []
    for row in codes:
        ask()
        decoded = model.decode(scene, seen, model.codebook.vector(row[None]))
        chi.append(torch.atan2(decoded.turns[0, :, :CHIS, 1], decoded.turns[0, :, :CHIS, 0]))
        deviation.append(decoded.deviation[0])
    return ModelView(torch.stack(chi), torch.stack(deviation), found)


def _drawn(model: SideChainModel, scene: Scene, seed: int, samples: int, ask: Ask) -> Tensor:
    """Tokens (samples, N), each sample with random numbers of its own, as many at once as memory is meant for."""
    fitting = max(1, _SAMPLED_AT_ONCE // scene.aatype.shape[1])
    together = max(count for count in range(1, samples + 1) if samples % count == 0 and count <= fitting)
    sampler = Sampler(model, scene, together)
    found = []
    for first in range(0, samples, together):
        ask()
        numbers = [torch.Generator().manual_seed(seed + NEXT_SEED * k) for k in range(first, first + together)]
        found.append(sampler.draw(sampler.all_hidden(), numbers, _STEPS).tokens)
    return torch.cat(found)


def propose(task: PackingTask, views: list[tuple[Tensor, ModelView]], ask: Ask = nobody) -> Candidates:
    """All candidates of all residues that move.

    Parameters
    ----------
    task : PackingTask
    views : list of (Tensor of bool, shape (N,), ModelView)
        What the model says, and of which residues; may be empty.
    ask : callable
        Called between pieces.

    Returns
    -------
    Candidates
        That which is given comes first where a residue is changeable.
    """
    owner, chi, deviation, given = [], [], [], []
    measured, _ = measured_torsions(task.given, task.aatype, task.present)
    movable = task.movable
    straight = torch.zeros(SLOTS, 3)
    view_of: dict[int, ModelView] = {i: v for mask, v in views for i in torch.nonzero(mask & movable)[:, 0].tolist()}
    library = {row: torch.as_tensor(each.chi, dtype=torch.float32) for row, each in rotamers_of().items()}
    local = _local_rotamers(task)
    fixed = _fixed(task)
    for i in torch.nonzero(movable)[:, 0].tolist():
        own = library.get(int(task.aatype[i]), torch.zeros(0, CHIS))
        if i in local:
            own = torch.cat([torch.as_tensor(local[i].likeliest(_LOCAL), dtype=own.dtype), own])
        parts, bends = [own], [straight.expand(len(own), SLOTS, 3)]
        if (view := view_of.get(i)) is not None:
            parts.insert(0, view.chi[:, i])
            bends.insert(0, view.deviation[:, i])
        if task.changeable[i]:
            parts.insert(0, measured[i, None])
            bends.insert(0, straight[None])
        turns = torch.cat(parts)
        turns = torch.where(fixed[i], measured[i], turns)  # what is there of an open residue says how it lies
        owner.append(torch.full((len(turns),), i))
        chi.append(turns)
        deviation.append(torch.cat(bends))
        first = torch.zeros(len(turns), dtype=torch.bool)
        first[0] = bool(task.changeable[i])
        given.append(first)
    if not owner:
        none = torch.zeros(0, dtype=torch.int64)
        return Candidates(
            none, torch.zeros(0, CHIS), torch.zeros(0, SLOTS, 3), torch.zeros(0), torch.zeros(0, 14, 3), none.bool()
        )
    rows, torsions, bent = torch.cat(owner), torch.cat(chi), torch.cat(deviation)
    there = torch.cat(given)
    built = [task.build(rows[part], torsions[part], bent[part]) for part in in_pieces(len(rows), ask)]
    atoms = torch.where(there[:, None, None], task.given[rows], torch.cat(built))
    likely = _log_probability(task, rows, torsions, view_of, local)
    return Candidates(rows, torsions, bent, likely, atoms, there)


def _log_probability(
    task: PackingTask, owner: Tensor, chi: Tensor, views: dict[int, ModelView], local: Mapping[int, LocalRotamers]
) -> Tensor:
    """Log probability (C,) of torsions (C, 4): the backbone's and, where the model says something, the model's.

    Both count, although the model sees the backbone too: it is far from what the tables and contacts know together
    (see docs/results.md), and what is said twice is what both are sure of.
    """
    angles = chi.detach().numpy()
    library = chi_log_density(task.aatype[owner].numpy(), angles)
    exists = geometry_table().chi_exists[task.aatype]
    ends = torch.bincount(owner, minlength=task.n_residues).cumsum(0).tolist()
    result = torch.as_tensor(library, dtype=torch.float32)
    for i in torch.unique(owner).tolist():
        rows = slice(ends[i - 1] if i else 0, ends[i])
        anywhere = result[rows].clone()
        if i in local:
            result[rows] = torch.as_tensor(local[i].log_density(angles[rows]), dtype=result.dtype)
        if (view := views.get(i)) is not None:
            kind = task.aatype[i].expand(len(anywhere), len(view.chi))
            off = chi_difference(chi[rows, None], view.chi[None, :, i], kind)
            square = torch.where(exists[i], off / _WIDTH, torch.zeros_like(off)).square().sum(-1)
            said = (torch.exp(-0.5 * square) * view.probability[:, i]).sum(-1)
            result[rows] += torch.log((1 - _LIBRARY) * said + _LIBRARY * anywhere.exp())
    return result


def _local_rotamers(task: PackingTask) -> dict[int, LocalRotamers]:
    """Rotamers of movable residues whose phi and psi are defined."""
    chain, number = task.chain_index, task.residue_index
    linked = (chain[1:] == chain[:-1]) & (number[1:] == number[:-1] + 1)
    torsions = backbone_torsions(task.backbone.double().numpy(), linked.numpy())
    defined = np.isfinite(torsions.phi) & np.isfinite(torsions.psi) & task.movable.numpy()
    tables = backbone_rotamers()
    kinds = task.aatype.tolist()
    return {
        i: tables[kinds[i]].at(float(torsions.phi[i]), float(torsions.psi[i]))
        for i in np.flatnonzero(defined).tolist()
        if kinds[i] in tables
    }


def _fixed(task: PackingTask) -> Tensor:
    """Torsions (N, 4) of open residues that their atoms tell."""
    _, known = measured_torsions(task.given, task.aatype, task.present)
    return known & task.open[:, None]
