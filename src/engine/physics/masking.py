"""Partial models: a linear measurement that sees some atoms and not others."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..prior.protocol import Correlation

__all__ = ["MaskedModel", "MaskSvd", "mask_svd"]


@dataclass(frozen=True)
class MaskedModel:
    """Known atoms of a model: y = M x + noise, with M a row-selection matrix.

    Attributes
    ----------
    coordinates : Tensor, shape (N, 4, 3)
        Measured positions in angstrom; anything where ``known`` is False.
    known : Tensor of bool, shape (N, 4)
        Atoms that were measured.
    sigma : Tensor, shape (N, 4)
        Standard deviation of each measured position per xyz component, in angstrom.

    References
    ----------
    Levy et al., ADP-3D, equations 8 and 13.
    """

    coordinates: Tensor
    known: Tensor
    sigma: Tensor

    def __post_init__(self) -> None:
        if not torch.isfinite(self.coordinates[self.known]).all():
            raise ValueError("known atoms need finite coordinates")
        if not (self.sigma[self.known] > 0).all():
            raise ValueError("known atoms need a positive sigma")

    @property
    def weights(self) -> Tensor:
        """Inverse variances 1/sigma^2, zero where unknown; shape (N, 4), in 1/angstrom^2."""
        return torch.where(self.known, self.sigma.clamp(min=1e-3).pow(-2), torch.zeros_like(self.sigma))

    @property
    def target(self) -> Tensor:
        """Measured positions, zero where unknown; shape (N, 4, 3)."""
        return torch.where(self.known[..., None], self.coordinates, torch.zeros_like(self.coordinates))

    def observe(self, x: Tensor) -> Tensor:
        """M x: known atoms only, shape (..., m, 3)."""
        return x[..., self.known, :]

    def spread(self, y: Tensor) -> Tensor:
        """M^T y: atoms back in place, zeros elsewhere, shape (..., N, 4, 3)."""
        out = y.new_zeros(*y.shape[:-2], *self.known.shape, 3)
        out[..., self.known, :] = y
        return out


@dataclass(frozen=True)
class MaskSvd:
    r"""Singular value decomposition of a masked model in whitened space, :math:`M R = U S V^T`.

    Attributes
    ----------
    right : Tensor, shape (m, 4N)
        Rows are the first m right singular vectors.
    target : Tensor, shape (m, 3)
        :math:`S^+ U^T y`.
    """

    right: Tensor
    target: Tensor


def mask_svd(model: MaskedModel, correlation: Correlation) -> MaskSvd:
    """Dense decomposition of M R: cost O(m^2 N), so for a few hundred residues only.

    Longer chains use `Correlation.solve`, which reaches the same minimum without it.
    """
    rows = model.spread(torch.eye(int(model.known.sum()), dtype=torch.float64)[..., None].expand(-1, -1, 3))
    # R acts alike on x, y and z: one column is enough
    matrix = correlation.transpose(rows.cpu())[..., 0].flatten(1)
    u, s, vt = torch.linalg.svd(matrix, full_matrices=False)
    measured = model.observe(model.coordinates).to("cpu", torch.float64)
    target = (u.T @ measured) / s[:, None]
    return MaskSvd(vt.to(model.coordinates), target.to(model.coordinates))
