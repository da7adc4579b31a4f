"""Validation of a training run: losses and errors of the averaged weights on fixed held-out examples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..prior.builtin.network import Denoiser
from ..prior.evidence import DensityEvidence
from ..prior.schedule import LogSnrSchedule
from ..prior.standard_map import standard_b
from .checkpoint import Progress
from .crops import Crop, CropSampler
from .knowledge import KnownPattern, built_and_missing, every_kth
from .loss import denoising_loss, noisy_batch
from .map_conditions import MapConditions
from .map_source import MapSource
from .record import append_row

__all__ = ["GAPS", "VALIDATION_TIMES", "ValidationCase", "ValidationSet", "validate", "validation_set"]

VALIDATION_TIMES = (0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
GAPS = -1
"""How a case is marked whose known stretches have gaps of 6 to 30 residues between them."""
_RESOLUTIONS = (2.5, 4.0)
_GAP_ERROR = 0.1
"""Standard deviation in angstrom of known stretches between gaps."""
_LOOKS = 3


@dataclass(frozen=True)
class ValidationCase:
    """One way of asking the network.

    Attributes
    ----------
    crops : list of Crop
    patterns : list of KnownPattern or None
    maps : list of list of DensityEvidence or None
        For each crop; empty without a map.
    sequence : bool
    spacing : int
        Every how many-th residue is known; 0 for none, `GAPS` for stretches with gaps of 6 to 30 residues.
    resolution : float
        Of the simulated maps, in angstrom; 0 without.
    """

    crops: list[Crop]
    patterns: list[KnownPattern | None]
    maps: list[list[DensityEvidence | None]]
    sequence: bool
    spacing: int
    resolution: float


ValidationSet = list[ValidationCase]


def validation_set(sampler: CropSampler, batches: int, with_maps: bool, seed: int = 12345) -> ValidationSet:
    """Cases for `validate`: with sequence, without, with every 8th residue known, with gaps, and with maps.

    Parameters
    ----------
    sampler : CropSampler
        Of held-out chains.
    batches : int
        Batches for each case.
    with_maps : bool
        Whether the network can be shown maps.
    seed : int
    """
    rng = np.random.default_rng(seed)
    crops = [sampler.batch(rng) for _ in range(batches)]
    blind = [replace(crop, aatype=np.full_like(crop.aatype, 20)) for crop in crops]
    eighth: list[KnownPattern | None] = [every_kth(crop, 8) for crop in crops]
    nothing: list[KnownPattern | None] = [None] * batches
    no_maps: list[list[DensityEvidence | None]] = [[] for _ in crops]
    cases = [
        ValidationCase(crops, nothing, no_maps, True, 0, 0.0),
        ValidationCase(blind, nothing, no_maps, False, 0, 0.0),
        ValidationCase(crops, eighth, no_maps, True, 8, 0.0),
    ]
    if not with_maps:
        return cases
    source = MapSource(sampler, fraction=1.0)
    crops = [c for c in (sampler.batch(rng) for _ in range(4 * batches)) if source.choose(c, rng).all()][:batches]
    gaps: list[KnownPattern | None] = [_gaps(crop, rng) for crop in crops]
    cases.append(ValidationCase(crops, gaps, [[] for _ in crops], True, GAPS, 0.0))
    for resolution in _RESOLUTIONS:
        maps = [
            source.evidence(crop, gap, np.ones(len(crop.xyz), bool), rng, ordinary_conditions(resolution))
            for crop, gap in zip(crops, gaps, strict=True)
        ]
        cases.append(ValidationCase(crops, gaps, maps, True, GAPS, resolution))
    return cases


def ordinary_conditions(resolution: float) -> MapConditions:
    """A whole map of ordinary quality at a resolution in angstrom: noise of 0.15 of the signal, exact sharpness."""
    usual = standard_b(resolution)
    return MapConditions(
        resolution=resolution,
        told_resolution=resolution,
        b_mean=0.7 * usual,
        b_contrast=1.0,
        b_local=0.0,
        b_final=usual,
        solvent=0.3,
        noise=0.15,
        noise_b=0.0,
        surroundings="whole",
        mask_radius=5.0,
        threshold=0.0,
        waters=0.1,
    )


def _gaps(crop: Crop, rng: np.random.Generator) -> KnownPattern:
    deviation = np.zeros((*crop.aatype.shape, 4))
    for example in deviation:
        known = built_and_missing(len(example), rng)
        example[known] = _GAP_ERROR
    return KnownPattern.from_sigma(deviation)


@torch.no_grad()
def validate(
    net: Denoiser,
    average: dict[str, Tensor],
    cases: ValidationSet,
    device: torch.device,
    progress: Progress,
    folder: Path,
) -> None:
    """Append loss and error of the averaged weights at each validation time to ``validation.csv``.

    ``rmsd`` is that of all backbone atoms, ``missing_ca`` that of the CA atoms that are not known, both without
    superposition, in angstrom.
    """
    current = {k: v.clone() for k, v in net.state_dict().items()}
    net.load_state_dict(average)
    schedule = LogSnrSchedule()
    for t in VALIDATION_TIMES:
        for case in cases:
            losses, errors, squares, missing = [], [], 0.0, 0
            for number, (crop, pattern, maps) in enumerate(zip(case.crops, case.patterns, case.maps, strict=True)):
                generator = torch.Generator().manual_seed(1000 + number)
                times = np.full(len(crop.xyz), t)
                batch, clean, correlation = noisy_batch(crop, times, schedule, generator, device, pattern, maps)
                estimates = net(batch, _LOOKS if case.spacing == GAPS else 1)
                _, per_example = denoising_loss(estimates, clean, batch, correlation)
                losses.append(float(per_example.mean()))
                off = (estimates[-1] - clean).square().sum(-1)
                errors.append(float(off.mean().sqrt()))
                if pattern is not None:
                    unknown = torch.from_numpy(pattern.sigma[..., 1] == 0).to(device)
                    squares += float((off[..., 1] * unknown).sum())
                    missing += int(unknown.sum())
            append_row(
                folder / "validation.csv",
                {
                    "step": progress.step,
                    "minutes": round(progress.seconds / 60, 2),
                    "t": t,
                    "sequence": int(case.sequence),
                    "known_every": case.spacing,
                    "resolution": case.resolution,
                    "loss": round(float(np.mean(losses)), 5),
                    "rmsd": round(float(np.mean(errors)), 4),
                    "missing_ca": round((squares / missing) ** 0.5, 4) if missing else 0.0,
                },
            )
    net.load_state_dict(current)
