"""Codes of residues that clash still, one residue after the other, in view of the atoms of all others.

Drawn again a few at a time, residues that touch may miss each other's new places. What is left is settled here: codes
of each are drawn from the model's conditional distribution without replacement, and the first one that fits is taken;
where none fits, the first one that does with its first torsions turned a little, or what overlaps least.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

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
        choices = _Choices(rows, backbone, aatype[k, rows], turns[k, rows].double(), deviation[k, rows].double())
        for i, best in _settle_one(sample, choices, finder).items():
            taken[k, i] = best % _TRIES
    replaced = taken >= 0
    code = codes.gather(-1, taken.clamp(min=0)[..., None])
    return torch.from_numpy(found).to(atoms), replaced, logp.gather(-1, code)[..., 0]


class _Choices:
    """Side chains that residues (H,) of one sample may take: their codes as they are, and these turned.

    In some samples every residue finds one as it is, so that the turned ones, which are many, are built when one is
    asked for, and then of all residues at once.

    Parameters
    ----------
    rows : Tensor of int64, shape (H,)
    backbone : Tensor, shape (H, 4, 3)
    aatype : Tensor of int64, shape (H,)
    turns : Tensor, shape (H, tries, 4, 2)
    deviation : Tensor, shape (H, tries, 10, 3)
    """

    def __init__(self, rows: Tensor, backbone: Tensor, aatype: Tensor, turns: Tensor, deviation: Tensor) -> None:
        self.rows: list[int] = rows.tolist()
        self._given = backbone, aatype, turns, deviation
        self._plain = _built(backbone, aatype, turns, deviation)

    def plain(self, at: int) -> NDArray[np.float64]:
        """Atoms (tries, 14, 3) of the codes of a residue, by its place among the rows."""
        return np.asarray(self._plain[at])

    def turned(self, at: int) -> NDArray[np.float64]:
        """Atoms (n, 14, 3) of the same, turned, the smallest turns first."""
        return np.asarray(self._turned[at])

    @cached_property
    def _turned(self) -> NDArray[np.float64]:
        backbone, aatype, turns, deviation = self._given
        ways = torch.deg2rad(torch.tensor(_WAYS, dtype=turns.dtype))
        first = turned(turns[:, None, :, : ways.shape[1]], ways[:, None])
        others = turns[:, None, :, ways.shape[1] :].expand(-1, len(ways), -1, -1, -1)
        every = torch.cat([first, others], 3).flatten(1, 2)
        return _built(backbone, aatype, every, deviation.repeat(1, len(ways), 1, 1))


def _settle_one(sample: NDArray[np.float64], choices: _Choices, finder: ClashFinder) -> dict[int, int]:
    """Give residues of one sample (N, 14, 3), in place, the first of their choices that fits.

    Codes as they are come first, and are all that is looked at where one of them fits. Returned is which choice was
    taken last, for residues that took any.
    """
    taken: dict[int, int] = {}
    for _ in range(_SWEEPS):
        moved, clashing = False, finder.find(sample)[0]
        for at, i in enumerate(choices.rows):
            now = finder.overlap(sample, i, sample[i, None])[0] if clashing[i] else 0.0
            if now == 0.0:
                continue
            tried = choices.plain(at)
            overlap = finder.overlap(sample, i, tried)
            if overlap.min() > 0.0:
                tried = np.concatenate([tried, choices.turned(at)])
                overlap = np.concatenate([overlap, finder.overlap(sample, i, tried[_TRIES:])])
            best = int(overlap.argmin())  # the first one of those that fit
            if overlap[best] < now:
                sample[i, len(BACKBONE) :] = tried[best, len(BACKBONE) :]
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


def _built(backbone: Tensor, aatype: Tensor, turns: Tensor, deviation: Tensor) -> NDArray[np.float64]:
    """Atoms (H, n, 14, 3) of n side chains for each of the residues (H,)."""
    count = turns.shape[1]
    wide, types = backbone[:, None].expand(-1, count, -1, -1), aatype[:, None].expand(-1, count)
    atoms: NDArray[np.float64] = build_from_unit_vectors(wide, types, turns, deviation).numpy()
    return atoms
