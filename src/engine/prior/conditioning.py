"""Known atoms beside a noisy state: what a Gaussian chain makes of both, before any network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .correlation import GlobularCorrelation
from .device_precision import chain_variances_scan, solve_chain_scan
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
    correlation: GlobularCorrelation, x_t: Tensor, sigma: Tensor, known: Known | None
) -> GaussianEstimate:
    r"""Posterior mean and noise level given :math:`x_t = \alpha_t x_0 + \sigma_t R\epsilon` and known atoms.

    The precision is :math:`P/\sigma_t^2 + W` with :math:`P = R^{-T}R^{-1}` and W the weights of the known
    atoms, the mean solves :math:`(P/\sigma_t^2 + W)\,m = (\alpha_t/\sigma_t^2) P x_t + W y`. Without known
    atoms this is :math:`\alpha_t x_t` and :math:`\sigma_t`. In float64; linear in the residues on the CPU, by scans
    on other devices, which nothing leaves.

    Parameters
    ----------
    correlation : GlobularCorrelation
    x_t : Tensor, shape (B, N, 4, 3)
    sigma : Tensor, shape (B,)
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
    s = sigma.double()
    mean = x_t * torch.sqrt(1.0 - s**2).to(x_t)[:, None, None, None]
    noise = s.to(x_t)[:, None, None].expand(b, n, 4)
    on_cpu = x_t.device.type == "cpu"
    # elsewhere to ask would be to wait for the device, and no known atoms come out the same
    if known is None or (on_cpu and not bool(known.weights.any())):
        return GaussianEstimate(mean, noise)
    if mean.requires_grad:
        raise ValueError("no gradient goes through known atoms: differentiate without them, or under torch.no_grad")
    weights = known.weights.detach().double().reshape(-1, 4 * n)
    # everything below works on the difference to the estimate without known atoms
    base = mean.detach().double().reshape(b, 4 * n, 3)
    pull = weights[..., None] * (known.target.detach().double().reshape(-1, 4 * n, 3) - base)
    shift, ratio = (_banded if on_cpu else _scanned)(correlation, s, weights, pull)
    return GaussianEstimate(mean + shift.reshape(x_t.shape).to(x_t), ratio.reshape(b, n, 4).to(x_t))


def _banded(correlation: GlobularCorrelation, sigma: Tensor, weights: Tensor, pull: Tensor) -> tuple[Tensor, Tensor]:
    """Shifts of the mean (B, 4N, 3) and ratios of standard deviations (B, 4N), chain by chain on the CPU."""
    s, w, pulls = sigma.numpy(), weights.numpy(), pull.numpy()
    b, scale = len(s), correlation.step_scale
    shift, ratio = np.zeros_like(pulls), np.empty(pulls.shape[:2])
    damping = 1.0 / s**2
    same = len(w) == 1 and bool((s == s[0]).all())
    rows = slice(0, 1) if same else slice(None)
    for part, decay in correlation.parts():
        atoms = part.stop - part.start
        posterior = chain_variances(decay, scale, damping[rows], np.broadcast_to(w[:, part], (b, atoms))[rows])
        ratio[:, part] = np.sqrt(posterior / _prior_variances(decay, scale, atoms))
        if same:
            columns = pulls[:, part].transpose(1, 0, 2)
            solved = solve_chain(decay, scale, damping[0], w[0, part], columns.reshape(atoms, -1))
            shift[:, part] = solved.reshape(columns.shape).transpose(1, 0, 2)
            continue
        for k in range(b):
            own = w[k % len(w), part]
            if own.any():
                shift[k, part] = solve_chain(decay, scale, damping[k], own, pulls[k, part])
    return torch.from_numpy(shift), torch.from_numpy(ratio)


def _scanned(correlation: GlobularCorrelation, sigma: Tensor, weights: Tensor, pull: Tensor) -> tuple[Tensor, Tensor]:
    """The same by scans, on the device of the tensors."""
    damping, w = sigma**-2, weights.expand(len(sigma), -1)
    shift, ratio = [], []
    for part, decay in correlation.parts():
        scale, own = correlation.step_scale, w[:, part]
        posterior = chain_variances_scan(decay, scale, damping, own)
        alone = torch.as_tensor(_prior_variances(decay, scale, own.shape[1]), device=own.device)
        ratio.append(torch.sqrt(posterior / alone))
        shift.append(solve_chain_scan(decay, scale, damping, own, pull[:, part]))
    return torch.cat(shift, 1), torch.cat(ratio, 1)


@lru_cache(maxsize=64)
def _prior_variances(decay: float, step_scale: float, atoms: int) -> NDArray[np.float64]:
    """Diagonal of R R^T of one chain, shape (1, atoms); the same at every step of a job."""
    return chain_variances(decay, step_scale, np.ones(1), np.zeros((1, atoms)))
