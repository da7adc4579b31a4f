"""What a prior can be shown beside the noisy state: known atoms and a map."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

__all__ = ["NOTHING", "DensityEvidence", "Evidence", "KnownAtoms"]


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

    known: KnownAtoms | None = None
    density: DensityEvidence | None = None

    def relative_to(self, origin: Tensor) -> Evidence:
        """The same evidence in frames centred at ``origin``, shape (replica, 1, 1, 3)."""
        return Evidence(
            None if self.known is None else self.known.relative_to(origin),
            None if self.density is None else self.density.relative_to(origin),
        )


NOTHING = Evidence()
"""No evidence: the plain prior."""
