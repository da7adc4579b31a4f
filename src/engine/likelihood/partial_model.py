"""Likelihood of a partial model, preconditioned in whitened space."""

from __future__ import annotations

import torch
from torch import Tensor

from ..physics.masking import MaskSvd

__all__ = ["PreconditionedPartialModel"]


class PreconditionedPartialModel:
    r"""Log-likelihood after preconditioning, :math:`-\tfrac{1}{2\sigma^2}|V_m^T z - S^+U^T y|^2`.

    It models the noise as correlated like the chain itself, :math:`y = M R (z + \tilde\eta)`, which
    makes gradient ascent well conditioned.

    Parameters
    ----------
    svd : MaskSvd
    sigma : float
        Standard deviation of the whitened noise.

    References
    ----------
    Levy et al., ADP-3D, equation 10.
    """

    def __init__(self, svd: MaskSvd, sigma: float = 1.0) -> None:
        self.svd = svd
        self.sigma = sigma

    def __call__(self, z: Tensor) -> Tensor:
        """Log-likelihood up to a constant, shape (replica,), for z of shape (replica, N, 4, 3)."""
        return -0.5 * self._residual(z).square().sum((-1, -2)) / self.sigma**2

    def gradient(self, z: Tensor) -> Tensor:
        """Gradient with respect to z, same shape as z."""
        flat = torch.einsum("ma,rmx->rax", self.svd.right, self._residual(z))
        return -flat.reshape(z.shape) / self.sigma**2

    def _residual(self, z: Tensor) -> Tensor:
        flat = z.reshape(z.shape[0], -1, 3)
        return torch.einsum("ma,rax->rmx", self.svd.right, flat) - self.svd.target
