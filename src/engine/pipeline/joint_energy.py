"""Energies of structures by a prior, by a design network, or by both together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..energy.interface import interface_energy
from ..energy.structure import Energy, EnergySettings, structure_energy
from ..prior.registry import load_prior
from ..structure.polymer import Polymer
from .sequence_energy import SequenceSettings, sequence_energy, sequence_interface_energy

__all__ = ["AnySettings", "JointSettings", "joint_energy", "joint_interface_energy", "sub_polymer"]


@dataclass(frozen=True)
class JointSettings:
    r"""How :math:`-\log p(x) - w \log p(s \mid x)` is computed.

    For a prior that has not seen the sequence and a weight of 1 it is :math:`-\log p(x \mid s)` by Bayes' rule, up to a
    constant. The terms are of different making: energies of a prior differ by thousands of nats for what is a little
    strained, those of the sequence by tens for what is folded wrongly. So the weight is free.

    Attributes
    ----------
    prior : EnergySettings
    sequence : SequenceSettings
    weight : float
        w.
    """

    prior: EnergySettings
    sequence: SequenceSettings
    weight: float


AnySettings = EnergySettings | SequenceSettings | JointSettings


def joint_energy(
    polymer: Polymer,
    prior: str,
    x: Tensor,
    settings: AnySettings,
    told: Callable[[int], None] = lambda done: None,
) -> Energy:
    """Energies of structures x (structure, N, 4, 3) of one molecule, in nats.

    Parameters
    ----------
    polymer : Polymer
    prior : str
        Its name; a design network alone does without.
    x : Tensor
        In angstrom, on the device to compute on.
    settings : EnergySettings, SequenceSettings or JointSettings
    told : callable
        Hears how many structures are done, and may raise to stop.

    Raises
    ------
    InputError
        If there is no such prior, or the weights of the design network are missing.
    """
    if isinstance(settings, SequenceSettings):
        return sequence_energy(polymer, x, settings, told)
    if isinstance(settings, EnergySettings):
        return structure_energy(load_prior(prior, polymer, x.device), x, settings, told=told)
    # the quick one first: it is the one whose weights may be missing
    suits = sequence_energy(polymer, x, settings.sequence, lambda done: told(0))
    return _sum(joint_energy(polymer, prior, x, settings.prior, told), suits, settings.weight)


def joint_interface_energy(
    polymer: Polymer, prior: str, x: Tensor, sides: Sequence[NDArray[np.int64]], settings: AnySettings
) -> Energy:
    """Energies of complexes x (pose, N, 4, 3) less those of their sides (their rows); else as `joint_energy`."""
    if isinstance(settings, JointSettings):
        suits = joint_interface_energy(polymer, prior, x, sides, settings.sequence)
        return _sum(joint_interface_energy(polymer, prior, x, sides, settings.prior), suits, settings.weight)
    polymers = [sub_polymer(polymer, rows) for rows in sides]
    if isinstance(settings, SequenceSettings):
        return sequence_interface_energy(polymer, list(zip(polymers, sides, strict=True)), x, settings)
    parts = [load_prior(prior, part, x.device) for part in polymers]
    whole = load_prior(prior, polymer, x.device)
    return interface_energy(parts, whole, x, [torch.from_numpy(rows) for rows in sides], settings)


def sub_polymer(polymer: Polymer, rows: NDArray[np.int64]) -> Polymer:
    """Some residues of a polymer, of whole chains, in order."""
    chains = list(dict.fromkeys(polymer.chain_index[rows].tolist()))
    numbered = {chain: k for k, chain in enumerate(chains)}
    return Polymer(
        "".join(polymer.sequence[i] for i in rows),
        np.array([numbered[c] for c in polymer.chain_index[rows].tolist()], np.int64),
        polymer.residue_index[rows],
        tuple(polymer.chain_ids[chain] for chain in chains),
    )


def _sum(first: Energy, second: Energy, weight: float) -> Energy:
    """Sum of two energies, the second weighted; their random numbers are independent."""
    error = torch.hypot(first.standard_error, weight * second.standard_error)
    return Energy(first.per_residue + weight * second.per_residue, error)
