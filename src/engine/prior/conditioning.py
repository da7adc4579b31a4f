"""Known atoms beside a noisy state: what a Gaussian chain makes of both, before any network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .correlation import GlobularCorrelation
from .evidence import Known
from .precision import chain_variances, solve_chain

__all__ = ["GaussianEstimate", "gaussian_estimate"]


@dataclass(frozen=True)
class GaussianEstimate:
    r"""Posterior of clean coordinates under the Gaussian chain :math:`x_0 \sim \mathcal{N}(0, R R^T)`.

    Attributes
    ----------
    mean : Tensor, shape (B, N, 4, 3)
        In angstrom. Together with ``noise`` it holds all that :math:`x_t` and the known atoms say.
    noise : Tensor, shape (B, N, 4)
        Posterior standard deviation of each atom over its prior one, in (0, 1]: the noise level
        :math:`\sigma_t` where nothing is known, less near known atoms.
    """

    mean: Tensor
    noise: Tensor


def gaussian_estimate(
    correlation: GlobularCorrelation, x_t: Tensor, sigma: Sequence[float], known: Known | None
) -> GaussianEstimate:
    r"""Posterior mean and noise level given :math:`x_t = \alpha_t x_0 + \sigma_t R\epsilon` and known atoms.

    The precision is :math:`P/\sigma_t^2 + W` with :math:`P = R^{-T}R^{-1}` and W the weights of the known
    atoms, the mean solves :math:`(P/\sigma_t^2 + W)\,m = (\alpha_t/\sigma_t^2) P x_t + W y`. Without known
    atoms this is :math:`\alpha_t x_t` and :math:`\sigma_t`. Linear in the residues; on the CPU in float64.

    Parameters
    ----------
    correlation : GlobularCorrelation
    x_t : Tensor, shape (B, N, 4, 3)
    sigma : sequence of float, length B
        Noise scale of each example (:math:`\alpha_t^2 + \sigma_t^2 = 1`).
    known : Known or None
        In the frame of ``x_t``.

    Returns
    -------
    GaussianEstimate
        With the dtype and on the device of ``x_t``.

    Raises
    ------
    ValueError
        If a gradient with respect to ``x_t`` is asked for while atoms are known.
    """
    b, n = x_t.shape[:2]
    s = np.asarray(sigma, np.float64)
    alpha = np.sqrt(1.0 - s**2)
    mean = x_t * torch.from_numpy(alpha).to(x_t)[:, None, None, None]
    noise = torch.from_numpy(s).to(x_t)[:, None, None].expand(b, n, 4)
    if known is None or not bool(known.weights.any()):
        return GaussianEstimate(mean, noise)
    if mean.requires_grad:
        raise ValueError("no gradient goes through known atoms: differentiate without them, or under torch.no_grad")
    weights = _flat(known.weights).reshape(-1, 4 * n)
    target = _flat(known.target).reshape(-1, 4 * n, 3)
    # everything below works on the difference to the estimate without known atoms
    base = _flat(mean).reshape(b, 4 * n, 3)
    shift, ratio = np.zeros_like(base), np.empty((b, 4 * n))
    same = len(weights) == 1 and bool((s == s[0]).all())
    start = 0
    for length, decay in zip(correlation.lengths, correlation.decays, strict=True):
        part = slice(start, start + 4 * length)
        start += 4 * length
        w = weights[:, part]
        pull = w[..., None] * (target[:, part] - base[:, part])
        damping = 1.0 / s**2
        rows = slice(0, 1) if same else slice(None)
        each = np.broadcast_to(w, (b, 4 * length))
        posterior = chain_variances(decay, correlation.step_scale, damping[rows], each[rows])
        ratio[:, part] = np.sqrt(posterior / _prior_variances(decay, correlation.step_scale, 4 * length))
        if same:
            columns = pull.transpose(1, 0, 2).reshape(4 * length, -1)
            solved = solve_chain(decay, correlation.step_scale, damping[0], w[0], columns)
            shift[:, part] = solved.reshape(4 * length, b, 3).transpose(1, 0, 2)
            continue
        for k in range(b):
            own = w[k % len(w)]
            if own.any():
                shift[k, part] = solve_chain(decay, correlation.step_scale, damping[k], own, pull[k])
    return GaussianEstimate(
        mean + torch.from_numpy(shift).reshape(x_t.shape).to(x_t), torch.from_numpy(ratio).reshape(b, n, 4).to(x_t)
    )


@lru_cache(maxsize=64)
def _prior_variances(decay: float, step_scale: float, atoms: int) -> NDArray[np.float64]:
    """Diagonal of R R^T of one chain, shape (1, atoms); the same at every step of a job."""
    return chain_variances(decay, step_scale, np.ones(1), np.zeros((1, atoms)))


def _flat(values: Tensor) -> NDArray[np.float64]:
    return values.detach().to("cpu", torch.float64).numpy()
