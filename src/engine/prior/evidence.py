"""What a prior can be shown beside the noisy state: known atoms and a map."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["NOTHING", "DensityEvidence", "Evidence", "Known", "KnownAtoms"]

_LEAST_SIGMA = 1e-3
"""Standard deviation in angstrom below which an atom is as good as exact: single precision holds coordinates of a
few hundred angstrom no better, and the square of its inverse stays far from overflow."""


class Known(Protocol):
    """What pulls at atoms, or is shown of them, at the moment it is asked for."""

    @property
    def target(self) -> Tensor:
        """Positions in angstrom, (..., N, 4, 3); anything finite where the weight is zero."""

    @property
    def weights(self) -> Tensor:
        """Inverse variances per coordinate in 1/angstrom^2, (..., N, 4); zero where unknown."""

    def relative_to(self, origin: Tensor) -> KnownAtoms:
        """The same atoms in frames centred at ``origin``, shape (replica, 1, 1, 3)."""


@dataclass(frozen=True)
class KnownAtoms:
    """Atoms whose positions are known with a stated uncertainty: y = M x + noise, with M a selection of atoms.

    Attributes
    ----------
    target : Tensor, shape (N, 4, 3) or (B, N, 4, 3)
        Positions in angstrom; anything finite where the weight is zero.
    weights : Tensor, shape (N, 4) or (B, N, 4)
        Inverse variances 1/sigma^2 per coordinate, in 1/angstrom^2; zero where unknown.

    References
    ----------
    Levy et al., ADP-3D, equations 8 and 13.
    """

    target: Tensor
    weights: Tensor

    @classmethod
    def measured(cls, xyz: Tensor, known: Tensor, sigma: Tensor) -> KnownAtoms:
        """Known atoms from positions with standard deviations.

        Parameters
        ----------
        xyz : Tensor, shape (N, 4, 3)
            In angstrom; anything where ``known`` is False.
        known : Tensor of bool, shape (N, 4)
        sigma : Tensor, shape (N, 4)
            Standard deviation per coordinate in angstrom.

        Raises
        ------
        ValueError
            If a known atom has no finite position or no positive standard deviation.
        """
        if not torch.isfinite(xyz[known]).all():
            raise ValueError("known atoms need finite coordinates")
        if not (sigma[known] > 0).all():
            raise ValueError("known atoms need a positive sigma")
        weights = torch.where(known, sigma.clamp(min=_LEAST_SIGMA).pow(-2), torch.zeros_like(sigma))
        return cls(torch.where(known[..., None], xyz, torch.zeros_like(xyz)), weights)

    @property
    def known(self) -> Tensor:
        """Atoms that are known: bool, shape (..., N, 4)."""
        return self.weights > 0

    def relative_to(self, origin: Tensor) -> KnownAtoms:
        """The same atoms in frames centred at ``origin``, shape (replica, 1, 1, 3) or (3,)."""
        return KnownAtoms(self.target - origin, self.weights)

    def observe(self, x: Tensor) -> Tensor:
        """M x: known atoms only, shape (..., m, 3), of x (..., N, 4, 3)."""
        return x[..., self.known, :]

    def spread(self, y: Tensor) -> Tensor:
        """M^T y: atoms back in place, zeros elsewhere, shape (..., N, 4, 3)."""
        out = y.new_zeros(*y.shape[:-2], *self.known.shape, 3)
        out[..., self.known, :] = y
        return out

    def misfit(self, x: Tensor) -> Tensor:
        """Sum of squared deviations of x (replica, N, 4, 3), each in its standard deviation, shape (replica,)."""
        return (self.weights * (x - self.target).square().sum(-1)).sum((1, 2))

    def gap(self, x: Tensor) -> Tensor:
        """Length of the residual y - M x over all known atoms of x (replica, N, 4, 3), (replica,), in angstrom."""
        return (self.observe(x) - self.observe(self.target)).square().sum((1, 2)).sqrt()

    def rmsd(self, x: Tensor) -> Tensor:
        """Root mean square deviation of the known atoms of x (replica, N, 4, 3), (replica,), in angstrom."""
        gap = self.observe(x) - self.observe(self.target)
        return gap.square().sum(-1).mean(-1).sqrt()


@dataclass(frozen=True)
class DensityEvidence:
    """A map in standard units, blurred more and more, and what of it is already explained.

    `adp3d.prior.standard_map.standard_map` makes it: the values do not depend on the units, the offset,
    the sharpness or the cut of the map it came from.

    Attributes
    ----------
    levels : Tensor, shape (L, nx, ny, nz)
        Map blurred by each B of `adp3d.prior.standard_map.BLURS`.
    taken : Tensor, shape (nx, ny, nz)
        From 0 to 1: how far the density of a voxel belongs to atoms whose places are known.
    origin : Tensor, shape (3,) or (B, 3)
        Position of voxel (0, 0, 0) in angstrom, one for each replica where their frames differ.
    spacing : float
        Step of the grid along x, y and z, in angstrom.
    resolution : float
        In angstrom.
    """

    levels: Tensor
    taken: Tensor
    origin: Tensor
    spacing: float
    resolution: float

    def relative_to(self, origin: Tensor) -> DensityEvidence:
        """The same map in frames centred at ``origin``, shape (replica, 1, 1, 3)."""
        return replace(self, origin=self.origin - origin[:, 0, 0])


@dataclass(frozen=True)
class Evidence:
    """Everything that a denoiser may condition on; either part can be absent."""

    known: Known | None = None
    density: DensityEvidence | None = None

    def relative_to(self, origin: Tensor) -> Evidence:
        """The same evidence in frames centred at ``origin``, shape (replica, 1, 1, 3)."""
        return Evidence(
            None if self.known is None else self.known.relative_to(origin),
            None if self.density is None else self.density.relative_to(origin),
        )


NOTHING = Evidence()
"""No evidence: the plain prior."""
