"""What the solver asks of its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

__all__ = ["Level", "LocalPotential", "Observer", "Potential", "SolverState", "Update"]


@dataclass(frozen=True)
class Level:
    """Where the solver stands: step k of K, diffusion time t, signal scale alpha and noise scale sigma."""

    step: int
    total: int
    t: float
    alpha: float
    sigma: float


@dataclass(frozen=True)
class SolverState:
    """Everything needed to go on from one step to the next.

    Attributes
    ----------
    step : int
        Steps done.
    z : Tensor, shape (replica, N, 4, 3)
        Noisy whitened state, relative to ``origin``.
    origin : Tensor, shape (replica, 1, 1, 3)
        Centre of each replica in the measurements' frame, in angstrom.
    velocities : tuple of Tensor
        Accumulated step of each update, shaped like ``z``.
    estimate : Tensor, shape (replica, N, 4, 3)
        Current estimate of the coordinates in the measurements' frame, in angstrom.
    """

    step: int
    z: Tensor
    origin: Tensor
    velocities: tuple[Tensor, ...]
    estimate: Tensor


class Update(Protocol):
    """A rule that moves the denoised estimate towards one or several measurements."""

    @property
    def momentum(self) -> float:
        """Fraction rho of the previous step that is kept."""

    def direction(self, z: Tensor, origin: Tensor, level: Level) -> Tensor:
        """Step in whitened space from the denoised estimate z; all shapes (replica, N, 4, 3)."""


class LocalPotential(Protocol):
    """A potential as it stands at one step, with weights and blur fixed for that step."""

    def value_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-log p(y|x) up to a constant, shape (replica,), and its gradient, shaped like x."""

    def curvature(self, x: Tensor) -> Tensor:
        """Rough positive diagonal of the Hessian, shape (replica, N, 4), in 1/angstrom^2."""


class Potential(Protocol):
    """Negative log-likelihood of one measurement, in the measurements' frame."""

    @property
    def name(self) -> str:
        """Name for logs and weights."""

    def at(self, x: Tensor, level: Level) -> LocalPotential:
        """Fix what depends on the step: noise level and present estimate x (replica, N, 4, 3)."""


Observer = Callable[[SolverState, Level], bool]
"""Told the new state after each step; returns False to stop."""
