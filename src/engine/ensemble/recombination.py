"""Best parts of several replicas: missing segments between known ones succeed or fail on their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .ranking import SCALES, standardised

__all__ = ["Composite", "Deciding", "missing_segments", "recombine", "supported_ends"]

_SAME = 1.0
"""Angstrom (rms) up to which replicas run the same way, and nothing has to be chosen: what else is measured tells no
more, and asking it takes as many evaluations as there are replicas."""
_LEAST = 1e-6
"""Of what chance makes of a quality."""
_LOST = 500.0
"""Nats below the best from which a structure is astray, and it does not matter how far: a hundred times the scale of
`SCALES`. Chosen by hand."""


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
class Deciding:
    """What decides between replicas that run differently, where their quality does not.

    Attributes
    ----------
    chance : tuple of float
        For each segment, by how much its mean quality differs by chance.
    judges : tuple of callable
        Log-likelihoods of structures (structure, N, 4, 3) in nats, (structure,), one for each measurement.
    """

    chance: tuple[float, ...]
    judges: tuple[Callable[[Tensor], Tensor], ...]


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
    x: Tensor, quality: NDArray[np.float64], segments: list[slice], base: int, deciding: Deciding | None = None
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
    deciding : Deciding, optional
        What is measured beside the quality.

    Returns
    -------
    Composite
    """
    means = np.array([np.nan_to_num(quality[:, s], nan=-1.0).mean(1) for s in segments]).reshape(-1, x.shape[0])
    source = [int(k) for k in means.argmax(1)] if len(segments) else []
    out = x[base].clone()
    for segment, replica in zip(segments, source, strict=True):
        out[segment] = torch.as_tensor(x[replica, segment])
    if deciding is not None:
        differing = [k for k, s in enumerate(segments) if _apart(x[:, s, 1], source[k]) > _SAME]
        for k in sorted(differing, key=lambda k: segments[k].start - segments[k].stop):
            source[k], out = _decided(x, out, segments[k], means[k] / max(deciding.chance[k], _LEAST), deciding.judges)
    return Composite(out, tuple(source), tuple(float(m[k]) for m, k in zip(means, source, strict=True)))


def _decided(
    x: Tensor,
    out: Tensor,
    segment: slice,
    quality: NDArray[np.float64],
    judges: Sequence[Callable[[Tensor], Tensor]],
) -> tuple[int, Tensor]:
    """Replica from which a segment of a structure (N, 4, 3) is taken, by its qualities (replica,) and judges."""
    ahead = np.sort(quality)
    # standardised values of n structures are no further apart
    if ahead[-1] - ahead[-2] > len(judges) * math.sqrt(2.0 * (len(x) - 1)):
        return int(quality.argmax()), out
    several = out.expand(len(x), -1, -1, -1).clone()
    several[:, segment] = x[:, segment]
    score = quality.copy()
    for judge in judges:
        values = np.nan_to_num(judge(several).cpu().double().numpy(), nan=-np.inf)
        # one structure that went astray must not make the others look alike
        values = np.maximum(values, values.max() - _LOST) if np.isfinite(values.max()) else np.zeros(len(x))
        score += standardised(torch.from_numpy(values), SCALES["log_likelihood"]).numpy()
    chosen = int(score.argmax())
    return chosen, several[chosen]


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
