"""Energies of structures: what a prior finds them worth, as a whole, by residue and between parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from ..prior.evidence import Evidence, KnownAtoms
from ..prior.protocol import Prior
from .contributions import Contributions, Denoise, Noise, normal_numbers
from .denoising import denoising_energy_integral
from .flow import Integrator, flow_energy
from .path import path_energy
from .settled import settled
from .whitened import HIGHEST_TIME, LOWEST_TIME, WhitenedPrior

__all__ = ["METHODS", "Energy", "EnergySettings", "Method", "Part", "contributions", "structure_energy"]

Method = Literal["flow", "path", "denoising"]
METHODS: tuple[Method, ...] = ("flow", "path", "denoising")


_EXACT = 1e-3
"""Standard deviation in angstrom of atoms that are shown: single precision holds them no more exactly."""


@dataclass(frozen=True)
class EnergySettings:
    """How energies are computed.

    Attributes
    ----------
    method : str
        ``flow`` integrates along the probability flow, with gradients; ``path`` along random diffusion paths;
        ``denoising`` sums errors of denoising, noise level by noise level.
    steps : int
        Noise levels, less one.
    draws : int
        Probes, paths, or sets of noise.
    lowest, highest : float
        Diffusion times.
    seed : int
    batch : int
        Structures computed at once.
    placed : bool
        Of an interface: whether parts alone lie where they lie in the complex. A prior for which chains are independent
        then gives zero; but one that has only seen molecules about the origin, as all trained ones have, takes a part
        for the less likely the farther off it lies (by tens of nats). By default each lies about its own middle.
    in_turn : bool
        Of an interface, of errors of denoising, and of priors that see known atoms: whether parts are noisy in turn,
        with the others shown where they are, and not all at once.
    settle : float
        Diffusion time that structures are brought down from first (`adp3d.energy.settled`); 0 takes them as they are.
        Interfaces are always taken as they are.
    integrator : str
        Of the flow, one of `adp3d.energy.flow.INTEGRATORS`.
    """

    method: Method = "denoising"
    steps: int = 40
    draws: int = 2
    lowest: float = LOWEST_TIME
    highest: float = HIGHEST_TIME
    seed: int = 0
    batch: int = 8
    placed: bool = False
    in_turn: bool = True
    settle: float = 0.0
    integrator: Integrator = "heun"


@dataclass(frozen=True)
class Energy:
    r""":math:`-\log p(x)` of structures of one molecule.

    Attributes
    ----------
    per_residue : Tensor, shape (structure, N)
        In nats, for coordinates in angstrom; summed over the residues they are the total.
    standard_error : Tensor, shape (structure,)
        Of the total, from the draws; most of it is common to all structures, which get the same noise.
    """

    per_residue: Tensor
    standard_error: Tensor

    @property
    def total(self) -> Tensor:
        """Of each structure, (structure,), in nats."""
        return self.per_residue.sum(-1)


@dataclass(frozen=True)
class Part:
    """A molecule that is a part of another, and gets the same noise.

    Attributes
    ----------
    rows : Tensor of int64, shape (N,)
        Its residues among those of the whole.
    size : int
        Residues of the whole.
    centre : Tensor, shape (structure, 3)
        What is taken for the origin, in angstrom.
    """

    rows: Tensor
    size: int
    centre: Tensor


def structure_energy(
    prior: Prior,
    x: Tensor,
    settings: EnergySettings,
    *,
    part: Part | None = None,
    turns: Tensor | None = None,
    told: Callable[[int], None] = lambda done: None,
) -> Energy:
    """Energies of structures of one molecule.

    Parameters
    ----------
    prior : Prior
        Bound to the molecule's residues.
    x : Tensor, shape (structure, N, 4, 3)
        Backbones in angstrom.
    settings : EnergySettings
    part : Part, optional
        Says that the molecule is a part of another one.
    turns : Tensor, shape (structure, N, 3, 3), optional
        Rotations by which each structure's noise is turned, residue by residue. Noise has no direction, so this changes
        no expectation; noise that turns with rigid parts makes energies comparable that would differ by chance.
    told : callable
        Hears how many structures are done, and may raise to stop.
    """
    each, error = contributions(prior, x, settings, part=part, turns=turns, told=told)
    return Energy(each + WhitenedPrior(prior).log_volume / each.shape[1], error)


def contributions(
    prior: Prior,
    x: Tensor,
    settings: EnergySettings,
    *,
    part: Part | None = None,
    turns: Tensor | None = None,
    beside: Tensor | None = None,
    told: Callable[[int], None] = lambda done: None,
) -> tuple[Tensor, Tensor]:
    r"""What residues add to the energies of whitened structures (structure, N), and errors of the totals (structure,).

    Parameters
    ----------
    prior, x, settings, part, turns, told
        As for `structure_energy`.
    beside : Tensor of bool, shape (N,), optional
        Residues that are shown to the prior where they are. The others' contributions are then those of
        :math:`-\log p` given these, which add nothing themselves. For errors of denoising, and priors with
        ``sees_known``.
    """
    whitened = WhitenedPrior(prior)
    levels = whitened.levels(settings.steps, settings.lowest, settings.highest)
    middle = x.mean((1, 2)) if part is None else part.centre
    found: list[Contributions] = []
    for start in range(0, len(x), settings.batch):
        rows = slice(start, start + settings.batch)
        own = settled(prior, x[rows], settings.settle) if settings.settle > 0 and part is None else x[rows]
        own = own - middle[rows, None, None]
        y = whitened.whiten(own)
        noise = _noise(y, settings.seed, part, None if turns is None else turns[rows])
        if beside is None:
            found.append(_integrate(whitened.denoise, y, levels, noise, settings))
        else:
            denoise = partial(whitened.denoise, evidence=Evidence(_exact(own, beside)))
            each = _integrate(denoise, y, levels, noise, settings).each
            found.append(Contributions(each * ~beside[:, None, None]))
        told(min(start + settings.batch, len(x)))
    return torch.cat([one.mean for one in found]).sum((-1, -2)), torch.cat([one.standard_error for one in found])


def _exact(x: Tensor, shown: Tensor) -> KnownAtoms:
    """Atoms of residues (N,) of structures x (structure, N, 4, 3), as exact as numbers are."""
    return KnownAtoms.measured(x, shown[:, None].expand(x.shape[:3]), torch.full_like(x[..., 0], _EXACT))


def _noise(y: Tensor, seed: int, part: Part | None, turns: Tensor | None) -> Noise:
    if part is None:
        own = normal_numbers(y.shape[1:], seed, y)
    else:
        whole, rows = normal_numbers((part.size, *y.shape[2:]), seed, y), part.rows

        def own() -> Tensor:
            return whole()[rows]

    if turns is None:
        return own
    turn = turns.to(y)
    return lambda: torch.einsum("snij,naj->snai", turn, own())


def _integrate(
    denoise: Denoise, y: Tensor, levels: Sequence[float], noise: Noise, settings: EnergySettings
) -> Contributions:
    if settings.method == "flow":
        return flow_energy(denoise, y, levels, noise, probes=settings.draws, integrator=settings.integrator)
    if settings.method == "path":
        return path_energy(denoise, y, levels, noise, paths=settings.draws)
    return denoising_energy_integral(denoise, y, levels, noise, draws=settings.draws)
