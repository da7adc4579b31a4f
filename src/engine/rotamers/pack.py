"""Rotamers of all residues chosen together: by the model's probability, the map, and what they would run into."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ..sidechain.build import build_side_chains, measure_deviation
from ..sidechain.geometry_table import geometry_table
from ..sidechain.measure import canonical, chi_difference
from ..sidechain.network import SideChainModel
from ..sidechain.scene import Scene
from ..sidechain.templates import BACKBONE, CHIS
from .candidates import SAMPLES, Candidates, ModelView, look_with, propose
from .choose import choose
from .descent import descend, descend_together
from .energy import MOVING, Energies, fixed_atoms, pair_energies
from .evidence import MARGIN, worth_changing
from .field import DensityField, MapView, density_field
from .marginals import expected_cost, mean_field, mean_squares
from .pieces import Ask, in_pieces, nobody
from .task import PackingTask

__all__ = ["Packed", "Views", "look_at", "pack", "questions"]

_BELIEF = 0.45
"""Weight of the log probabilities beside contacts, which tell in part the same; that of the backbone's is the one that
`adp3d.training.contact_statistics` fits, that of the model's was chosen on validation chains."""
_TRIED = 12
"""Candidates of a residue that are moved, each by itself."""
_KEPT = 12
"""Candidates of a residue among which those of all are chosen, after they have moved by themselves."""
_APART = np.deg2rad(20.0)
"""Radians by which two candidates of a residue differ in some torsion, or else the worse one is left out."""
_OTHER = np.deg2rad(30.0)
"""Radians by which some torsion differs in another side chain than the given one; what is nearer is the same one."""
_SLACK = 15.0
"""Nats by which a candidate of a changeable residue may be worse than the given side chain and still be looked at: what
a clash with a neighbour's best side chain can turn."""
_STEPS_ALONE, _STEPS_TOGETHER = 10, 25


Views = list[tuple[Tensor, ModelView]]
"""What a model says, and of which residues (N,)."""


@dataclass(frozen=True)
class Packed:
    """N residues with side chains.

    Attributes
    ----------
    atoms : Tensor, shape (N, 14, 3)
        In angstrom.
    present : Tensor of bool, shape (N, 14)
    built : Tensor of bool, shape (N,)
        Residues that got atoms.
    changed : Tensor of bool, shape (N,)
        Residues that had another side chain, which the map contradicts.
    field : DensityField or None
        What the map says of single atoms.
    """

    atoms: Tensor
    present: Tensor
    built: Tensor
    changed: Tensor
    field: DensityField | None


def pack(task: PackingTask, views: Views, view: MapView | None, seed: int, ask: Ask = nobody) -> Packed:
    """Give residues the side chains that explain best what is known.

    Candidates are what the model thinks likely and the rotamers of the library, each moved into the density by itself;
    one of each residue is chosen so that the sum over all residues of

        - log probability - log-likelihood in the map + contacts with what is fixed

    and over all pairs of the contacts between them, all in nats, is least (`adp3d.rotamers.choose`); then all move
    together. Without a map many combinations are nearly as good: chosen is then, of each residue, what is expected to
    be nearest to the truth (`adp3d.rotamers.marginals`). Changeable residues keep what they have unless something else
    is better by a margin and correlates better with the map as well.

    Parameters
    ----------
    task : PackingTask
    views : list of (Tensor of bool, shape (N,), ModelView)
        What the model says (`look_at`); where it says nothing, the library alone tells what is likely.
    view : MapView, optional
        Without, changeable residues stay.
    seed : int
        The same seed gives the same side chains.
    ask : callable
        Called between pieces of a second or so; what it raises ends it.
    """
    ask()
    task = _without_map(task) if view is None else task
    fixed, elements = fixed_atoms(task)
    field = None if view is None else density_field(view.map, view.noise, fixed.xyz, elements)
    energies = Energies(fixed, cKDTree(fixed.xyz), field)
    with torch.no_grad():
        candidates = propose(task, views, ask)
        candidates = _thinned(task, energies, candidates, ask)
    if field is not None:  # contacts alone tell rotamers apart, not how each of them lies best
        candidates = descend(task, energies, candidates, _STEPS_ALONE, ask)
    with torch.no_grad():
        candidates, own = _distinct(task, energies, candidates, ask)
        ask()
        chosen = _choose(task, candidates, own, seed, expected=field is None)
        if view is not None and field is not None:
            refused = ~worth_changing(task, chosen, field)
            if bool(refused.any()):  # the others are chosen again beside those that stay
                stays = torch.zeros(task.n_residues, dtype=torch.bool)
                stays[chosen.owner[refused]] = True
                rows = torch.nonzero(~stays[candidates.owner] | candidates.given)[:, 0]
                chosen = _choose(task, candidates.take(rows), own[rows], seed)
    ask()
    final = descend_together(task, energies, _loosened(task, chosen), _STEPS_TOGETHER)
    return _assembled(task, final, chosen.given, field)


def _without_map(task: PackingTask) -> PackingTask:
    return replace(task, changeable=torch.zeros_like(task.changeable))


def look_at(task: PackingTask, model: SideChainModel, view: MapView | None, seed: int, ask: Ask = nobody) -> Views:
    """What the model says of open residues beside known ones, and of changeable ones as if none of these were known.

    Parameters
    ----------
    task : PackingTask
    model : SideChainModel
    view : MapView, optional
    seed : int
        Of the samples.
    ask : callable
        Called again and again; what it raises ends it.
    """
    views: Views = []
    for residues, known in questions(task, view is not None):
        samples = 0 if residues is task.changeable else SAMPLES
        views.append((residues, look_with(model, _scene(task, known, view), seed, samples, ask)))
    return views


def questions(task: PackingTask, with_map: bool) -> list[tuple[Tensor, Tensor]]:
    """Which residues (N,) a network is asked about, and whose side chains (N,) it is shown meanwhile.

    Open ones beside all that is complete; with a map, changeable ones as if none of these were known.
    """
    settled = task.complete & ~task.open
    asked = [(task.open, settled)]
    if with_map:
        asked.append((task.changeable, settled & ~task.changeable))
    return [(residues, known) for residues, known in asked if bool((task.movable & residues).any())]


def _scene(task: PackingTask, known: Tensor, view: MapView | None) -> Scene:
    atoms = torch.cat([task.backbone, task.given[:, len(BACKBONE) :]], 1)
    everywhere = torch.ones(1, task.n_residues, dtype=torch.bool)
    return Scene(
        atoms[None], everywhere, (task.present[:, len(BACKBONE) :] & known[:, None])[None], known[None],
        task.aatype[None], task.chain_index[None], task.residue_index[None], everywhere,
        None if view is None else view.grids,
    )  # fmt: skip


def _own_energy(task: PackingTask, energies: Energies, candidates: Candidates, ask: Ask) -> Tensor:
    found = []
    for part in in_pieces(len(candidates.owner), ask):
        atoms, owner = candidates.atoms[part], candidates.owner[part]
        contacts = energies.surface(atoms, task.aatype[owner], owner).energy(atoms)
        belief = _BELIEF * candidates.log_probability[part]
        found.append(contacts - energies.map_gain(atoms, task.aatype[owner]) - belief)
    own = torch.cat(found)
    return torch.where(candidates.given, own - MARGIN, own)


def _thinned(task: PackingTask, energies: Energies, candidates: Candidates, ask: Ask) -> Candidates:
    """The most promising candidates of each residue that differ."""
    own = _own_energy(task, energies, candidates, ask)
    return candidates.take(_unlike(task, candidates, own, _TRIED))


def _distinct(task: PackingTask, energies: Energies, candidates: Candidates, ask: Ask) -> tuple[Candidates, Tensor]:
    """Candidates that differ, and their energies; those that are given beside others that differ from them."""
    own = _own_energy(task, energies, candidates, ask)
    rows = _unlike(task, candidates, own, _KEPT, _OTHER)
    few, own = candidates.take(rows), own[rows]
    # of a changeable residue nothing is left but what is given, if all else is worse already
    least = torch.full((task.n_residues,), torch.inf).index_put((few.owner[few.given],), own[few.given])
    rows = torch.nonzero(few.given | (own < least[few.owner] + _SLACK) | least[few.owner].isinf())[:, 0]
    return few.take(rows), own[rows]


def _unlike(task: PackingTask, candidates: Candidates, own: Tensor, most: int, other: float = 0.0) -> Tensor:
    """Rows, rising, of up to ``most`` candidates of each residue, the better one of two that are alike.

    What is given comes first; others differ from it by ``other`` radians in some torsion.
    """
    keep = []
    ends = torch.bincount(candidates.owner, minlength=task.n_residues).cumsum(0).tolist()
    for i, end in enumerate(ends):
        start = ends[i - 1] if i else 0
        if start == end:
            continue
        chi = candidates.chi[start:end]
        off = chi_difference(chi[:, None], chi[None], task.aatype[i].expand(end - start, end - start))
        exists = geometry_table().chi_exists[task.aatype[i]]
        alike = ((off < _APART) | ~exists).all(-1)
        given = candidates.given[start:end]
        cost = own[start:end].masked_fill(given, -torch.inf)
        same = ((off[:, given] < other) | ~exists).all(-1).any(-1) & ~given
        taken: list[int] = []
        left = ~same
        for c in torch.argsort(cost, stable=True).tolist():
            if left[c]:
                taken.append(c)
                left = left & ~alike[c]
                if len(taken) == most:
                    break
        keep += sorted(start + c for c in taken)
    return torch.tensor(keep, dtype=torch.int64)


def _choose(task: PackingTask, candidates: Candidates, own: Tensor, seed: int, expected: bool = False) -> Candidates:
    """One candidate for each residue that has any.

    The best combination, or, ``expected``, that which is expected to be wrong by least, where what repels has its say.
    """
    if not len(candidates.owner):
        return candidates
    _, counts = torch.unique_consecutive(candidates.owner, return_counts=True)
    beta = build_side_chains(task.backbone, task.aatype, torch.zeros(task.n_residues, CHIS))[:, MOVING - 1]
    aatype = task.aatype[candidates.owner]
    pairs = pair_energies(candidates.atoms, aatype, candidates.owner, beta.double().numpy())
    each = [part.double().numpy() for part in own.split(counts.tolist())]
    chosen = choose(each, pairs, seed)
    starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)[:-1]])
    if expected:
        kinds = aatype[starts].tolist()
        parts = zip(candidates.atoms.split(counts.tolist()), kinds, mean_field(each, pairs, chosen), strict=True)
        costs = [expected_cost(mean_squares(atoms, kind), likely) for atoms, kind, likely in parts]
        chosen = choose(costs, {both: np.maximum(table, 0.0) for both, table in pairs.items()}, seed)
    return candidates.take(starts + torch.from_numpy(chosen))


def _loosened(task: PackingTask, chosen: Candidates) -> Candidates:
    """The given side chains of loose residues as candidates that may move, with the bonds and angles that they have."""
    rows = torch.nonzero(chosen.given & task.loose[chosen.owner])[:, 0]
    if not len(rows):
        return chosen
    bent = measure_deviation(chosen.atoms[rows], task.aatype[chosen.owner[rows]], chosen.chi[rows])
    return replace(
        chosen,
        deviation=chosen.deviation.index_copy(0, rows, bent),
        given=chosen.given.index_fill(0, rows, False),
    )


def _assembled(task: PackingTask, chosen: Candidates, kept: Tensor, field: DensityField | None) -> Packed:
    table = geometry_table()
    atoms = task.given.clone()
    atoms[:, : len(BACKBONE)] = task.backbone
    built = task.open & ~task.complete
    # residues without torsions have but CB
    plain = torch.nonzero(task.open & ~task.movable)[:, 0]
    none = torch.zeros(len(plain), CHIS)
    straight = torch.zeros(len(plain), *table.length.shape[1:], 3)
    atoms[plain] = task.build(plain, none, straight)
    moved = ~chosen.given
    atoms[chosen.owner[moved]] = chosen.atoms[moved]
    changed = torch.zeros_like(task.open)
    changed[chosen.owner[moved]] = True
    changed &= task.changeable
    # what was only turned a little into the density is no other side chain
    fitted = torch.zeros_like(changed).index_fill(0, chosen.owner[moved & kept], True)
    changed &= ~fitted
    present = task.present.clone()
    present[:, : len(BACKBONE)] = True
    complete = torch.cat([present[:, : len(BACKBONE)], table.exists[task.aatype]], -1)
    new = built | changed
    present = torch.where(new[:, None], complete, present)
    named, _ = canonical(atoms, task.aatype, present)
    free = new & ~(task.present[:, MOVING:] & task.open[:, None]).any(-1)
    atoms = torch.where(free[:, None, None], named, atoms)
    return Packed(atoms, present, built, changed, field)
