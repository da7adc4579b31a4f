"""Diffusion posterior sampling (DPS), the baseline that ADP-3D is compared with."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..prior.protocol import Prior
from .noise import ReplicaNoise

__all__ = ["posterior_sampling"]


def posterior_sampling(
    prior: Prior,
    misfit: Callable[[Tensor], Tensor],
    times: NDArray[np.float64],
    noise: ReplicaNoise,
    origin: Tensor,
    guidance: float = 1.0,
) -> Tensor:
    r"""Samples of the posterior by ancestral steps, each followed by a step along the measurement's gradient.

    :math:`z_{s} \sim p(z_s | z_t, \hat z_0) - \zeta\,\nabla_{z_t} \|y - A(\hat x_0(z_t))\|`, with the
    gradient taken through the denoiser (the normalised step of the reference's Algorithm 1). The
    prior is shown nothing of what is measured.

    Parameters
    ----------
    prior : Prior
        Must be differentiable in ``x_t``.
    misfit : callable
        Maps structures (replica, N, 4, 3) in the measurements' frame to the length of the residual y - A(x),
        (replica,).
    times : ndarray, shape (K + 1,)
        Decreasing diffusion times.
    noise : ReplicaNoise
    origin : Tensor, shape (3,)
        Centre of the prior's frame in the measurements' frame, in angstrom.
    guidance : float
        Step length zeta.

    Returns
    -------
    Tensor, shape (replica, N, 4, 3)
        In the measurements' frame, in angstrom.

    References
    ----------
    Chung et al., Diffusion posterior sampling for general noisy inverse problems (2023), Algorithm 1.
    """
    correlation, schedule = prior.correlation, prior.schedule
    shape = (sum(correlation.lengths), 4, 3)
    z = noise.draw(shape, origin.dtype, origin.device)
    clean = correlation.apply(z)
    for here, after in pairwise(times):
        (a_t, s_t), (a_s, s_s) = schedule.at(float(here)), schedule.at(float(after))
        with torch.enable_grad():
            z = z.detach().requires_grad_(True)
            clean = prior.denoise(correlation.apply(z), float(here))
            (gradient,) = torch.autograd.grad(misfit(clean + origin).sum(), z)
        clean = clean.detach()
        ratio = a_t / a_s
        fresh = s_t**2 - ratio**2 * s_s**2
        mean = (ratio * s_s**2 * z.detach() + a_s * fresh * correlation.inverse(clean)) / s_t**2
        spread = (fresh * s_s**2 / s_t**2) ** 0.5
        z = mean + spread * noise.draw(shape, origin.dtype, origin.device) - guidance * gradient
    return clean + origin
