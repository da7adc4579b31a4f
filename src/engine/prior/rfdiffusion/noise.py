r"""RFdiffusion's noise on frames, as the Gaussian noise of atoms that solvers know.

Its forward process moves frames: CA atoms by the variance-preserving kernel :math:`CA_t \sim
N(\sqrt{\bar\alpha_k} CA_0, (1 - \bar\alpha_k) c^2)` with c = 1/``crd_scale`` = 4 A, and axes by Brownian rotations of
spread :math:`\sigma_r(k)`. A solver holds four atoms a residue with :math:`x_t = \alpha_t x_0 + \sigma_t R\epsilon`.
The mapping:

- :math:`\alpha_t^2 = \bar\alpha_{tT}`, between steps by its logarithm; and R gives each CA independent noise of c in
  each direction. The translations are those of the network, exactly.
- R moves N, C and O with their CA, and adds independent noise of s to each of them. The axes that N, CA and C of x_t
  define are then turned away from those of x_0: by angles that grow with :math:`\sigma_t s/\alpha_t`. s is the largest
  for which they are never turned further than the network expects, at levels where axes are told at all.
- What lacks is added before the network sees the frames: a Brownian rotation, in the residue's own frame, with which
  the mean of :math:`\mathrm{tr}(Q)/3` is the network's, :math:`e^{-\sigma_r^2}`. Brownian rotations multiply it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .frames import IDEAL, residue_axes
from .igso3 import mean_character, spread_of_character

__all__ = ["FrameCorrelation", "FrameSchedule", "NoiseSettings", "turned_character", "widest_spread"]

_TOLD = 0.1
"""Mean of tr(Q)/3 below which axes tell the network nothing to speak of."""
_SAMPLES = 4096
"""Of the mean of tr(Q)/3: its standard error is below 0.008."""


@dataclass(frozen=True)
class NoiseSettings:
    """Constants of the forward process, by the names of the published configuration (``diffuser``).

    Attributes
    ----------
    T : int
        Steps.
    b_0, b_T : float
        Variances of the first and the last step of translations, for T = 200; others are scaled by 200/T.
    crd_scale : float
        1/angstrom.
    min_sigma, min_b, max_b : float
        Of rotations, in radians: min_sigma + min_b u + (max_b - min_b) u^2 / 2 with u = k/T.
    """

    T: int = 50
    b_0: float = 1e-2
    b_T: float = 7e-2
    crd_scale: float = 0.25
    min_sigma: float = 0.02
    min_b: float = 1.5
    max_b: float = 2.5

    @property
    def log_alpha_bar(self) -> NDArray[np.float64]:
        """Log of alpha bar at steps 0 to T, (T + 1,)."""
        betas = np.linspace(self.b_0, self.b_T, self.T) * 200 / self.T
        return np.concatenate([[0.0], np.cumsum(np.log1p(-betas))])

    def rotation_spread(self, step: float) -> float:
        """sigma_r at a step, in radians."""
        u = step / self.T
        return self.min_sigma + self.min_b * u + 0.5 * (self.max_b - self.min_b) * u**2


@dataclass(frozen=True)
class FrameSchedule:
    """Signal and noise scale of the translations."""

    settings: NoiseSettings

    def at(self, t: float) -> tuple[float, float]:
        """(alpha_t, sigma_t) at time t in [0, 1], between steps by log alpha bar."""
        values = self.settings.log_alpha_bar
        log = float(np.interp(t * self.settings.T, np.arange(len(values)), values))
        return math.exp(0.5 * log), math.sqrt(-math.expm1(log))

    def step(self, t: float) -> int:
        """Step of the network that is nearest, from 1."""
        return min(max(round(t * self.settings.T), 1), self.settings.T)

    def missing_turn(self, t: float, spread: float) -> float:
        """Spread in radians of the rotations that lack at time t, if N and C have noise ``spread`` about their CA."""
        alpha, sigma = self.at(t)
        have = turned_character(sigma * spread / alpha)
        return spread_of_character(min(1.0, mean_character(self.settings.rotation_spread(self.step(t))) / have))


class FrameCorrelation:
    """R of independent residues: x_CA = c z_CA, and x_a = x_CA + s z_a for the other atoms.

    Parameters
    ----------
    lengths : tuple of int
        Residues in each segment; they only count, as no residue knows of another.
    reach : float
        c, in angstrom.
    spread : float
        s, in angstrom.
    """

    def __init__(self, lengths: tuple[int, ...], reach: float, spread: float) -> None:
        self.lengths = tuple(int(length) for length in lengths)
        self.reach, self.spread = reach, spread
        root = torch.zeros(4, 4, dtype=torch.float64)
        root[:, 1] = reach
        for atom in (0, 2, 3):
            root[atom, atom] = spread
        self._root = root
        self._inverse = torch.linalg.inv(root)

    @property
    def log_determinant(self) -> float:
        """Log of |det R| over all coordinates."""
        return 3 * sum(self.lengths) * (math.log(self.reach) + 3 * math.log(self.spread))

    def apply(self, z: Tensor) -> Tensor:
        """Coordinates R z, in angstrom."""
        return torch.matmul(self._root.to(z), z)

    def inverse(self, x: Tensor) -> Tensor:
        """Whitened state R^-1 x."""
        return torch.matmul(self._inverse.to(x), x)

    def transpose(self, x: Tensor) -> Tensor:
        """Adjoint R^T x."""
        return torch.matmul(self._root.T.to(x), x)

    def inverse_transpose(self, z: Tensor) -> Tensor:
        """Adjoint of the inverse, R^-T z."""
        return torch.matmul(self._inverse.T.to(z), z)

    def solve(self, damping: float, weights: Tensor, rhs: Tensor) -> Tensor:
        """Solution x of (damping R^-T R^-1 + diag(weights)) x = rhs, residue by residue, in double precision."""
        precision = damping * (self._inverse.T @ self._inverse)
        matrix = precision.to(rhs.device) + torch.diag_embed(weights.detach().double())
        solved: Tensor = torch.linalg.solve(matrix.expand(*rhs.shape[:-1], 4), rhs.detach().double())
        return solved.to(rhs)


def turned_character(ratio: float) -> float:
    """Mean of tr(Q)/3 of the rotations by which axes turn, if N, C get noise ``ratio`` (A) about their CA."""
    logs, values = _turned()
    return float(np.interp(math.log(max(ratio, 1e-9)), logs, values, left=1.0))


def widest_spread(settings: NoiseSettings) -> float:
    """Largest s in angstrom that turns no axis further than the network expects."""
    logs, values = _turned()
    schedule = FrameSchedule(settings)
    found = math.inf
    for step in range(1, settings.T + 1):
        wanted = mean_character(settings.rotation_spread(step))
        if wanted < _TOLD:
            continue
        alpha, sigma = schedule.at(step / settings.T)
        # values fall as the ratio grows
        found = min(found, math.exp(np.interp(-wanted, -values, logs)) * alpha / sigma)
    return found


@lru_cache(maxsize=1)
def _turned() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logs of ratios, and means of tr(Q)/3, which fall."""
    noise = torch.randn(_SAMPLES, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    noise[:, 1] = 0.0
    own = residue_axes(IDEAL)[0]
    logs = np.linspace(math.log(1e-3), math.log(1e3), 121)
    values = []
    for log in logs:
        turned = residue_axes(IDEAL + math.exp(log) * noise)[0]
        values.append(float((turned * own).sum((-1, -2)).mean()) / 3.0)
    # beyond the signal nothing but the error of the mean is left
    return logs, np.minimum.accumulate(np.maximum(values, 1e-4))
