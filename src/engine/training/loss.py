"""Denoising loss: noisy examples from clean ones, and how far an estimate is off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..prior.builtin.density_grids import DensityGrids
from ..prior.builtin.network import NoisyBatch
from ..prior.conditioning import gaussian_estimate
from ..prior.correlation import GlobularCorrelation
from ..prior.evidence import DensityEvidence, KnownAtoms
from ..prior.schedule import LogSnrSchedule
from .crops import Crop
from .knowledge import KnownPattern

__all__ = ["denoising_loss", "noisy_batch", "sample_times"]

_CA_ONLY_EARLIEST = 0.45
_MAP_EARLIEST, _LOST = 0.25, 0.7
_MOST_POINTS = 640
"""Places of free density kept for an example of up to 256 residues."""
_NOISE_FLOOR = 0.02
"""Atoms known better than this fraction of the prior's spread weigh no more than others."""


def sample_times(
    ca_only: NDArray[np.bool_],
    informed: NDArray[np.bool_],
    rng: np.random.Generator,
    mapped: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Diffusion times, shape (B,): mostly t in 0.15 to 0.75, which decides refinement.

    Examples that know atoms (``informed``, shape (B,)) are drawn more widely, because the known atoms
    tell much even where the noise leaves nothing. Examples with a map (``mapped``) are mostly drawn from
    t = 0.25 up, where the map decides; of those, the ones that know no atom stay below 0.7, since nothing tells
    them where they are. Chains whose N, C and O were rebuilt teach folds only: their times start at 0.45.
    """
    wide = rng.uniform(0.001, 1.0, len(ca_only))
    middle = rng.uniform(0.15, 0.75, len(ca_only))
    t = np.where(rng.random(len(ca_only)) < np.where(informed, 0.6, 0.4), wide, middle)
    if mapped is not None:
        latest = np.where(informed, 1.0, _LOST)
        decided = _MAP_EARLIEST + (latest - _MAP_EARLIEST) * rng.random(len(ca_only))
        t = np.where(mapped, np.where(rng.random(len(ca_only)) < 0.7, decided, np.minimum(t, latest)), t)
    return np.where(ca_only, _CA_ONLY_EARLIEST + (1 - _CA_ONLY_EARLIEST) * rng.random(len(ca_only)), t)


def noisy_batch(
    crop: Crop,
    times: NDArray[np.float64],
    schedule: LogSnrSchedule,
    generator: torch.Generator,
    device: torch.device,
    pattern: KnownPattern | None = None,
    maps: Sequence[DensityEvidence | None] = (),
) -> tuple[NoisyBatch, Tensor, GlobularCorrelation]:
    """Noisy inputs x_t, the clean coordinates they came from, and the correlation operator.

    ``pattern`` says which atoms the network is shown, and how exactly; ``maps`` are what each example sees of
    its map, in the frame of the crop.
    """
    correlation = GlobularCorrelation(crop.segments)
    clean = torch.from_numpy(crop.xyz)
    noise = torch.randn(clean.shape, generator=generator)
    # the network cannot see absolute positions: give the clean centre the spread of the noise's own
    drift = correlation.apply(torch.randn(clean.shape, generator=generator)).mean((-2, -3), keepdim=True)
    clean = clean + drift
    t = torch.from_numpy(times).float()
    alpha, sigma = schedule.alpha(t), schedule.sigma(t)
    x_t = alpha[:, None, None, None] * clean + sigma[:, None, None, None] * correlation.apply(noise)
    known = None
    if pattern is not None:
        deviation = torch.from_numpy(pattern.own)
        target = clean + torch.from_numpy(pattern.bend)
        target = target + deviation[..., None] * torch.randn(clean.shape, generator=generator)
        known = KnownAtoms(target, torch.from_numpy(pattern.weights))
    given = gaussian_estimate(correlation, x_t, sigma, known)
    batch = NoisyBatch(
        given.mean.to(device),
        given.noise.to(device),
        alpha.to(device),
        sigma.to(device),
        torch.from_numpy(crop.aatype).to(device),
        torch.from_numpy(crop.chain_index).to(device),
        torch.from_numpy(crop.residue_index).to(device),
        torch.ones(clean.shape[:2], dtype=torch.bool, device=device),
        _grids(maps, drift[:, 0, 0], device),
    )
    return batch, clean.to(device), correlation


def _grids(maps: Sequence[DensityEvidence | None], drift: Tensor, device: torch.device) -> DensityGrids | None:
    """Maps of a batch on the device, each moved with its example by the drift (B, 3); None without any."""
    shown = [
        replace(m, levels=m.levels.to(device), taken=m.taken.to(device), origin=(m.origin + drift[i]).to(device))
        for i, m in enumerate(maps)
        if m is not None
    ]
    if not shown:
        return None
    order = np.cumsum([m is not None for m in maps]) - 1
    map_of = [int(order[i]) if m is not None else -1 for i, m in enumerate(maps)]
    return DensityGrids.of(shown, map_of, _MOST_POINTS)


def denoising_loss(
    estimates: list[Tensor], clean: Tensor, batch: NoisyBatch, correlation: GlobularCorrelation
) -> tuple[Tensor, Tensor]:
    r"""Training loss and its value per example.

    :math:`|\hat x - x_0|^2/(100\,\rho^2) + |R^{-1}(\hat x - x_0)|^2/\sigma_t^2`, both per coordinate,
    with :math:`\rho` the noise left at each atom (:math:`\sigma_t` where nothing is known): the first
    keeps the fold, the second bonds and angles. Earlier stages count 0.3.

    Returns
    -------
    loss : Tensor, scalar
    per_example : Tensor, shape (B,)
        Loss of the last stage.
    """
    weight = batch.sigma.square()[:, None, None, None]
    spread = batch.noise.clamp(min=_NOISE_FLOOR).minimum(batch.sigma[:, None, None]).square()[..., None]
    total = clean.new_zeros(())
    last = clean.new_zeros(len(clean))
    for i, estimate in enumerate(estimates):
        error = estimate.float() - clean
        global_term = (error.square() / (100.0 * spread)).mean((1, 2, 3))
        local_term = (correlation.inverse(error).square() / weight).mean((1, 2, 3))
        last = global_term + local_term
        total = total + (1.0 if i == len(estimates) - 1 else 0.3) * last.mean()
    return total, last
