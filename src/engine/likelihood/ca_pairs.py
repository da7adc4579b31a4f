"""Distances of pairs of CA atoms, and what of pairs belongs to each residue."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["ca_distances", "curvature_at_ca", "rms_at_residues"]

_CA = 1


def ca_distances(x: Tensor, pairs: Tensor) -> Tensor:
    """Distances (replica, M) between the CA atoms of pairs of residues (M, 2), of backbones x (replica, N, 4, 3)."""
    ca = x[..., _CA, :].transpose(0, 1).contiguous()  # whole rows of a table are gathered fastest
    difference = ca.index_select(0, pairs[:, 0]) - ca.index_select(0, pairs[:, 1])
    length: Tensor = torch.linalg.vector_norm(difference, dim=-1)
    return length.transpose(0, 1)


def curvature_at_ca(stiffness: Tensor, pairs: Tensor, x: Tensor) -> Tensor:
    """Diagonal (replica, N, 4) of springs between CA atoms: sums of stiffness (replica, M), a third for each axis."""
    total = x.new_zeros(x.shape[:-1])
    total[..., _CA] = _sums(stiffness / 3.0, pairs, x.shape[1])
    return total


def rms_at_residues(values: Tensor, pairs: Tensor, n_residues: int) -> Tensor:
    """Root mean square (replica, N) of the values (replica, M) of each residue's pairs; 0 without pairs."""
    total = _sums(values.square(), pairs, n_residues)
    count = _sums(torch.ones_like(values[:1]), pairs, n_residues)
    return (total / count.clamp(min=1.0)).sqrt()


def _sums(values: Tensor, pairs: Tensor, n_residues: int) -> Tensor:
    """Sums of values (replica, M) of the pairs of each residue, (replica, N)."""
    total = values.new_zeros(n_residues, values.shape[0])
    rows = values.transpose(0, 1).contiguous()
    return total.index_add_(0, pairs[:, 0], rows).index_add_(0, pairs[:, 1], rows).transpose(0, 1)
