"""Codes of residues that clash still, one residue after the other, in view of the atoms of all others.

Drawn again a few at a time, residues that touch may miss each other's new places. What is left is settled here: codes
of each are drawn from the model's conditional distribution without replacement, and the first one that fits is taken;
where none fits, the first one that does with its first torsions turned a little, or what overlaps least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .build import build_from_unit_vectors
from .contacts import ClashFinder
from .internal import turned
from .sampling import Sampler
from .templates import BACKBONE, CHIS

__all__ = ["settle"]

_TRIES = 6
"""Codes tried for each residue; each takes a pass of the decoder."""
_TURNS = (-20.0, -10.0, 0.0, 10.0, 20.0)
_WAYS = sorted(
    ((first, second) for first in _TURNS for second in _TURNS if first or second),
    key=lambda way: way[0] ** 2 + way[1] ** 2,
)
"""Degrees by which chi 1 and chi 2 of codes that do not fit are turned: a code stands for rotamers up to 25 degrees
apart, so that these are within what it means."""
_SWEEPS = 3
"""Times that each residue is looked at: others have moved since."""


@torch.no_grad()
def settle(
    sampler: Sampler,
    tokens: Tensor,
    atoms: Tensor,
    hit: Tensor,
    generators: Sequence[torch.Generator],
    finder: ClashFinder,
) -> tuple[Tensor, Tensor, Tensor]:
    """Samples whose clashing residues have other side chains.

    Parameters
    ----------
    sampler : Sampler
    tokens : Tensor of int64, shape (K, N)
        None of them hidden.
    atoms : Tensor, shape (K, N, 14, 3)
        What they stand for, in angstrom.
    hit : Tensor of bool, shape (K, N)
        Residues that clash.
    generators : sequence of torch.Generator, length K
    finder : ClashFinder

    Returns
    -------
    atoms : Tensor, shape (K, N, 14, 3)
        Backbones as they were.
    replaced : Tensor of bool, shape (K, N)
        Residues that got another code.
    log_probability : Tensor, shape (K, N)
        Of the new codes.
    """
    open_now = hit.to(tokens.device) & sampler.free
    masked = torch.where(open_now, torch.full_like(tokens, sampler.model.hidden), tokens)
    logp = sampler.log_probability(masked).cpu()
    number = torch.stack([torch.rand(logp.shape[1:], generator=own) for own in generators])
    # the largest of log p + Gumbel noise are codes drawn one after the other without replacement
    noise = -torch.log(-torch.log(number.clamp(1e-20, 1.0 - 1e-7)))
    codes = (logp + noise).topk(_TRIES, -1).indices
    found = atoms.double().cpu().numpy()
    taken = torch.full(hit.shape, -1)
    turns, deviation = _decoded(sampler, tokens, open_now, codes)
    aatype = sampler.scene.aatype.cpu()
    for k, sample in enumerate(found):
        rows = torch.nonzero(open_now[k].cpu())[:, 0]
        backbone = torch.from_numpy(sample[rows.numpy(), : len(BACKBONE)])
        choices = _choices(backbone, aatype[k, rows], turns[k, rows].double(), deviation[k, rows].double())
        for i, best in _settle_one(sample, dict(zip(rows.tolist(), choices, strict=True)), finder).items():
            taken[k, i] = best % _TRIES
    replaced = taken >= 0
    code = codes.gather(-1, taken.clamp(min=0)[..., None])
    return torch.from_numpy(found).to(atoms), replaced, logp.gather(-1, code)[..., 0]


def _settle_one(
    sample: NDArray[np.float64], choices: Mapping[int, NDArray[np.float64]], finder: ClashFinder
) -> dict[int, int]:
    """Give residues of one sample (N, 14, 3), in place, the first of their choices (n, 14, 3) that fits.

    Codes as they are come first, and are all that is looked at where one of them fits. Returned is which choice was
    taken last, for residues that took any.
    """
    taken: dict[int, int] = {}
    for _ in range(_SWEEPS):
        moved, clashing = False, finder.find(sample)[0]
        for i, own in choices.items():
            now = finder.overlap(sample, i, sample[i, None])[0] if clashing[i] else 0.0
            if now == 0.0:
                continue
            overlap = finder.overlap(sample, i, own[:_TRIES])
            if overlap.min() > 0.0:
                overlap = np.concatenate([overlap, finder.overlap(sample, i, own[_TRIES:])])
            best = int(overlap.argmin())  # the first one of those that fit
            if overlap[best] < now:
                sample[i, len(BACKBONE) :] = own[best, len(BACKBONE) :]
                taken[i], moved = best, True
        if not moved:
            break
    return taken


def _decoded(sampler: Sampler, tokens: Tensor, open_now: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
    """Torsions (K, N, tries, 4, 2) and deviations (K, N, tries, 10, 3) of each code tried, on the CPU."""
    turns, deviation = [], []
    for code in codes.to(tokens.device).unbind(-1):
        decoded = sampler.decoded(torch.where(open_now, code, tokens))
        turns.append(decoded.turns[..., :CHIS, :].cpu())
        deviation.append(decoded.deviation.cpu())
    return torch.stack(turns, 2), torch.stack(deviation, 2)


def _choices(backbone: Tensor, aatype: Tensor, turns: Tensor, deviation: Tensor) -> NDArray[np.float64]:
    """Atoms (H, n, 14, 3) of the codes of residues (H,), as they are and then turned, the smallest turns first."""
    ways = torch.deg2rad(torch.tensor([(0.0, 0.0), *_WAYS], dtype=turns.dtype))
    first = turned(turns[:, None, :, : ways.shape[1]], ways[:, None])
    others = turns[:, None, :, ways.shape[1] :].expand(-1, len(ways), -1, -1, -1)
    every = torch.cat([first, others], 3).flatten(1, 2)
    count = every.shape[1]
    return build_from_unit_vectors(
        backbone[:, None].expand(-1, count, -1, -1),
        aatype[:, None].expand(-1, count),
        every,
        deviation.repeat(1, len(ways), 1, 1),
    ).numpy()
