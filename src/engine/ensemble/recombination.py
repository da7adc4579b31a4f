"""Best parts of several replicas: missing segments between known ones succeed or fail on their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .ranking import SCALES, standardised

__all__ = ["Composite", "Further", "missing_segments", "recombine", "supported_ends"]


_SAME = 1.0
"""Angstrom (rms) up to which replicas run the same way, and nothing has to be chosen: what else is measured tells no
more, and asking it takes as many evaluations as there are replicas."""


@dataclass(frozen=True)
class Composite:
    """One structure put together from replicas.

    Attributes
    ----------
    x : Tensor, shape (N, 4, 3)
        In angstrom.
    source : tuple of int
        Replica that each missing segment comes from.
    score : tuple of float
        Score of each segment there.
    """

    x: Tensor
    source: tuple[int, ...]
    score: tuple[float, ...]


@dataclass(frozen=True)
class Further:
    """What is measured beside the quality of residues.

    Attributes
    ----------
    chance : tuple of float
        For each segment, by how much its mean quality differs by chance.
    log_likelihoods : callable
        By measurement, in nats, (structure,), of structures (structure, N, 4, 3).
    """

    chance: tuple[float, ...]
    log_likelihoods: Callable[[Tensor], Mapping[str, Tensor]]


def missing_segments(known: NDArray[np.bool_], chain_index: NDArray[np.int64]) -> list[slice]:
    """Runs of residues that are not known, none across a chain end.

    Parameters
    ----------
    known : ndarray of bool, shape (N,)
    chain_index : ndarray of int64, shape (N,)
    """
    segments: list[slice] = []
    start: int | None = None
    for i in range(len(known) + 1):
        ends = i == len(known) or known[i] or (start is not None and chain_index[i] != chain_index[start])
        if start is not None and ends:
            segments.append(slice(start, i))
            start = None
        if i < len(known) and not known[i] and start is None:
            start = i
    return segments


def recombine(
    x: Tensor, quality: NDArray[np.float64], segments: list[slice], base: int, further: Further | None = None
) -> Composite:
    """Take each segment from the replica in which it is best, everything else from ``base``.

    Replicas must agree on the residues around the segments, as those of a partial model do. Where more is measured,
    each segment in which they differ is chosen once more with the others in place, the longest first: by its quality in
    units of chance, and by the log-likelihoods of the structures that result, which count as they do between replicas.

    Parameters
    ----------
    x : Tensor, shape (replica, N, 4, 3)
    quality : ndarray, shape (replica, N)
        Per residue, such as the local correlation with the map; higher is better, NaN counts as -1.
    segments : list of slice
    base : int
    further : Further, optional
        What is measured beside that.

    Returns
    -------
    Composite
    """
    means = np.array([np.nan_to_num(quality[:, s], nan=-1.0).mean(1) for s in segments]).reshape(-1, x.shape[0])
    source = [int(k) for k in means.argmax(1)] if len(segments) else []
    out = x[base].clone()
    for segment, replica in zip(segments, source, strict=True):
        out[segment] = torch.as_tensor(x[replica, segment])
    if further is not None:
        differing = [k for k, s in enumerate(segments) if _apart(x[:, s, 1], source[k]) > _SAME]
        for k in sorted(differing, key=lambda k: segments[k].start - segments[k].stop):
            several = out.expand(len(x), -1, -1, -1).clone()
            several[:, segments[k]] = x[:, segments[k]]
            score = means[k] / further.chance[k]
            for values in further.log_likelihoods(several).values():
                score = score + standardised(values.double().cpu(), SCALES["log_likelihood"]).numpy()
            source[k] = int(score.argmax())
            out = several[source[k]]
    return Composite(out, tuple(source), tuple(float(m[k]) for m, k in zip(means, source, strict=True)))


def _apart(ca: Tensor, chosen: int) -> float:
    """How far CA atoms (replica, n, 3) are from those of one replica at most, rms over residues, in angstrom."""
    return float((ca - ca[chosen]).square().sum(-1).mean(-1).sqrt().max())


def supported_ends(quality: NDArray[np.float64], segment: slice, threshold: float) -> list[int]:
    """Residues of a segment that may count as found: those reached from its ends without a bad one.

    A segment as good as the threshold on average is found as a whole; of any other, the residues next to
    its known neighbours, up to the first below the threshold on either side, less one for safety.

    Parameters
    ----------
    quality : ndarray, shape (N,)
        Per residue; higher is better.
    segment : slice
    threshold : float

    Returns
    -------
    list of int
    """
    values = np.nan_to_num(quality[segment], nan=-1.0)
    n = len(values)
    bad = np.flatnonzero(values < threshold)
    # the mean of values that equal the threshold may be rounded to below it
    if not len(bad) or values.mean() >= threshold:
        return list(range(segment.start, segment.stop))
    head, tail = int(bad[0]) - 1, n - int(bad[-1]) - 2
    chosen = [*range(max(head, 0)), *range(n - max(tail, 0), n)]
    return [segment.start + i for i in chosen]
