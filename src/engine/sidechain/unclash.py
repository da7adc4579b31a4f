"""Codes of residues that clash still, one residue after the other, in view of the atoms of all others.

Drawn again a few at a time, residues that touch may miss each other's new places. What is left is settled here: codes
of each are drawn from the model's conditional distribution without replacement, and the first one that fits is taken;
where none fits, what overlaps least.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .build import build_from_unit_vectors
from .contacts import ClashFinder
from .sampling import Sampler
from .templates import BACKBONE, CHIS

__all__ = ["settle"]

_TRIES = 12
"""Codes tried for each residue; each takes a pass of the decoder."""
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
    backbone = atoms[:, :, : len(BACKBONE)]
    aatype = sampler.scene.aatype
    tried = []
    for code in codes.to(tokens.device).unbind(-1):
        decoded = sampler.decoded(torch.where(open_now, code, tokens))
        built = build_from_unit_vectors(backbone, aatype, decoded.turns[..., :CHIS, :], decoded.deviation)
        tried.append(built.cpu())
    candidates = torch.stack(tried, 2)  # (K, N, tries, 14, 3)
    found = atoms.cpu().clone()
    taken = torch.full(hit.shape, -1)
    for k in range(len(found)):
        rows = torch.nonzero(open_now[k].cpu())[:, 0].tolist()
        for _ in range(_SWEEPS):
            moved = False
            for i in rows:
                sample = found[k].double().numpy()
                now = finder.overlap(sample, i, found[k, i, None].double().numpy())[0]
                if now == 0.0:
                    continue
                overlap = finder.overlap(sample, i, candidates[k, i].double().numpy())
                best = int(overlap.argmin())  # the first one of those that fit
                if overlap[best] < now:
                    found[k, i, len(BACKBONE) :] = candidates[k, i, best, len(BACKBONE) :]
                    taken[k, i] = best
                    moved = True
            if not moved:
                break
    replaced = taken >= 0
    code = codes.gather(-1, taken.clamp(min=0)[..., None])
    return found.to(atoms), replaced, logp.gather(-1, code)[..., 0]
