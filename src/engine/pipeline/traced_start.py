"""Structures to begin building from: missing residues on traces through free density."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..prior.evidence import DensityEvidence
from ..tracing.field import FreeDensity
from ..tracing.gaps import trace_gaps
from ..tracing.peptides import backbone_of
from ..tracing.search import Gap, is_another
from ..tracing.steps import load_steps
from .sequence_check import SequenceCheck

__all__ = ["traced_starts"]

_ANCHOR = 3
"""CA atoms on either side of a gap that a trace is joined to: they make the frame of its first step."""


def traced_starts(
    x: Tensor,
    found: NDArray[np.bool_],
    gaps: Sequence[slice],
    check: SequenceCheck,
    density: DensityEvidence,
    replicas: int,
    tried: Sequence[Tensor],
    poll: Callable[[], None],
) -> Tensor | None:
    """Structures with each gap on one of its likeliest traces that were not tried, the first replica on the best ones.

    Parameters
    ----------
    x : Tensor, shape (N, 4, 3)
        The structure as far as it is known, in angstrom; gaps that cannot be traced stay as they are here.
    found : ndarray of bool, shape (N,)
        Residues whose places are known.
    gaps : sequence of slice
    check : SequenceCheck
        Chains, residue types, and what the map says of them.
    density : DensityEvidence
        With the known atoms explained.
    replicas : int
    tried : sequence of Tensor, shape (replica, N, 4, 3)
        What earlier rounds began with: where it was not right, further traces are more likely to be.
    poll : callable
        Called now and then; an exception ends the search.

    Returns
    -------
    Tensor, shape (replica, N, 4, 3), or None
        None if no gap can be traced. A gap whose traces were all tried begins with them again.
    """
    ca = x[:, 1].double().cpu().numpy()
    joined = [replace(_gap(ca, found, gap, check.chain_index), types=check.types[gap]) for gap in gaps]
    traced = trace_gaps(FreeDensity.of(density), joined, check.beside, poll=poll)
    if not any(traced):
        return None
    steps = load_steps()
    starts = x.expand(replicas, -1, -1, -1).clone()
    for where, gap, traces in zip(gaps, joined, traced, strict=True):
        before = [one for several in tried for one in several[:, where, 1].double().cpu().numpy()]
        chosen = [trace for trace in traces if is_another(trace.ca, before)] or traces
        for replica in range(replicas if chosen else 0):
            backbone = backbone_of(gap.before, chosen[replica % len(chosen)].ca, gap.after, steps)
            starts[replica, where] = torch.as_tensor(backbone).to(x)
    return starts


def _gap(ca: NDArray[np.float64], found: NDArray[np.bool_], gap: slice, chain_index: NDArray[np.int64]) -> Gap:
    """A gap with the known residues of its chain next to it, up to the first unknown one."""
    chain = chain_index[gap.start]

    def beside(rows: range) -> list[int]:
        near: list[int] = []
        for row in rows:
            if not 0 <= row < len(found) or chain_index[row] != chain or not found[row]:
                break
            near.append(row)
        return near

    before = beside(range(gap.start - 1, gap.start - 1 - _ANCHOR, -1))[::-1]
    after = beside(range(gap.stop, gap.stop + _ANCHOR))
    return Gap(gap.stop - gap.start, ca[before].reshape(-1, 3), ca[after].reshape(-1, 3))
