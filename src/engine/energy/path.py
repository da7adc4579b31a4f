"""Negative log-probability along diffusion paths: the ratio of a path's probability there and back."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .contributions import Contributions, Denoise, Noise, noise_ratios, reference_energy

__all__ = ["path_energy"]


@torch.no_grad()
def path_energy(
    denoise: Denoise,
    y: Tensor,
    levels: Sequence[float],
    noise: Noise,
    *,
    paths: int = 1,
    data_variance: float = 1.0,
) -> Contributions:
    r"""Sum of step-wise log-ratios along random paths from the states to noise.

    Where the denoiser is exact, a path that noise takes is as likely backwards, as the model would draw it, as
    forwards, so

    .. math:: -\log p_{r_0}(y) = -\log p_{r_K}(y_K)
        - \sum_k \log\frac{p(y_k | y_{k+1})}{q(y_{k+1} | y_k)}

    holds for each path by itself in the limit of many steps. Steps back are Gaussian; their variance is that of
    coordinates of unit variance, with which the sum is exact for any number of steps if these are Gaussian. Where data
    are narrower than the noise, :math:`K` steps leave a bias of about :math:`(\ln r_K/r_0)/K` nats a coordinate for
    each unit of :math:`\ln r`: compare states of one molecule at the same levels.

    Parameters
    ----------
    denoise : callable
    y : Tensor, shape (state, ...)
        States at the lowest noise ratio, whitened.
    levels : sequence of float
        Noise ratios, rising.
    noise : callable
        Of the paths: numbers of the shape of one state.
    paths : int
    data_variance : float
        Of clean whitened coordinates.

    Returns
    -------
    Contributions
        One draw for each path.

    References
    ----------
    Sohl-Dickstein et al., Deep unsupervised learning using nonequilibrium thermodynamics (2015), equation 9; the
    diffusion path of "Can we extract physics-like energies from generative protein diffusion models?"
    """
    variances = noise_ratios(levels) ** 2
    found = []
    for _ in range(paths):
        state, total = y, torch.zeros_like(y)
        for low, high in itertools.pairwise(variances):
            added = float(high - low)
            eps = noise()
            ahead = state + added**0.5 * eps
            mean = ahead + added / float(high) * (denoise(ahead, float(high) ** 0.5) - ahead)
            shrink = float((data_variance + low) / (data_variance + high))
            back = (state - mean).square() / (2 * added * shrink) + 0.5 * float(np.log(shrink))
            total = total + back - 0.5 * eps.square()
            state = ahead
        found.append(total + reference_energy(state, data_variance + float(variances[-1])))
    return Contributions(torch.stack(found))
