"""The noise correlation operator R: x = R z, all of its four forms in time linear in the residues."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from .device_precision import solve_chain_scan
from .precision import solve_chain

__all__ = ["GlobularCorrelation"]

STEP_SCALE = 1.5587407701549267
"""Standard deviation a of one chain step, in angstrom (Ingraham et al. 2023)."""

_NU = 2.0 / 5.0
_RG_PREFACTOR = 2.0 / 3.0
_BLOCK = 64


class GlobularCorrelation:
    r"""Correlation of the diffusion noise along each chain ("globular" covariance of Chroma).

    Within a chain of :math:`n = 4N` atoms, :math:`y_i = w_i + B y_{i-1}` with
    :math:`w_1 = z_1/\sqrt{1-B^2}` and :math:`w_i = z_i`, then
    :math:`x = a\,(y - \tfrac{s_0-1}{s_0}\bar y)` with :math:`s_0 = 1/\sqrt{1-B^2}`. The decay B is the
    one that gives the chain the radius of gyration of a globular protein of its length.

    Every method maps (..., N, 4, 3) to (..., N, 4, 3) and acts on the flattened 4N atom axis, per
    chain and per xyz column, at a cost linear in N; all are differentiable.

    Parameters
    ----------
    lengths : tuple of int
        Residues in each chain (or uninterrupted segment), in order.

    References
    ----------
    Ingraham et al., Nature 623, 1070 (2023), supplement; Levy et al., ADP-3D, section 3.1.
    """

    def __init__(self, lengths: tuple[int, ...]) -> None:
        if not lengths or min(lengths) < 1:
            raise ValueError("each chain needs at least one residue")
        self.lengths = tuple(int(length) for length in lengths)
        self.step_scale = STEP_SCALE
        self.decays = tuple(globular_decay(4 * length) for length in self.lengths)

    @property
    def n_residues(self) -> int:
        """Number of residues N over all chains."""
        return sum(self.lengths)

    @property
    def log_determinant(self) -> float:
        """Log of |det R|: a for each coordinate, as what R makes of a chain's first atom and of its mean cancels."""
        return 3 * 4 * self.n_residues * math.log(self.step_scale)

    def apply(self, z: Tensor) -> Tensor:
        """Coordinates x = R z, in angstrom."""
        return self._per_chain(z, _forward)

    def inverse(self, x: Tensor) -> Tensor:
        """Whitened state z = R^-1 x."""
        return self._per_chain(x, _inverse)

    def transpose(self, x: Tensor) -> Tensor:
        """Adjoint R^T x; it carries a gradient with respect to x to one with respect to z."""
        return self._per_chain(x, _transpose)

    def inverse_transpose(self, z: Tensor) -> Tensor:
        """Adjoint of the inverse, R^-T z."""
        return self._per_chain(z, _inverse_transpose)

    def solve(self, damping: float, weights: Tensor, rhs: Tensor) -> Tensor:
        r"""Solve :math:`(\gamma R^{-T} R^{-1} + \mathrm{diag}(w))\,x = b` exactly, at linear cost.

        With :math:`b = \gamma R^{-T}R^{-1}\tilde x + w\,y` this is the proximal step of a partial model:
        the posterior mean of :math:`x \sim \mathcal{N}(\tilde x, \gamma^{-1} R R^T)` given atoms measured
        at y with variance 1/w. In float64: banded factorisations on the CPU, scans on other devices, which nothing
        leaves; not differentiable.

        Parameters
        ----------
        damping : float
            :math:`\gamma > 0`, dimensionless.
        weights : Tensor, shape (N, 4) or (replica, N, 4)
            w >= 0 for each atom, in 1/angstrom^2.
        rhs : Tensor, shape (replica, N, 4, 3)

        Returns
        -------
        Tensor, shape (replica, N, 4, 3)
        """
        replicas, atoms = rhs.shape[0], 4 * self.n_residues
        b = rhs.detach().double().reshape(replicas, atoms, 3)
        w = weights.detach().double().reshape(-1, atoms)
        solved = self._banded(damping, w, b) if rhs.device.type == "cpu" else self._scanned(damping, w, b)
        return solved.reshape(rhs.shape).to(rhs.dtype)

    def _banded(self, damping: float, weights: Tensor, rhs: Tensor) -> Tensor:
        w, b = weights.numpy(), rhs.numpy()
        out = np.empty_like(b)
        for part, decay in self.parts():
            if len(w) == 1:
                columns = b[:, part].transpose(1, 0, 2)
                solved = solve_chain(decay, STEP_SCALE, damping, w[0, part], columns.reshape(len(columns), -1))
                out[:, part] = solved.reshape(columns.shape).transpose(1, 0, 2)
            else:
                for r in range(len(b)):
                    out[r, part] = solve_chain(decay, STEP_SCALE, damping, w[r, part], b[r, part])
        return torch.from_numpy(out)

    def _scanned(self, damping: float, weights: Tensor, rhs: Tensor) -> Tensor:
        gamma = torch.full((len(rhs),), damping, dtype=rhs.dtype, device=rhs.device)
        w = weights.expand(len(rhs), -1)
        done = [solve_chain_scan(decay, STEP_SCALE, gamma, w[:, part], rhs[:, part]) for part, decay in self.parts()]
        return torch.cat(done, 1)

    def parts(self) -> Iterator[tuple[slice, float]]:
        """Atoms of each chain, of all 4N, and its decay."""
        start = 0
        for length, decay in zip(self.lengths, self.decays, strict=True):
            yield slice(start, start + 4 * length), decay
            start += 4 * length

    def _per_chain(self, v: Tensor, fn: Callable[[Tensor, float], Tensor]) -> Tensor:
        if v.shape[-3:] != (self.n_residues, 4, 3):
            raise ValueError(f"expected shape (..., {self.n_residues}, 4, 3), got {tuple(v.shape)}")
        flat = v.reshape(*v.shape[:-3], 4 * self.n_residues, 3)
        parts = torch.split(flat, [4 * length for length in self.lengths], dim=-2)
        done = [fn(part, decay) for part, decay in zip(parts, self.decays, strict=True)]
        return torch.cat(done, dim=-2).reshape(v.shape)


def globular_decay(n_atoms: int) -> float:
    """Autoregressive coefficient B of a chain of ``n_atoms`` backbone atoms, in [1e-4, 1 - 1e-4].

    Chooses B so that the chain's radius of gyration follows the scaling law of globular proteins,
    Rg ~ n^(2/5) (Ingraham et al. 2023, supplement).
    """
    n = float(n_atoms)
    under_root = n ** (2 * (_NU - 1)) * (n * n + 9.0) - (STEP_SCALE / _RG_PREFACTOR) ** 2
    decay: float = 3.0 / n + n**-_NU * math.sqrt(max(under_root, 0.0))
    return min(max(decay, 1e-4), 1.0 - 1e-4)


def _mean_shrinkage(decay: float) -> float:
    """Part of the chain mean that is removed: (s0 - 1) / s0."""
    return 1.0 - math.sqrt(1.0 - decay * decay)


def _forward(z: Tensor, decay: float) -> Tensor:
    w = torch.cat([z[..., :1, :] / math.sqrt(1.0 - decay * decay), z[..., 1:, :]], dim=-2)
    y = _scan(w, decay)
    return STEP_SCALE * (y - _mean_shrinkage(decay) * y.mean(-2, keepdim=True))


def _transpose(x: Tensor, decay: float) -> Tensor:
    y = STEP_SCALE * (x - _mean_shrinkage(decay) * x.mean(-2, keepdim=True))
    w = _scan(y.flip(-2), decay).flip(-2)
    return torch.cat([w[..., :1, :] / math.sqrt(1.0 - decay * decay), w[..., 1:, :]], dim=-2)


def _restore_mean(x: Tensor, decay: float) -> Tensor:
    """Inverse of removing part of the mean; the operator is symmetric."""
    shrink = _mean_shrinkage(decay)
    return x + (shrink / (1.0 - shrink)) * x.mean(-2, keepdim=True)


def _inverse(x: Tensor, decay: float) -> Tensor:
    y = _restore_mean(x, decay) / STEP_SCALE
    first = y[..., :1, :] * math.sqrt(1.0 - decay * decay)
    return torch.cat([first, y[..., 1:, :] - decay * y[..., :-1, :]], dim=-2)


def _inverse_transpose(z: Tensor, decay: float) -> Tensor:
    w = torch.cat([z[..., :1, :] * math.sqrt(1.0 - decay * decay), z[..., 1:, :]], dim=-2)
    y = torch.cat([w[..., :-1, :] - decay * w[..., 1:, :], w[..., -1:, :]], dim=-2)
    return _restore_mean(y, decay) / STEP_SCALE


def _scan(w: Tensor, decay: float) -> Tensor:
    """Solve y_i = w_i + decay * y_{i-1} along axis -2 in blocks, so that no long Python loop is needed.

    Inside a block the recurrence is one small triangular product; the carries between blocks obey
    the same recurrence with ``decay**block``, and are scanned in turn.
    """
    n = w.shape[-2]
    if n <= _BLOCK:
        return _power_triangle(n, decay, w) @ w
    pad = -n % _BLOCK
    padded = torch.cat([w, w.new_zeros(*w.shape[:-2], pad, w.shape[-1])], dim=-2) if pad else w
    blocks = padded.reshape(*w.shape[:-2], (n + pad) // _BLOCK, _BLOCK, w.shape[-1])
    inside = _power_triangle(_BLOCK, decay, w) @ blocks
    ends = _scan(inside[..., -1, :], decay**_BLOCK)
    carry = torch.cat([torch.zeros_like(ends[..., :1, :]), ends[..., :-1, :]], dim=-2)
    powers = decay ** torch.arange(1, _BLOCK + 1, dtype=w.dtype, device=w.device)
    full = inside + powers[:, None] * carry[..., None, :]
    return full.reshape(*w.shape[:-2], n + pad, w.shape[-1])[..., :n, :]


def _power_triangle(n: int, decay: float, like: Tensor) -> Tensor:
    """Lower-triangular (n, n) matrix of decay^(i-j), with the dtype and device of ``like``."""
    i = torch.arange(n, device=like.device)
    gap = i[:, None] - i[None, :]
    powers = torch.pow(torch.tensor(decay, dtype=torch.float64, device=like.device), gap.clamp(min=0))
    return (powers * (gap >= 0)).to(like.dtype)
