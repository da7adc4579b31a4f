"""Linear systems with the chain's precision matrix, in time linear in the atoms."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

__all__ = ["chain_rows", "chain_variances", "solve_chain"]


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
    system = _system(decay, step_scale, np.array([damping]), weights[None])
    banded = np.zeros((2, len(weights)))
    banded[1] = system.diagonal[0]
    banded[0, 1:] = system.off_diagonal[0]
    low_rank, coupling = system.low_rank[0], system.coupling[0]
    solved = solveh_banded(banded, np.concatenate([rhs, low_rank], axis=1), check_finite=False)
    base, spread = solved[:, :-2], solved[:, -2:]
    # Woodbury with a singular coupling when B is tiny: keep S on the outside
    small = np.eye(2) + coupling @ (low_rank.T @ spread)
    solution: NDArray[np.float64] = base - spread @ np.linalg.solve(small, coupling @ (low_rank.T @ base))
    return solution


def chain_variances(
    decay: float, step_scale: float, damping: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    r"""Diagonal of :math:`(\gamma R^{-T} R^{-1} + \mathrm{diag}(w))^{-1}` for one chain: posterior variances.

    Pivots of the two factorisations from either end give the diagonal of the tridiagonal inverse; the
    rank-two part is corrected by the Woodbury identity. Linear in the atoms.

    Parameters
    ----------
    decay, step_scale : float
        As in `solve_chain`.
    damping : ndarray, shape (B,)
        :math:`\gamma > 0` of each system.
    weights : ndarray, shape (B, n)

    Returns
    -------
    ndarray, shape (B, n)
        In angstrom^2.
    """
    system = _system(decay, step_scale, damping, weights)
    d, n = system.diagonal.T, weights.shape[1]
    squared = system.off_diagonal**2
    below, above = np.empty_like(d), np.empty_like(d)
    below[0], above[-1] = d[0], d[-1]
    for i in range(1, n):
        below[i] = d[i] - squared / below[i - 1]
    for i in range(n - 2, -1, -1):
        above[i] = d[i] - squared / above[i + 1]
    # columns of the tridiagonal inverse against the two low-rank vectors, by the same factorisation
    e = system.off_diagonal[:, None]
    forward = np.empty((n, len(damping), 2))
    low_rank = system.low_rank.transpose(1, 0, 2)
    forward[0] = low_rank[0]
    for i in range(1, n):
        forward[i] = low_rank[i] - e / below[i - 1][:, None] * forward[i - 1]
    spread = np.empty_like(forward)
    spread[-1] = forward[-1] / below[-1][:, None]
    for i in range(n - 2, -1, -1):
        spread[i] = (forward[i] - e * spread[i + 1]) / below[i][:, None]
    spread = spread.transpose(1, 0, 2)
    small = np.eye(2) + system.coupling @ (system.low_rank.transpose(0, 2, 1) @ spread)
    inner = np.linalg.solve(small, system.coupling)
    correction = np.einsum("bni,bij,bnj->bn", spread, inner, spread)
    variances: NDArray[np.float64] = (1.0 / (below + above - d)).T - correction
    return variances


def chain_rows(decay: float, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """The tridiagonal part of one chain's precision, before damping and step scale.

    Parameters
    ----------
    decay : float
        Autoregressive coefficient B; the elements off the diagonal are -B.
    n : int
        Atoms.

    Returns
    -------
    diagonal, sums : ndarray, shape (n,)
        Diagonal, and sums of the rows.
    restore : float
        Share of the mean that is put back.
    """
    diagonal = np.full(n, 1.0 + decay * decay)
    diagonal[0] = 1.0  # (1 - B^2) from its own row, B^2 from the next one's
    diagonal[-1] = 1.0 if n > 1 else 1.0 - decay * decay
    sums: NDArray[np.float64] = diagonal.copy()
    sums[1:] -= decay
    sums[:-1] -= decay
    shrink = 1.0 - math.sqrt(1.0 - decay * decay)
    return diagonal, sums, shrink / (1.0 - shrink)


@dataclass(frozen=True)
class _System:
    """Tridiagonal part, and the rank-two part A S A^T, of several systems of one chain."""

    diagonal: NDArray[np.float64]
    off_diagonal: NDArray[np.float64]
    low_rank: NDArray[np.float64]
    coupling: NDArray[np.float64]


def _system(decay: float, step_scale: float, damping: NDArray[np.float64], weights: NDArray[np.float64]) -> _System:
    n = weights.shape[1]
    inverse_scale = (damping / step_scale**2)[:, None]
    chain, sums, restore = chain_rows(decay, n)
    row_sums = sums * inverse_scale
    low_rank = np.stack([row_sums, np.full_like(row_sums, 1.0 / n)], axis=2)
    coupling = np.zeros((len(damping), 2, 2))
    coupling[:, 0, 1] = coupling[:, 1, 0] = restore
    coupling[:, 1, 1] = restore**2 * row_sums.sum(1)
    return _System(inverse_scale * chain + weights, -decay * inverse_scale[:, 0], low_rank, coupling)
