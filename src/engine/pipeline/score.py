"""Energies of models in files: what a prior finds them worth, by residue and between chains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..contract.specs.score import ScoreSettings, sides_of
from ..energy.structure import Energy, EnergySettings
from ..job.memory import Estimate
from ..job.runtime import choose_device, set_threads
from ..structure.missing_oxygen import place_missing_oxygen
from ..structure.observed import ObservedChain, observe_chains
from ..structure.polymer import Polymer
from ..structure.read import read_structure
from ..validation.superpose import kabsch, rmsd
from .common_residues import Label, common_residues
from .joint_energy import AnySettings, JointSettings, sub_polymer
from .score_energies import fitting_memory, group_energy
from .sequence_energy import SequenceSettings
from .unfinished_scores import UnfinishedScores

__all__ = ["Score", "ScoredModel", "read_models", "score_models", "score_with"]


@dataclass(frozen=True)
class ScoredModel:
    """The backbone of one model of a file.

    Attributes
    ----------
    name : str
        File, and number of the model where it has several.
    polymer : Polymer
        Residues that have N, CA and C; a missing one is a break.
    x : ndarray, shape (N, 4, 3)
        In angstrom; O is placed where it lacks.
    labels : tuple of (str, int, str)
        Chain, number and insertion code.
    left_out : int
        Residues without a backbone.
    """

    name: str
    polymer: Polymer
    x: NDArray[np.float64]
    labels: tuple[Label, ...]
    left_out: int

    def same_molecule(self, other: ScoredModel) -> bool:
        """Whether energies of both can be compared: the same residues, chain by chain.

        Which of them are bonded is not asked: that is judged by distances, which strained models have wrong.
        """
        mine, others = self.polymer, other.polymer
        return mine.sequence == others.sequence and np.array_equal(mine.chain_index, others.chain_index)


@dataclass(frozen=True)
class Score:
    """Energy of one model.

    Attributes
    ----------
    model : ScoredModel
    group : int
        Models of one group are the same molecule; only their energies can be compared.
    energy : float
        In nats: of the whole, or of the interface.
    standard_error : float
        Of the random numbers; most of it is common to all models of a group.
    per_residue : ndarray, shape (N,)
        In nats; sums to the energy.
    ca_rmsd : float or None
        To the reference, superposed, in angstrom; None without one, or where it has no residue of the model.
    compared : int
        Residues that were compared with it.
    """

    model: ScoredModel
    group: int
    energy: float
    standard_error: float
    per_residue: NDArray[np.float64]
    ca_rmsd: float | None
    compared: int = 0


def read_models(path: str | Path, label: str = "") -> list[ScoredModel]:
    """Protein backbones of all models of a file.

    Parameters
    ----------
    path : str or Path
    label : str
        What to call them; by default the name of the file.

    Raises
    ------
    InputError
        If the file cannot be read, or a model shows no backbone.
    """
    structure = read_structure(path)
    several = len(structure) > 1
    found = []
    for number, model in enumerate(structure, 1):
        single = gemmi.Structure()
        single.add_model(model)
        single.setup_entities()
        called = label or Path(path).name
        name = f"{called} {number}" if several else called
        found.append(_backbone(name, observe_chains(single)))
    return found


def score_models(
    models: Sequence[ScoredModel],
    settings: AnySettings,
    prior: str = "builtin",
    device: str = "auto",
    sides: tuple[Sequence[str], Sequence[str]] | None = None,
    reference: ScoredModel | None = None,
    told: Callable[[int, int], None] = lambda done, total: None,
    unfinished: UnfinishedScores | None = None,
    announce: Callable[[Estimate, int], None] = lambda estimate, count: None,
) -> list[Score]:
    """Energies of models, in the order given.

    Parameters
    ----------
    models : sequence of ScoredModel
    settings : EnergySettings, SequenceSettings or JointSettings
        The second asks a design network, not the prior, the third both.
    prior, device : str
    sides : pair of sequences of str, optional
        Chains on either side of an interface, whose energy is asked for; other chains are left out.
    reference : ScoredModel, optional
        Compared with the residues that a model shares with it.
    told : callable
        Hears how many models are done, of how many; may raise to stop.
    unfinished : UnfinishedScores, optional
        Holds what an earlier run has computed, and keeps what this one does.
    announce : callable
        Hears what each group of models will take, and how many these are.

    Raises
    ------
    InputError
        If there is no such prior, no such chains, or the design network is missing.
    """
    chosen = choose_device(device)
    set_threads()
    if sides is not None:
        models = [_only(model, (*sides[0], *sides[1])) for model in models]
        reference = None if reference is None else _only(reference, (*sides[0], *sides[1]))
    models = _in_one_order(models)
    groups: list[list[int]] = []
    for i, model in enumerate(models):
        mates = next((group for group in groups if models[group[0]].same_molecule(model)), None)
        if mates is None:
            groups.append([i])
        else:
            mates.append(i)
    scores: dict[int, Score] = {}
    for number, group in enumerate(groups):
        first = models[group[0]]
        polymer = _as_any_is_bonded([models[i] for i in group] + ([] if reference is None else [reference]))
        x = torch.as_tensor(_aligned([models[i].x for i in group]), dtype=torch.float32, device=chosen)
        rows = None
        if sides is not None:
            rows = [np.flatnonzero([label[0] in side for label in first.labels]) for side in sides]
        fitted, estimate = fitting_memory(settings, prior, len(group), polymer.n_residues, chosen)
        if estimate is not None:
            announce(estimate, len(group))
        listener = partial(_told_of_group, told, len(scores), len(models))
        energy = group_energy(polymer, prior, x, fitted, rows, listener, unfinished)
        for k, i in enumerate(group):
            scores[i] = _score(models[i], number, energy, k, reference)
        told(len(scores), len(models))
    return [scores[i] for i in range(len(models))]


def score_with(
    models: Sequence[ScoredModel],
    settings: ScoreSettings,
    told: Callable[[int, int], None] = lambda done, total: None,
    unfinished: UnfinishedScores | None = None,
    announce: Callable[[Estimate, int], None] = lambda estimate, count: None,
) -> list[Score]:
    """Energies of models, in the order given, as a user asks for them.

    Parameters
    ----------
    models : sequence of ScoredModel
    settings : ScoreSettings
    told, unfinished, announce
        As in `score_models`.

    Raises
    ------
    InputError
        As `score_models`, or if the reference cannot be read.
    """
    suits = SequenceSettings(settings.draws, settings.seed, settings.sequence_model)
    how: AnySettings = suits
    if settings.method != "sequence":
        how = EnergySettings(
            method=settings.method,  # type: ignore[arg-type]  # one of `METHODS`
            steps=settings.steps,
            draws=settings.draws,
            lowest=settings.lowest,
            seed=settings.seed,
            settle=settings.settle,
            integrator=settings.integrator,  # type: ignore[arg-type]  # one of `INTEGRATORS`
        )
        if settings.sequence_weight > 0:
            how = JointSettings(how, suits, settings.sequence_weight)
    sides = None if settings.interface is None else sides_of(settings.interface)
    reference = None if settings.reference is None else read_models(settings.reference)[0]
    return score_models(models, how, settings.prior, settings.device, sides, reference, told, unfinished, announce)


def _in_one_order(models: Sequence[ScoredModel]) -> list[ScoredModel]:
    """Models whose chains have the same names get them in the order of the first of these."""
    orders: dict[frozenset[str], tuple[str, ...]] = {}
    found = []
    for model in models:
        names = model.polymer.chain_ids
        order = orders.setdefault(frozenset(names), names)
        found.append(model if order == names or len(order) != len(names) else _chains_of(model, order))
    return found


def _chains_of(model: ScoredModel, names: Sequence[str]) -> ScoredModel:
    """Chains of a model, in this order."""
    rows = np.concatenate([np.flatnonzero([label[0] == name for label in model.labels]) for name in names])
    labels = tuple(model.labels[row] for row in rows)
    return ScoredModel(model.name, sub_polymer(model.polymer, rows), model.x[rows], labels, model.left_out)


def _as_any_is_bonded(models: Sequence[ScoredModel]) -> Polymer:
    """Polymer of models of one molecule, the first of them: bonded where any of them is.

    A bond that is too long in one of them is strain, which its energy is to tell; a break that all have is one.
    """
    first = models[0].polymer
    alike = [model.polymer.residue_index for model in models if model.same_molecule(models[0])]
    bonded = (np.diff(np.stack(alike)) == 1).any(0)
    jumps = np.append(0, np.cumsum(np.where(bonded, 1, 2)))
    starts = np.searchsorted(first.chain_index, np.arange(len(first.chain_ids)))
    return replace(first, residue_index=jumps - jumps[starts][first.chain_index])


def _aligned(backbones: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Structures of one molecule, (structure, N, 4, 3), turned as the first is.

    A prior does not mind how a molecule is turned, but the noise, which all get alike, does not turn with it.
    """
    x = np.stack(backbones)
    return kabsch(x[:, :, 1], x[0, :, 1]).apply(x.reshape(len(x), -1, 3)).reshape(x.shape)


def _told_of_group(told: Callable[[int, int], None], before: int, total: int, done: int) -> None:
    told(before + done, total)


def _score(model: ScoredModel, group: int, energy: Energy, k: int, reference: ScoredModel | None) -> Score:
    away, compared = None, 0
    if reference is not None:
        mine, others = common_residues(
            model.labels, model.polymer.sequence, reference.labels, reference.polymer.sequence
        )
        compared = len(mine)
        if compared:
            away = float(rmsd(model.x[mine, 1], reference.x[others, 1], superposed=True))
    each = energy.per_residue[k].double().cpu().numpy()
    return Score(model, group, float(each.sum()), float(energy.standard_error[k]), each, away, compared)


def _backbone(name: str, chains: Sequence[ObservedChain]) -> ScoredModel:
    """Residues with a backbone; positions jump where one is missing or no bond leads on."""
    parts: list[NDArray[np.float64]] = []
    letters: list[str] = []
    chain_index: list[int] = []
    residue_index: list[int] = []
    labels: list[Label] = []
    names: list[str] = []
    left_out = 0
    for chain in chains:
        rows = np.flatnonzero(np.isfinite(chain.xyz[:, :3]).all((1, 2)))
        left_out += len(chain) - len(rows)
        if not len(rows):
            continue
        bonded = np.append((np.diff(rows) == 1) & chain.bonded[rows[:-1]], False)
        xyz = chain.xyz[rows].copy()
        lacking = ~np.isfinite(xyz[:, 3]).all(-1)
        xyz[lacking, 3] = place_missing_oxygen(xyz, bonded)[lacking]
        parts.append(xyz)
        letters += [chain.codes[row] for row in rows]
        chain_index += [len(names)] * len(rows)
        # a position is left free at each break
        residue_index += np.concatenate([[0], np.cumsum(np.where(bonded[:-1], 1, 2))]).tolist()
        labels += [(chain.chain_id, *chain.numbers[row]) for row in rows]
        names.append(chain.chain_id)
    if not parts:
        raise InputError(f"{name} shows no protein backbone: atoms N, CA and C are needed.")
    polymer = Polymer("".join(letters), np.array(chain_index), np.array(residue_index, np.int64), tuple(names))
    return ScoredModel(name, polymer, np.concatenate(parts), tuple(labels), left_out)


def _only(model: ScoredModel, chains: Sequence[str]) -> ScoredModel:
    """Some chains of a model."""
    missing = [chain for chain in chains if chain not in model.polymer.chain_ids]
    if missing:
        raise InputError(
            f"{model.name} has no chain {missing[0]} with protein in it; it has {', '.join(model.polymer.chain_ids)}."
        )
    return _chains_of(model, [name for name in model.polymer.chain_ids if name in chains])
