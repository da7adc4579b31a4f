"""Atoms that are in the way: how improbable it is that a backbone comes nearer to them than contacts do."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["ObstacleLikelihood"]


@dataclass(frozen=True)
class ObstacleLikelihood:
    r"""Log-likelihood of backbones beside atoms that stay.

    .. math::
        \log p = -\frac{1}{2\sigma^2} \sum_p \max(0, d_p - |x_{a_p} - o_p|)^2

    over pairs p of a backbone atom and another one, whose contact distance is d.

    Attributes
    ----------
    replica, atom : Tensor of int64, shape (P,)
        Replica and backbone atom (``4 residue + i``) of each pair.
    place : Tensor, shape (P, 3)
        Of the other atom, in angstrom.
    contact : Tensor, shape (P,)
        In angstrom.
    sigma : float
        Angstrom by which contacts are shorter as a rule.
    """

    replica: Tensor
    atom: Tensor
    place: Tensor
    contact: Tensor
    sigma: float

    def __call__(self, x: Tensor) -> Tensor:
        """Log-likelihood (replica,) of backbones x (replica, N, 4, 3) in angstrom; differentiable."""
        energy = 0.5 * (self._depth(x) / self.sigma).square()
        return -x.new_zeros(x.shape[0]).index_add(0, self.replica, energy)

    def curvature(self, x: Tensor) -> Tensor:
        r"""Gauss-Newton diagonal (replica, N, 4) in 1/A^2: :math:`1/(3\sigma^2)` for each pair that is too near."""
        with torch.no_grad():
            near = (self._depth(x) > 0).to(x.dtype) / (3 * self.sigma**2)
            flat = x.new_zeros(x.shape[0] * x.shape[1] * 4)
            return flat.index_add(0, self.replica * (x.shape[1] * 4) + self.atom, near).view(x.shape[:-1])

    def _depth(self, x: Tensor) -> Tensor:
        """How much too near each pair is, (P,), in angstrom."""
        apart: Tensor = x.flatten(1, 2)[self.replica, self.atom] - self.place
        # an atom right on another one has no direction to go; the small number keeps its slope finite
        return (self.contact - torch.sqrt(apart.square().sum(-1) + 1e-6)).clamp(min=0)
