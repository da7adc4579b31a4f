"""Structures to begin building from: missing residues as chains of equal sequence have them, or on traces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..prior.evidence import DensityEvidence
from ..restraints.shells import Shells
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
    shells: Shells,
    replicas: int,
    tried: Sequence[Tensor],
    guesses: Sequence[Sequence[NDArray[np.float64]]],
    poll: Callable[[], None],
) -> Tensor | None:
    """Structures with each gap as other chains have it, or on one of its likeliest traces, the best in the first one.

    What was tried gives way to what was not. At most half of the replicas begin as other chains are: the map may show
    another state of each.

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
    shells : Shells
        Where residues may be by their distances to known ones.
    replicas : int
    tried : sequence of Tensor, shape (replica, N, 4, 3)
        What earlier rounds began with: where it was not right, further traces are more likely to be.
    guesses : sequence of sequence of ndarray, each of shape (n, 4, 3)
        For each gap, its backbone as other chains have it, the likeliest first.
    poll : callable
        Called now and then; an exception ends the search.

    Returns
    -------
    Tensor, shape (replica, N, 4, 3), or None
        None if there is nothing for any gap. A gap of which all was tried begins with it again.
    """
    ca = x[:, 1].double().cpu().numpy()
    joined = [
        replace(_gap(ca, found, gap, check.chain_index), types=check.types[gap], shells=shells.within(gap))
        for gap in gaps
    ]
    traced = trace_gaps(FreeDensity.of(density), joined, check.beside, poll=poll, threads=torch.get_num_threads())
    steps = load_steps()
    begun: list[list[NDArray[np.float64]]] = []
    for where, gap, traces, others in zip(gaps, joined, traced, guesses, strict=True):
        before = [one for several in tried for one in several[:, where, 1].double().cpu().numpy()]
        copied = _different(others, before)[: max(1, replicas // 2)]
        new = [trace for trace in traces if is_another(trace.ca, before)]
        on_traces = (backbone_of(gap.before, trace.ca, gap.after, steps) for trace in new or traces)
        begun.append([*copied, *islice(on_traces, replicas - len(copied))])
    if not any(begun):
        return None
    starts = x.expand(replicas, -1, -1, -1).clone()
    for where, backbones in zip(gaps, begun, strict=True):
        for replica in range(replicas if backbones else 0):
            starts[replica, where] = torch.as_tensor(backbones[replica % len(backbones)]).to(x)
    return starts


def _different(
    guesses: Sequence[NDArray[np.float64]], before: Sequence[NDArray[np.float64]]
) -> list[NDArray[np.float64]]:
    """Those backbones (n, 4, 3) that take another course than CA atoms (n, 3) that were tried, and than each other."""
    found: list[NDArray[np.float64]] = []
    for guess in guesses:
        if is_another(guess[:, 1], [*before, *(one[:, 1] for one in found)]):
            found.append(guess)
    return found


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
