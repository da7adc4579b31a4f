"""What the solver asks of a prior, whichever network stands behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

__all__ = ["Correlation", "KnownAtoms", "Prior", "Schedule"]


@dataclass(frozen=True)
class KnownAtoms:
    """Atoms whose positions are known with a stated uncertainty.

    Attributes
    ----------
    target : Tensor, shape (N, 4, 3) or (B, N, 4, 3)
        Positions in angstrom; anything finite where the weight is zero.
    weights : Tensor, shape (N, 4) or (B, N, 4)
        Inverse variances 1/sigma^2 per coordinate, in 1/angstrom^2; zero where unknown.
    """

    target: Tensor
    weights: Tensor

    def relative_to(self, origin: Tensor) -> KnownAtoms:
        """The same atoms in frames centred at ``origin``, shape (replica, 1, 1, 3)."""
        return KnownAtoms(self.target - origin, self.weights)


class Correlation(Protocol):
    """Noise correlation operator R and its kin; every method maps (..., N, 4, 3) to the same shape."""

    @property
    def lengths(self) -> tuple[int, ...]:
        """Residues in each block of R, in order."""

    def apply(self, z: Tensor) -> Tensor:
        """R z."""

    def inverse(self, x: Tensor) -> Tensor:
        """R^-1 x."""

    def transpose(self, x: Tensor) -> Tensor:
        """R^T x."""

    def inverse_transpose(self, z: Tensor) -> Tensor:
        """R^-T z."""

    def precision(self, x: Tensor) -> Tensor:
        """R^-T R^-1 x."""

    def solve(self, damping: float, weights: Tensor, rhs: Tensor) -> Tensor:
        """Solution x of (damping R^-T R^-1 + diag(weights)) x = rhs."""


class Schedule(Protocol):
    """Noise schedule of the diffusion the prior was trained for."""

    def at(self, t: float) -> tuple[float, float]:
        """Signal and noise scale (alpha_t, sigma_t) at time t in [0, 1]."""


class Prior(Protocol):
    """A denoiser of protein backbones, bound to the residues of one job.

    ``denoise`` estimates E[x_0 | x_t] for x_t = alpha_t x_0 + sigma_t R eps (ADP-3D, equation 5).
    """

    @property
    def name(self) -> str:
        """Name under which the prior is registered."""

    @property
    def correlation(self) -> Correlation:
        """Noise correlation operator for the residues of the job."""

    @property
    def schedule(self) -> Schedule:
        """Noise schedule."""

    def denoise(self, x_t: Tensor, t: float, known: KnownAtoms | None = None) -> Tensor:
        """Denoised backbones for noisy ones.

        Parameters
        ----------
        x_t : Tensor, shape (replica, N, 4, 3)
            Noisy backbones, in angstrom, centred near the origin.
        t : float
            Diffusion time in [0, 1].
        known : KnownAtoms, optional
            Atoms known beforehand, in the frame of ``x_t``. A prior that cannot be shown them ignores
            them: the likelihood pulls towards them all the same.

        Returns
        -------
        Tensor, shape (replica, N, 4, 3)
            Estimate of the clean backbones, in angstrom.
        """
