"""A prior in the coordinates of its own noise."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ..prior.evidence import NOTHING, Evidence
from ..prior.protocol import Prior

__all__ = ["HIGHEST_TIME", "LOWEST_TIME", "WhitenedPrior"]

LOWEST_TIME, HIGHEST_TIME = 0.05, 1.0
"""Diffusion times between which energies are integrated by default. At 0.05 noise moves a CA by about 0.1 A: below it,
learned scores are of bond lengths and of the weights' own roughness (see the sweep in docs/results.md)."""


class WhitenedPrior:
    r"""Denoiser of whitened coordinates :math:`y = R^{-1} x`, with noise of unit variance in each.

    Parameters
    ----------
    prior : Prior
    """

    def __init__(self, prior: Prior) -> None:
        self._prior = prior

    def levels(self, steps: int, lowest: float = LOWEST_TIME, highest: float = HIGHEST_TIME) -> list[float]:
        """Noise ratios sigma/alpha at steps + 1 times, evenly spaced."""
        return [self.ratio(float(t)) for t in np.linspace(lowest, highest, steps + 1)]

    def ratio(self, t: float) -> float:
        """Noise ratio at a time."""
        alpha, sigma = self._prior.schedule.at(t)
        return sigma / alpha

    def denoise(self, y: Tensor, ratio: float, evidence: Evidence = NOTHING) -> Tensor:
        """Estimate of whitened clean coordinates (state, N, 4, 3) at a noise ratio.

        Evidence is in the frame of the coordinates before they are whitened.
        """
        correlation, t = self._prior.correlation, self._time(ratio)
        alpha, _ = self._prior.schedule.at(t)
        clean = self._prior.denoise(alpha * correlation.apply(y), t, evidence)
        return correlation.inverse(clean)

    def whiten(self, x: Tensor) -> Tensor:
        """Whitened coordinates of backbones (state, N, 4, 3) in angstrom, as they lie."""
        return self._prior.correlation.inverse(x)

    @property
    def log_volume(self) -> float:
        r"""Log of the volume that R makes of a unit one: :math:`-\log p(x) = -\log p(y) + \log|\det R|`."""
        return self._prior.correlation.log_determinant

    def _time(self, ratio: float) -> float:
        """Time at which the schedule has a noise ratio; schedules rise, whatever their form."""
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            if self.ratio(middle) < ratio:
                low = middle
            else:
                high = middle
        return 0.5 * (low + high)
