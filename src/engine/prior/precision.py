"""Linear systems with the chain's precision matrix, in time linear in the atoms."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

__all__ = ["solve_chain"]


def solve_chain(
    decay: float, step_scale: float, damping: float, weights: NDArray[np.float64], rhs: NDArray[np.float64]
) -> NDArray[np.float64]:
    r"""Solve :math:`(\gamma R^{-T} R^{-1} + \mathrm{diag}(w))\,x = b` for one chain.

    :math:`R^{-1}` is a bidiagonal difference after the chain mean has been restored, so its precision
    :math:`R^{-T}R^{-1} = T + A S A^T` is tridiagonal plus rank two: a banded Cholesky factorisation
    and the Woodbury identity solve it exactly without any dense matrix.

    Parameters
    ----------
    decay : float
        Autoregressive coefficient B of the chain.
    step_scale : float
        Step scale a, in angstrom.
    damping : float
        :math:`\gamma > 0`.
    weights : ndarray, shape (n,)
        Diagonal w >= 0, one per atom, in 1/angstrom^2.
    rhs : ndarray, shape (n, columns)

    Returns
    -------
    ndarray, shape (n, columns)
    """
    n = len(weights)
    inverse_scale = damping / step_scale**2
    diagonal = np.full(n, 1.0 + decay * decay)
    diagonal[0] = 1.0  # (1 - B^2) from its own row, B^2 from the next one's
    diagonal[-1] = 1.0 if n > 1 else 1.0 - decay * decay
    banded = np.zeros((2, n))
    banded[1] = inverse_scale * diagonal + weights
    banded[0, 1:] = -decay * inverse_scale
    shrink = 1.0 - math.sqrt(1.0 - decay * decay)
    restore = shrink / (1.0 - shrink)
    row_sums = diagonal.copy()
    row_sums[1:] -= decay
    row_sums[:-1] -= decay
    row_sums *= inverse_scale
    low_rank = np.stack([row_sums, np.full(n, 1.0 / n)], axis=1)
    coupling = np.array([[0.0, restore], [restore, restore**2 * row_sums.sum()]])
    solved = solveh_banded(banded, np.concatenate([rhs, low_rank], axis=1), check_finite=False)
    base, spread = solved[:, :-2], solved[:, -2:]
    # Woodbury with a singular coupling when B is tiny: keep S on the outside
    small = np.eye(2) + coupling @ (low_rank.T @ spread)
    return base - spread @ np.linalg.solve(small, coupling @ (low_rank.T @ base))
