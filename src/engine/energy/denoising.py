"""Negative log-probability from errors of denoising, with the weights that information theory gives them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .contributions import Contributions, Denoise, Noise, noise_ratios

__all__ = ["denoising_energy_integral"]


@torch.no_grad()
def denoising_energy_integral(
    denoise: Denoise, y: Tensor, levels: Sequence[float], noise: Noise, *, draws: int = 1
) -> Contributions:
    r"""Integrate squared errors of the denoiser over the signal-to-noise ratio :math:`\gamma = 1/r^2`.

    .. math:: -\log p(y) = \frac12 \int_0^\Gamma E_\epsilon |y - \hat y_0(y + r\epsilon, r)|^2 \, d\gamma
        - \frac{D}{2} \log\frac{\Gamma}{2\pi e}

    in the limit of large :math:`\Gamma`, exactly if the denoiser is; for a finite one, it is the mean over the noise of
    the lowest level. No derivatives and no steps: each noise level is judged by itself, from noise drawn anew.

    Parameters
    ----------
    denoise : callable
    y : Tensor, shape (state, ...)
        Clean states, whitened.
    levels : sequence of float
        Noise ratios, rising; the integral follows the trapezoidal rule in their logarithm. Below the lowest signal, the
        estimate is taken to be zero.
    noise : callable
        Of the noise: numbers of the shape of one state.
    draws : int

    Returns
    -------
    Contributions
        One draw for each set of noise.

    References
    ----------
    Guo, Shamai & Verdu, IEEE Trans. Inf. Theory 51, 1261 (2005); Kong et al., Information-theoretic diffusion (2023),
    equation 8. Weighted otherwise, the same errors are a bound: Ho et al. (2020), equation 12.
    """
    ratios = noise_ratios(levels)
    signal = ratios**-2
    steps = np.abs(np.diff(np.log(signal)))
    weights = 0.5 * (np.append(steps, 0.0) + np.append(0.0, steps))
    found = []
    for _ in range(draws):
        total = 0.5 * float(signal[-1]) * y.square() - 0.5 * float(np.log(signal[0] / (2 * np.pi * np.e)))
        for ratio, gamma, weight in zip(ratios, signal, weights, strict=True):
            eps = noise()
            error = (y - denoise(y + float(ratio) * eps, float(ratio))).square()
            total = total + 0.5 * float(weight * gamma) * error
        found.append(total)
    return Contributions(torch.stack(found))
