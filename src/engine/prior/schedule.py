"""Noise schedule of the diffusion and the times that the solver visits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["LogSnrSchedule", "step_times"]


@dataclass(frozen=True)
class LogSnrSchedule:
    r"""Variance-preserving schedule whose log signal-to-noise ratio is linear in t.

    :math:`\alpha_t = \sqrt{\mathrm{sigmoid}(\lambda_t)}`,
    :math:`\sigma_t = \sqrt{\mathrm{sigmoid}(-\lambda_t)}`, with :math:`\lambda_t` falling from
    ``log_snr_start`` at t = 0 to ``log_snr_end`` at t = 1 (Ingraham et al. 2023: 13.5 and -7).
    """

    log_snr_start: float = 13.5
    log_snr_end: float = -7.0

    def log_snr(self, t: Tensor) -> Tensor:
        """Log signal-to-noise ratio at times t in [0, 1]."""
        return self.log_snr_start + (self.log_snr_end - self.log_snr_start) * t

    def alpha(self, t: Tensor) -> Tensor:
        """Signal scale at times t."""
        return torch.sigmoid(self.log_snr(t)).sqrt()

    def sigma(self, t: Tensor) -> Tensor:
        """Noise scale at times t, in units of the correlated noise R eps."""
        return torch.sigmoid(-self.log_snr(t)).sqrt()

    def at(self, t: float) -> tuple[float, float]:
        """(alpha_t, sigma_t) as floats."""
        log_snr = self.log_snr_start + (self.log_snr_end - self.log_snr_start) * t
        return math.sqrt(1 / (1 + math.exp(-log_snr))), math.sqrt(1 / (1 + math.exp(log_snr)))


def step_times(steps: int, kind: str = "linear", start: float = 1.0, end: float = 0.001) -> NDArray[np.float64]:
    r"""Times t_0 > t_1 > ... > t_K visited by a solver with K steps, shape (K + 1,).

    ``linear`` spaces them evenly; ``sqrt`` is the ADP-3D authors' choice,
    :math:`t_k = 1 - \sqrt{k/K}`, which spends most steps at low noise. Both run from ``start`` to
    ``end``.

    Raises
    ------
    ValueError
        If ``steps`` is not positive, the times are not decreasing inside [0, 1], or ``kind`` is unknown.
    """
    if steps < 1:
        raise ValueError("at least one step is needed")
    if not 0.0 <= end < start <= 1.0:
        raise ValueError("times must satisfy 0 <= end < start <= 1")
    fraction = np.linspace(0.0, 1.0, steps + 1)
    if kind == "linear":
        falling = 1.0 - fraction
    elif kind == "sqrt":
        falling = 1.0 - np.sqrt(fraction)
    else:
        raise ValueError(f"unknown schedule {kind!r}: use 'linear' or 'sqrt'")
    return end + (start - end) * falling
