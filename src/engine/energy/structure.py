"""Energies of structures: what a prior finds them worth, as a whole, by residue and between parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from ..prior.protocol import Prior
from .contributions import Contributions, Noise, normal_numbers
from .denoising import denoising_energy_integral
from .flow import flow_energy
from .path import path_energy
from .settled import settled
from .whitened import HIGHEST_TIME, LOWEST_TIME, WhitenedPrior

__all__ = ["METHODS", "Energy", "EnergySettings", "Method", "Part", "interface_energy", "structure_energy"]

Method = Literal["flow", "path", "denoising"]
METHODS: tuple[Method, ...] = ("flow", "path", "denoising")


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
        Of an interface: whether its sides lie where they lie in the complex. A prior for which chains are independent
        then gives zero; but one that has only seen molecules about the origin, as all trained ones have, takes a side
        for the less likely the farther off it lies (by tens of nats). By default each lies about its own middle.
    settle : float
        Diffusion time that structures are brought down from first (`adp3d.energy.settled`); 0 takes them as they are.
        Interfaces are always taken as they are.
    """

    method: Method = "denoising"
    steps: int = 40
    draws: int = 2
    lowest: float = LOWEST_TIME
    highest: float = HIGHEST_TIME
    seed: int = 0
    batch: int = 8
    placed: bool = False
    settle: float = 0.0


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
    whitened = WhitenedPrior(prior)
    levels = whitened.levels(settings.steps, settings.lowest, settings.highest)
    middle = x.mean((1, 2)) if part is None else part.centre
    found: list[Contributions] = []
    for start in range(0, len(x), settings.batch):
        rows = slice(start, start + settings.batch)
        own = settled(prior, x[rows], settings.settle) if settings.settle > 0 and part is None else x[rows]
        y = whitened.whiten(own - middle[rows, None, None])
        noise = _noise(y, settings.seed, part, None if turns is None else turns[rows])
        found.append(_integrate(whitened, y, levels, noise, settings))
        told(min(start + settings.batch, len(x)))
    each = torch.cat([one.mean for one in found]).sum((-1, -2))
    share = whitened.log_volume / each.shape[1]
    return Energy(each + share, torch.cat([one.standard_error for one in found]))


def interface_energy(
    priors: Sequence[Prior],
    whole: Prior,
    x: Tensor,
    groups: Sequence[Tensor],
    settings: EnergySettings,
) -> Energy:
    """Energy of a complex less those of its parts: low where the prior likes them together.

    The noise of a part turns with it, from pose to pose. What poses of rigid parts differ by is then what the prior
    makes of their contact, and not how noise happens to lie on them.

    Parameters
    ----------
    priors : sequence of Prior
        Bound to each part.
    whole : Prior
        Bound to the complex.
    x : Tensor, shape (pose, N, 4, 3)
        In angstrom.
    groups : sequence of Tensor of int64
        Residues of each part, in order; together all residues, each once.
    settings : EnergySettings

    Returns
    -------
    Energy
        By residue of the complex.

    Raises
    ------
    ValueError
        If the groups are not a partition of the residues.
    """
    together = torch.cat(list(groups))
    if not torch.equal(together.sort().values, torch.arange(x.shape[1])):
        raise ValueError("the parts hold each residue of the complex once")
    turns = torch.empty(len(x), x.shape[1], 3, 3, dtype=x.dtype, device=x.device)
    for rows in groups:
        turns[:, rows] = _turns_of(x[:, rows, :3].flatten(1, 2))[:, None].to(turns)
    settings = replace(settings, settle=0.0)
    complexed = structure_energy(whole, x, settings, turns=turns)
    alone = torch.empty_like(complexed.per_residue)
    error = complexed.standard_error.square()
    for prior, rows in zip(priors, groups, strict=True):
        own = x[:, rows]
        part = Part(rows, x.shape[1], (x if settings.placed else own).mean((1, 2)))
        found = structure_energy(prior, own, settings, part=part, turns=turns[:, rows])
        alone[:, rows] = found.per_residue
        error = error + found.standard_error.square()
    return Energy(complexed.per_residue - alone, error.sqrt())


def _turns_of(points: Tensor) -> Tensor:
    """Rotations (pose, 3, 3) that bring the first of these sets of points (pose, M, 3) onto each.

    N, CA and C of a single residue do: three points that are not on a line.
    """
    about = (points - points.mean(1, keepdim=True)).double().cpu().numpy()
    found = [Rotation.align_vectors(one, about[0])[0].as_matrix() for one in about]
    return torch.from_numpy(np.stack(found))


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
    whitened: WhitenedPrior, y: Tensor, levels: Sequence[float], noise: Noise, settings: EnergySettings
) -> Contributions:
    if settings.method == "flow":
        return flow_energy(whitened.denoise, y, levels, noise, probes=settings.draws)
    if settings.method == "path":
        return path_energy(whitened.denoise, y, levels, noise, paths=settings.draws)
    return denoising_energy_integral(whitened.denoise, y, levels, noise, draws=settings.draws)
