"""The linear systems of `precision` as scans on any device, so that nothing of a step has to leave it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .precision import chain_rows

__all__ = ["chain_variances_scan", "solve_chain_scan"]


def solve_chain_scan(decay: float, step_scale: float, damping: Tensor, weights: Tensor, rhs: Tensor) -> Tensor:
    r"""Solve :math:`(\gamma R^{-T} R^{-1} + \mathrm{diag}(w))\,x = b` for several systems of one chain.

    The system of `precision.solve_chain`, whose tridiagonal part parallel cyclic reduction solves: the logarithm of
    the atoms in steps, each of them over all atoms at once, at a cost linear in the atoms times that logarithm.

    Parameters
    ----------
    decay, step_scale : float
        As in `precision.solve_chain`.
    damping : Tensor of float64, shape (B,)
        :math:`\gamma > 0` of each system.
    weights : Tensor of float64, shape (B, n)
        Diagonal w >= 0, one per atom, in 1/angstrom^2.
    rhs : Tensor of float64, shape (B, n, columns)

    Returns
    -------
    Tensor, shape (B, n, columns)

    References
    ----------
    Hockney and Jesshope, Parallel Computers (1981): parallel cyclic reduction.
    """
    system = _system(decay, step_scale, damping, weights)
    solved = _reduce(system, torch.cat([rhs, system.low_rank], dim=2))
    base, spread = solved[..., :-2], solved[..., -2:]
    inner = _inner(system, spread)
    return base - spread @ (inner @ (system.low_rank.mT @ base))


def chain_variances_scan(decay: float, step_scale: float, damping: Tensor, weights: Tensor) -> Tensor:
    """Diagonal of the inverses of those systems: posterior variances, as `precision.chain_variances`.

    The pivots from either end are ratios of leading determinants, which follow from products of 2 x 2 matrices; the
    products of all beginnings of the chain are taken by doubling.

    Parameters
    ----------
    decay, step_scale, damping, weights
        As in `solve_chain_scan`.

    Returns
    -------
    Tensor, shape (B, n)
        In angstrom^2.
    """
    system = _system(decay, step_scale, damping, weights)
    below = _pivots(system.diagonal, system.off_diagonal)
    above = _pivots(system.diagonal.flip(1), system.off_diagonal).flip(1)
    spread = _reduce(system, system.low_rank)
    correction = torch.einsum("bni,bij,bnj->bn", spread, _inner(system, spread), spread)
    return 1.0 / (below + above - system.diagonal) - correction


@dataclass(frozen=True)
class _System:
    """Tridiagonal part, and the rank-two part A S A^T, of several systems of one chain."""

    diagonal: Tensor
    off_diagonal: Tensor
    low_rank: Tensor
    coupling: Tensor


def _system(decay: float, step_scale: float, damping: Tensor, weights: Tensor) -> _System:
    n = weights.shape[1]
    inverse_scale = (damping / step_scale**2)[:, None]
    diagonal, sums, restore = chain_rows(decay, n)
    chain = torch.as_tensor(diagonal, device=weights.device)
    row_sums = torch.as_tensor(sums, device=weights.device) * inverse_scale
    low_rank = torch.stack([row_sums, torch.full_like(row_sums, 1.0 / n)], dim=2)
    coupling = weights.new_zeros(len(damping), 2, 2)
    coupling[:, 0, 1] = restore
    coupling[:, 1, 0] = restore
    coupling[:, 1, 1] = restore**2 * row_sums.sum(1)
    return _System(inverse_scale * chain + weights, -decay * inverse_scale, low_rank, coupling)


def _inner(system: _System, spread: Tensor) -> Tensor:
    """(1 + S A^T T^-1 A)^-1 S of Woodbury's identity, (B, 2, 2), with T^-1 A = ``spread``."""
    small = torch.eye(2, dtype=spread.dtype, device=spread.device) + system.coupling @ (system.low_rank.mT @ spread)
    (a, b), (c, d) = (row.unbind(-1) for row in small.unbind(-2))
    adjugate = torch.stack([torch.stack([d, -b], -1), torch.stack([-c, a], -1)], -2)
    return adjugate @ system.coupling / (a * d - b * c)[:, None, None]


def _reduce(system: _System, rhs: Tensor) -> Tensor:
    """Solutions (B, n, columns) of the tridiagonal parts: each step doubles the distance of the neighbours coupled."""
    n = rhs.shape[1]
    d, b = system.diagonal, rhs
    left = system.off_diagonal.expand(d.shape).clone()
    right = left.clone()
    left[:, 0] = 0.0
    right[:, n - 1] = 0.0
    stride = 1
    while stride < n:
        up = -left / _earlier(d, stride, 1.0)
        down = -right / _later(d, stride, 1.0)
        d = d + up * _earlier(right, stride, 0.0) + down * _later(left, stride, 0.0)
        b = b + up[..., None] * _earlier(b, stride, 0.0) + down[..., None] * _later(b, stride, 0.0)
        left, right = up * _earlier(left, stride, 0.0), down * _later(right, stride, 0.0)
        stride *= 2
    return b / d[..., None]


def _pivots(diagonal: Tensor, off_diagonal: Tensor) -> Tensor:
    """Pivots (B, n) of the factorisations from the first atom on: d_i less the square of e over the pivot before."""
    n = diagonal.shape[1]
    squared = (off_diagonal**2).expand(diagonal.shape)
    rows = (
        torch.stack([diagonal, -squared], -1),
        torch.stack([torch.ones_like(diagonal), torch.zeros_like(diagonal)], -1),
    )
    product = torch.stack(rows, -2)
    stride = 1
    while stride < n:
        # matrix i stands for atoms i - stride + 1 to i; before there are enough of them it is whole already
        joined = product[:, stride:] @ product[:, :-stride]
        product = torch.cat([product[:, :stride], joined], 1)
        product = product / product.abs().amax((-2, -1), keepdim=True)
        stride *= 2
    # acting on (1, 0): the determinant up to i, over that up to i - 1
    return product[..., 0, 0] / product[..., 1, 0]


def _earlier(values: Tensor, stride: int, fill: float) -> Tensor:
    """The value ``stride`` atoms before, along axis 1."""
    return torch.cat([torch.full_like(values[:, :stride], fill), values[:, :-stride]], 1)


def _later(values: Tensor, stride: int, fill: float) -> Tensor:
    return torch.cat([values[:, stride:], torch.full_like(values[:, :stride], fill)], 1)
