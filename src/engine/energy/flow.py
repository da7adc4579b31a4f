"""Negative log-probability along the probability flow: the noise-free way from data to noise."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from .contributions import Contributions, Denoise, Noise, noise_ratios, reference_energy

__all__ = ["CALLS", "INTEGRATORS", "Integrator", "flow_energy"]

Integrator = Literal["euler", "heun", "rk4"]
CALLS: Mapping[Integrator, int] = {"euler": 1, "heun": 2, "rk4": 4}
"""Of the denoiser in a step, one of which its trace is taken of."""
INTEGRATORS = tuple(CALLS)
"""Of first, second and fourth order."""


def flow_energy(
    denoise: Denoise,
    y: Tensor,
    levels: Sequence[float],
    noise: Noise,
    *,
    probes: int = 1,
    integrator: Integrator = "heun",
    data_variance: float = 1.0,
) -> Contributions:
    r"""Integrate the change of log-probability along the probability flow.

    With the noise ratio :math:`r`, :math:`dy/d\ln r = y - \hat y_0(y, r)` carries states of
    :math:`p_r = p_0 * \mathcal{N}(0, r^2)` to states of higher noise, and

    .. math:: -\log p_{r_0}(y) = -\log p_{r_K}(y_K)
        - \int \left(D - \mathrm{tr}\,\frac{\partial \hat y_0}{\partial y}\right) d\ln r .

    The trace is estimated as :math:`v^T (\partial \hat y_0/\partial y)\, v` with probes :math:`v` of random signs, the
    same for all states and at all noise levels; both terms are sums over coordinates.

    Parameters
    ----------
    denoise : callable
        Differentiable in its first argument.
    y : Tensor, shape (state, ...)
        States at the lowest noise ratio, whitened.
    levels : sequence of float
        Noise ratios, rising.
    noise : callable
        Of the probes: numbers of the shape of one state.
    probes : int
        How many; the gradient is computed for each.
    integrator : str
        Of the flow; the integral follows the trapezoidal rule.
    data_variance : float
        Of clean whitened coordinates, as far as it matters at the highest noise.

    Returns
    -------
    Contributions
        One draw for each probe.

    References
    ----------
    Song et al., Score-based generative modeling through SDEs (2021), section 4.3; Grathwohl et al., FFJORD (2019).
    """
    ratios = noise_ratios(levels)
    signs = torch.stack([noise() for _ in range(probes)]).sign()
    integral = y.new_zeros(probes, *y.shape)
    clean, density = _with_trace(denoise, y, float(ratios[0]), signs)
    for low, high in itertools.pairwise(ratios):
        step = float(np.log(high / low))
        y = _advance(denoise, y, clean, float(low), step, integrator)
        clean, after = _with_trace(denoise, y, float(high), signs)
        integral = integral + 0.5 * step * (density + after)
        density = after
    return Contributions(reference_energy(y, data_variance + float(ratios[-1]) ** 2) - integral)


def _with_trace(denoise: Denoise, y: Tensor, ratio: float, signs: Tensor) -> tuple[Tensor, Tensor]:
    """Clean estimate, and one minus the diagonal of its Jacobian as the probes see it, (probe, state, ...)."""
    with torch.enable_grad():
        y = y.detach().requires_grad_(True)
        clean = denoise(y, ratio)
        seen = []
        for k, sign in enumerate(signs):
            probe = sign.expand_as(clean)
            (back,) = torch.autograd.grad(clean, y, probe, retain_graph=k + 1 < len(signs))
            seen.append(1.0 - probe * back)
    return clean.detach(), torch.stack(seen)


@torch.no_grad()
def _advance(denoise: Denoise, y: Tensor, clean: Tensor, ratio: float, step: float, integrator: Integrator) -> Tensor:
    """State at the ratio times exp(step).

    What the state is away from a fixed clean estimate grows exactly as the ratio does, which is why the steps of first
    and second order are taken in that form.
    """
    grown = float(np.exp(step))
    if integrator == "euler":
        return clean + grown * (y - clean)
    if integrator == "heun":
        ahead = denoise(clean + grown * (y - clean), ratio * grown)
        # weights for an estimate that changes evenly in ln r
        first = (grown - 1 - step) / step
        return y + first * (y - ahead) + (grown - 1 - first) * (y - clean)

    def slope(state: Tensor, at: float) -> Tensor:
        return state - denoise(state, ratio * float(np.exp(at)))

    a = y - clean
    b = slope(y + 0.5 * step * a, 0.5 * step)
    c = slope(y + 0.5 * step * b, 0.5 * step)
    d = slope(y + step * c, step)
    return y + step / 6 * (a + 2 * b + 2 * c + d)
