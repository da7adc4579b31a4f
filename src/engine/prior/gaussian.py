"""A prior that knows only chain connectivity and size: the baseline "without the prior"."""

from __future__ import annotations

import torch
from torch import Tensor

from .conditioning import gaussian_estimate
from .correlation import GlobularCorrelation
from .evidence import NOTHING, Evidence
from .schedule import LogSnrSchedule

__all__ = ["GaussianPrior"]


class GaussianPrior:
    r"""The Gaussian chain :math:`p(x) = \mathcal{N}(0, R R^T)`, whose denoiser is exact.

    With :math:`x_0 \sim \mathcal{N}(0, R R^T)` the optimal denoiser is
    :math:`E[x_0 | x_t] = \alpha_t x_t`. It carries no knowledge of proteins beyond the noise process
    itself, so a solver run with it shows what the measurements alone give.
    """

    name = "gaussian"
    sees_known = True
    sees_density = False

    def __init__(self, correlation: GlobularCorrelation, schedule: LogSnrSchedule | None = None) -> None:
        self.correlation = correlation
        self.schedule = schedule or LogSnrSchedule()

    def denoise(self, x_t: Tensor, t: float, evidence: Evidence = NOTHING) -> Tensor:
        """Exact posterior mean, alpha_t x_t without known atoms; shapes as in `Prior.denoise`."""
        _, sigma = self.schedule.at(t)
        noise = torch.full((len(x_t),), sigma, dtype=torch.float64, device=x_t.device)
        return gaussian_estimate(self.correlation, x_t, noise, evidence.known).mean
