"""What the solver asks of a prior, whichever network stands behind it."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from .evidence import NOTHING, Evidence

__all__ = ["Correlation", "Prior", "Schedule"]


class Correlation(Protocol):
    """Noise correlation operator R and its kin; every method maps (..., N, 4, 3) to the same shape."""

    @property
    def lengths(self) -> tuple[int, ...]:
        """Residues in each block of R, in order."""

    @property
    def log_determinant(self) -> float:
        """Log of the absolute determinant of R over all 12 N coordinates."""

    def apply(self, z: Tensor) -> Tensor:
        """R z."""

    def inverse(self, x: Tensor) -> Tensor:
        """R^-1 x."""

    def transpose(self, x: Tensor) -> Tensor:
        """R^T x."""

    def inverse_transpose(self, z: Tensor) -> Tensor:
        """R^-T z."""

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

    @property
    def sees_known(self) -> bool:
        """Whether `denoise` looks at the known atoms of its evidence."""

    @property
    def sees_density(self) -> bool:
        """Whether `denoise` looks at the map of its evidence; a solver then leans less on the map's likelihood."""

    def denoise(self, x_t: Tensor, t: float, evidence: Evidence = NOTHING) -> Tensor:
        """Denoised backbones for noisy ones.

        Parameters
        ----------
        x_t : Tensor, shape (replica, N, 4, 3)
            Noisy backbones, in angstrom, centred near the origin.
        t : float
            Diffusion time in [0, 1].
        evidence : Evidence
            Known atoms and a map, in the frame of ``x_t``. A prior that has no eyes for one of them ignores
            it: the likelihood pulls towards it all the same.

        Returns
        -------
        Tensor, shape (replica, N, 4, 3)
            Estimate of the clean backbones, in angstrom.
        """
