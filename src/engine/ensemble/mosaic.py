"""One chain from the best stretches of several structures, changed over where they meet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["best_sources"]


def best_sources(
    ca: NDArray[np.float64], quality: NDArray[np.float64], linked: NDArray[np.bool_], price: float = 2.0
) -> NDArray[np.int64]:
    r"""Structure from which each residue is best taken.

    Maximises :math:`\sum_i q_{s_i i} - p \sum_i |x_{s_i i} - x_{s_{i+1} i}|^2` over the sources s of all residues, by
    dynamic programming (Viterbi): a stretch is taken from another structure if what it gains in quality is worth more
    than how far the structures lie apart where it begins and ends.

    Parameters
    ----------
    ca : ndarray, shape (source, N, 3)
        CA positions in one frame, in angstrom.
    quality : ndarray, shape (source, N)
        Of each residue; higher is better; NaN counts as -1.
    linked : ndarray of bool, shape (N - 1,)
        Whether each residue is bonded to the next; changes elsewhere are free.
    price : float
        Quality given up for a squared angstrom between the structures at a change. With local correlations, 2 lets
        ten residues that fit better by 0.05 each begin and end where the structures are up to 0.35 A apart.

    Returns
    -------
    ndarray of int64, shape (N,)
    """
    values = np.nan_to_num(quality, nan=-1.0)
    count, n = values.shape
    best = values[:, 0].copy()
    came: NDArray[np.int64] = np.zeros((n, count), np.int64)
    for i in range(1, n):
        apart = np.zeros((count, count))
        if linked[i - 1]:
            # the mean of both sides of the bond, so that neither end decides alone
            here = ca[:, i - 1 : i + 1]
            apart = np.square(here[:, None] - here[None, :]).sum(-1).mean(-1)
        scores = best[:, None] - price * apart  # from, to
        came[i] = scores.argmax(axis=0)
        best = scores.max(axis=0) + values[:, i]
    source: NDArray[np.int64] = np.zeros(n, np.int64)
    source[-1] = int(best.argmax())
    for i in range(n - 1, 0, -1):
        source[i - 1] = came[i, source[i]]
    return source
