"""Unadjusted Langevin dynamics with known atoms as a hard constraint, a baseline that ADP-3D is compared with."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..prior.evidence import KnownAtoms
from ..prior.protocol import Correlation, Prior
from .noise import ReplicaNoise

__all__ = ["Clamp", "constrained_langevin", "langevin_step"]

_EXACT = 1e8
"""Inverse variance in 1/angstrom^2 that stands for a known atom. The chain's own are below 1, so the solution of the
linear system is off by 1e-8 of what it moves, and double precision still holds the rest."""
_LONGEST = 0.9
"""Largest step in units of the one that would forget the state; 2 is where the dynamics explodes."""


class Clamp:
    r"""The Gaussian chain :math:`x \sim \mathcal{N}(0, R R^T)` given that known atoms are where they are.

    Parameters
    ----------
    correlation : Correlation
        R.
    model : KnownAtoms or None
        Known atoms in the frame of the prior; how certain they are does not matter. None: nothing is held.
    """

    def __init__(self, correlation: Correlation, model: KnownAtoms | None) -> None:
        self._correlation = correlation
        self._model = model

    def place(self, x: Tensor) -> Tensor:
        r"""Known atoms in their places, the others moved along: :math:`x + \Sigma M^T (M\Sigma M^T)^{-1}(y - Mx)`.

        Of a draw of the chain it makes a draw of the conditional one; shapes (replica, N, 4, 3).
        """
        if self._model is None:
            return x
        known = self._model.known[..., None]
        return torch.where(known, self._model.target, x + self._carried(self._model.target - x))

    def project(self, v: Tensor) -> Tensor:
        r"""Part of a move that leaves known atoms where they are, :math:`R \Pi R^{-1} v` with a projector :math:`\Pi`.

        Of noise with the chain's covariance it makes noise with that of the conditional chain.
        """
        if self._model is None:
            return v
        return torch.where(self._model.known[..., None], torch.zeros_like(v), v + self._carried(-v))

    def _carried(self, gap: Tensor) -> Tensor:
        """How far all atoms move when known ones move by ``gap``."""
        assert self._model is not None
        weights = _EXACT * self._model.known.to(gap)
        return self._correlation.solve(1.0, weights, weights[..., None] * gap)


def langevin_step(
    prior: Prior, clamp: Clamp, x: Tensor, clean: Tensor, t: float, size: float, noise: ReplicaNoise
) -> Tensor:
    r"""One step :math:`x + \eta C \nabla \log p_t(x) + \sqrt{2\eta}\,C^{1/2}\xi` with :math:`\eta` = size sigma_t^2.

    C is the covariance of the conditional chain, so known atoms stay. With the score of equation 5 of the reference
    the drift is ``size`` times :math:`R \Pi R^{-1}(\alpha_t \hat x_0 - x)`.

    Parameters
    ----------
    prior : Prior
    clamp : Clamp
    x, clean : Tensor, shape (replica, N, 4, 3)
        State at time t with known atoms in their places, and what the prior makes of it.
    t : float
    size : float
        Above 0 and below 2.
    noise : ReplicaNoise

    References
    ----------
    Levy et al., ADP-3D, equation 5; Roberts and Tweedie, Bernoulli 2, 341 (1996), for what is left unadjusted.
    """
    alpha, sigma = prior.schedule.at(t)
    fresh = prior.correlation.apply(noise.draw(tuple(x.shape[1:]), x.dtype, x.device))
    return x + clamp.project(size * (alpha * clean - x) + math.sqrt(2.0 * size) * sigma * fresh)


def constrained_langevin(
    prior: Prior,
    times: NDArray[np.float64],
    noise: ReplicaNoise,
    origin: Tensor,
    model: KnownAtoms | None = None,
    misfit: Callable[[Tensor], Tensor] | None = None,
    *,
    mobility: float = 4.0,
    guidance: float = 0.0,
) -> Tensor:
    r"""Samples of a posterior by annealed Langevin dynamics, known atoms held in their places throughout.

    The scheme of Chroma's ``SubstructureConditioner`` with its ``langevin`` dynamics at temperature 1: known atoms
    are replaced by their true places at every noise level, the others start as the Gaussian chain between them, and
    :math:`dx = \tfrac{\psi}{2}\beta_t C\nabla\log p_t\,dt + \sqrt{\psi\beta_t}\,C^{1/2}dw` is followed down the
    noise levels in one step for each network call. In log signal-to-noise ratio, the step of `langevin_step` is
    :math:`\psi\,\Delta\log\mathrm{SNR}/2`. Measurements that no linear constraint can hold pull by a normalised
    gradient through the denoiser, as in `posterior_sampling`.

    Parameters
    ----------
    prior : Prior
        Is not shown the known atoms; must be differentiable if there is a ``misfit``.
    times : ndarray, shape (K + 1,)
        Decreasing diffusion times.
    noise : ReplicaNoise
    origin : Tensor, shape (3,)
        Centre of the prior's frame in the measurements' frame, in angstrom.
    model : KnownAtoms, optional
        Hard constraint, in the measurements' frame.
    misfit : callable, optional
        Maps clean structures (replica, N, 4, 3) in the measurements' frame to the length of the residual, (replica,).
    mobility : float
        :math:`\psi` ("langevin_factor"). Where noise falls as fast as the schedule says, the state's variance is
        :math:`\psi/(\psi - 1)` times that of its level.
    guidance : float
        Length of the step along the gradient of the misfit with respect to the whitened state.

    Returns
    -------
    Tensor, shape (replica, N, 4, 3)
        The last denoised structures with known atoms in their places, in the measurements' frame, in angstrom.

    References
    ----------
    Ingraham et al., Nature 623, 1070 (2023), supplement, section M; Levy et al., ADP-3D, section 5.
    """
    correlation, schedule = prior.correlation, prior.schedule
    clamp = Clamp(correlation, None if model is None else model.relative_to(origin))
    shape = (sum(correlation.lengths), 4, 3)
    x = clamp.place(correlation.apply(noise.draw(shape, origin.dtype, origin.device)))
    clean = x
    for here, after in pairwise(times):
        clean, pull = _denoised(prior, x, float(here), origin, misfit if guidance else None)
        size = min(
            _LONGEST, 0.5 * mobility * (_log_snr(schedule.at(float(after))) - _log_snr(schedule.at(float(here))))
        )
        x = langevin_step(prior, clamp, x, clean, float(here), size, noise)
        if pull is not None:
            x = x - guidance * clamp.project(pull)
    return clamp.place(clean) + origin


def _denoised(
    prior: Prior, x: Tensor, t: float, origin: Tensor, misfit: Callable[[Tensor], Tensor] | None
) -> tuple[Tensor, Tensor | None]:
    r"""Clean structures, and :math:`R R^T \nabla_x` of the misfit: its gradient in whitened space, carried back."""
    if misfit is None:
        with torch.no_grad():
            return prior.denoise(x, t), None
    correlation = prior.correlation
    with torch.enable_grad():
        z = correlation.inverse(x).detach().requires_grad_(True)
        clean = prior.denoise(correlation.apply(z), t)
        (gradient,) = torch.autograd.grad(misfit(clean + origin).sum(), z)
    return clean.detach(), correlation.apply(gradient)


def _log_snr(scales: tuple[float, float]) -> float:
    alpha, sigma = scales
    return 2.0 * math.log(alpha / sigma)
