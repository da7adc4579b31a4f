"""Best parts of several replicas: missing segments between known ones succeed or fail on their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Composite", "missing_segments", "recombine", "supported_ends"]


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


def recombine(x: Tensor, quality: NDArray[np.float64], segments: list[slice], base: int) -> Composite:
    """Take each segment from the replica in which it is best, everything else from ``base``.

    Replicas must agree on the residues around the segments, as those of a partial model do.

    Parameters
    ----------
    x : Tensor, shape (replica, N, 4, 3)
    quality : ndarray, shape (replica, N)
        Per residue, such as the local correlation with the map; higher is better, NaN counts as -1.
    segments : list of slice
    base : int

    Returns
    -------
    Composite
    """
    means = np.array([np.nan_to_num(quality[:, s], nan=-1.0).mean(1) for s in segments]).reshape(-1, x.shape[0])
    source = tuple(int(k) for k in means.argmax(1)) if len(segments) else ()
    out = x[base].clone()
    for segment, replica in zip(segments, source, strict=True):
        out[segment] = torch.as_tensor(x[replica, segment])
    return Composite(out, source, tuple(float(m.max()) for m in means))


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
