"""Validation of the side-chain model: rotamers and atoms of held-out chains, sampled as a job would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..sidechain.assemble import assemble
from ..sidechain.measure import chi_difference, measure_chi, swap_symmetric
from ..sidechain.network import SideChainModel
from ..sidechain.sampling import sample
from .checkpoint import Progress
from .map_source import MapSource
from .record import append_row
from .side_chain_batches import Conditions, SideChainBatch, make_batch
from .side_chain_crops import AtomCropSampler
from .side_chain_loss import diffusion_loss

__all__ = ["SideChainCase", "packing_figures", "validate_side_chains", "validation_cases"]

_NEAR = (20.0, 40.0)
"""Degrees within which a torsion counts as found; the literature has both."""


@dataclass(frozen=True)
class SideChainCase:
    """One way of asking the model, for some batches."""

    name: str
    batches: list[SideChainBatch]


def validation_cases(
    sampler: AtomCropSampler, batches: int, with_maps: bool, device: torch.device, seed: int = 4321
) -> list[SideChainCase]:
    """The same residues given in several ways.

    As backbones, as backbones with errors of 0.3 A, with half of the side chains, as CA traces, and in maps.

    Parameters
    ----------
    sampler : AtomCropSampler
        Of held-out chains.
    batches : int
    with_maps : bool
    device : torch.device
    seed : int
    """
    crops = [sampler.batch(np.random.default_rng([seed, k])) for k in range(batches)]
    maps = MapSource(sampler.around, fraction=1.0) if with_maps else None
    cases = {"backbone": (0.0, 0.0, 0.0, 0.0), "error": (0.3, 0.0, 0.0, 0.0), "half": (0.0, 0.0, 0.5, 0.0)}
    cases["trace"] = (0.0, 1.0, 0.0, 0.0)
    if maps is not None:
        cases["map"] = (0.0, 0.0, 0.0, 1.0)
    made = []
    for name, (noise, trace, known, mapped) in cases.items():
        examples = []
        for k, crop in enumerate(crops):
            rng = np.random.default_rng([seed, k, 1])
            b, n = crop.present.shape
            conditions = Conditions(
                np.full(b, noise), np.full((b, n), trace > 0), rng.random((b, n)) < known, np.full(b, mapped > 0)
            )
            examples.append(make_batch(crop, conditions, maps if mapped else None, rng, device))
        made.append(SideChainCase(name, examples))
    return made


def packing_figures(atoms: Sequence[Tensor], batches: Sequence[SideChainBatch]) -> dict[str, float]:
    """How far side chains are what they should be, over the residues that count.

    Parameters
    ----------
    atoms : sequence of Tensor, each of shape (B, N, 14, 3)
        Built atoms of each batch, in angstrom.
    batches : sequence of SideChainBatch

    Returns
    -------
    dict
        ``chi1_20``, ``chi1_40``, ``chi12_20``, ``chi12_40``: percentage of residues whose first (first two) torsions
        are within 20 (40) degrees, of those that have them; ``rmsd``: of all side-chain atoms beyond CB, in angstrom,
        without superposition, names exchanged where half a turn does it.
    """
    off, known, squares, count = [], [], 0.0, 0
    for built, batch in zip(atoms, batches, strict=True):
        whole = batch.whole
        chi, there = measure_chi(whole.atoms, whole.aatype, batch.there)
        made, _ = measure_chi(built, whole.aatype)
        off.append(torch.rad2deg(chi_difference(made, chi, whole.aatype))[batch.counts])
        known.append(there[batch.counts])
        beyond = batch.there & batch.counts[..., None]
        beyond = torch.cat([torch.zeros_like(beyond[..., :5]), beyond[..., 5:]], -1)
        apart = [((built - t).square().sum(-1) * beyond).sum(-1) for t in (
            whole.atoms, swap_symmetric(whole.atoms, whole.aatype)
        )]  # fmt: skip
        squares += float(torch.minimum(*apart).sum())
        count += int(beyond.sum())
    turned, has = torch.cat(off), torch.cat(known)
    figures = {}
    for name, needed in (("chi1", 1), ("chi12", 2)):
        rows = turned[has[:, :needed].all(1), :needed]
        for near in _NEAR:
            figures[f"{name}_{near:.0f}"] = round(100 * float((rows < near).all(1).float().mean()), 2)
    figures["rmsd"] = round((squares / max(count, 1)) ** 0.5, 4)
    return figures


@torch.no_grad()
def validate_side_chains(
    model: SideChainModel, average: dict[str, Tensor], cases: list[SideChainCase], progress: Progress, folder: Path
) -> None:
    """Append figures of the averaged weights to ``validation.csv``: sampled, and merely encoded and decoded.

    ``entropy`` is the cross entropy of codes in nats at random hidden fractions; ``used`` how many codes occur.
    """
    current = {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(average)
    for case in cases:
        sampled, rebuilt, entropy, used = [], [], [], set()
        for number, batch in enumerate(case.batches):
            generator = torch.Generator().manual_seed(1000 + number)
            sampled.append(sample(model, batch.given, generator, temperature=0.0).atoms)
            quantised = model.encode(batch.whole, model.look(batch.whole))
            decoded = model.decode(batch.given, model.look(batch.given), quantised.vector)
            rebuilt.append(assemble(batch.given, decoded))
            entropy.append(float(diffusion_loss(model, batch, generator)))
            used |= set(quantised.code[batch.counts].flatten().tolist())
        whole = packing_figures(rebuilt, case.batches)
        append_row(
            folder / "validation.csv",
            {
                "step": progress.step,
                "minutes": round(progress.seconds / 60, 2),
                "case": case.name,
                **packing_figures(sampled, case.batches),
                **{f"rebuilt_{key}": value for key, value in whole.items() if key in ("chi1_20", "chi12_20", "rmsd")},
                "entropy": round(float(np.mean(entropy)), 4),
                "used": len(used),
            },
        )
    model.load_state_dict(current)
