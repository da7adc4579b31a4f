"""Backbones on traces of CA atoms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .steps import BOND, Steps, label_steps, step_frames

__all__ = ["backbone_of"]

Array = NDArray[np.float64]


def backbone_of(before: Array, trace: Array, after: Array, steps: Steps) -> Array:
    """N, CA, C and O of a traced piece of a chain, its peptides turned as those of like traces are on average.

    That is exact enough to begin with: the trace is off by more than its peptides are.

    Parameters
    ----------
    before, after : ndarray, shape (a, 3), (b, 3)
        CA atoms on either side of it, in angstrom; where there are fewer than two, a helix goes on.
    trace : ndarray, shape (n, 3)
    steps : Steps
        Of chains from start to end.

    Returns
    -------
    ndarray, shape (n, 4, 3)
    """
    ca = np.concatenate([before[-2:], trace, after[:2]])
    lacking = 2 - len(before[-2:]), 2 - len(after[:2])
    ca = _prolonged(ca, lacking[1] + 1, steps)
    ca = _prolonged(ca[::-1], lacking[0], steps)[::-1]
    # quads (i - 1, i, i + 1, i + 2) give the peptide between i and i + 1
    placed = step_frames(ca[:-3], ca[1:-2], ca[2:-1])
    peptide = ca[1:-2, None] + np.einsum("nij,nkj->nki", placed, steps.peptide[label_steps(ca)])
    own = np.arange(len(trace))
    return np.stack([peptide[own, 2], trace, peptide[own + 1, 0], peptide[own + 1, 1]], 1)


def _prolonged(ca: Array, count: int, steps: Steps) -> Array:
    """A trace (M, 3) with further atoms at its end, each by the likeliest step; a straight line where it is short."""
    for _ in range(count):
        if len(ca) < 3:
            step = ca[-1] - ca[-2] if len(ca) == 2 else np.array([BOND, 0.0, 0.0])
        else:
            frame = step_frames(ca[-3], ca[-2], ca[-1])
            step = BOND * frame @ steps.directions[steps.log_first.argmax()]
        ca = np.concatenate([ca, ca[-1:] + step])
    return ca
