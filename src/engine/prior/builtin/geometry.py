"""Rigid frames of noisy residues and coordinates seen from them."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["from_local", "residue_axes", "residue_frames", "to_local"]

_AXIS_EPSILON = 1e-2


def residue_frames(x: Tensor) -> tuple[Tensor, Tensor]:
    """Right-handed frame of each residue from its N, CA and C atoms.

    The axes are regularised Gram-Schmidt vectors: where noise makes the three atoms nearly
    collinear the axes shrink instead of flipping at random, which keeps training stable.

    Parameters
    ----------
    x : Tensor, shape (..., N, 4, 3)
        Backbones, in angstrom.

    Returns
    -------
    rotation : Tensor, shape (..., N, 3, 3)
        Columns are the local axes in global coordinates.
    origin : Tensor, shape (..., N, 3)
        CA positions.
    """
    n, ca, c = x[..., 0, :], x[..., 1, :], x[..., 2, :]
    to_c, to_n = c - ca, n - ca
    e1 = to_c * torch.rsqrt(to_c.square().sum(-1, keepdim=True) + _AXIS_EPSILON)
    across = to_n - (to_n * e1).sum(-1, keepdim=True) * e1
    e2 = across * torch.rsqrt(across.square().sum(-1, keepdim=True) + _AXIS_EPSILON)
    e3 = torch.linalg.cross(e1, e2)
    return torch.stack([e1, e2, e3], dim=-1), ca


def to_local(vectors: Tensor, rotation: Tensor) -> Tensor:
    """Components of global vectors along the local axes, in the precision of the coordinates.

    Parameters
    ----------
    vectors : Tensor, shape (..., K, 3)
    rotation : Tensor, shape (..., 3, 3)

    Returns
    -------
    Tensor, shape (..., K, 3)
    """
    with torch.autocast(vectors.device.type, enabled=False):
        return vectors @ rotation


def from_local(vectors: Tensor, rotation: Tensor) -> Tensor:
    """Global vectors of components along the local axes, the inverse of `to_local` for orthonormal axes."""
    with torch.autocast(vectors.device.type, enabled=False):
        return vectors @ rotation.transpose(-1, -2)


def residue_axes(x: Tensor) -> tuple[Tensor, Tensor]:
    """As `residue_frames`, but always orthonormal: for points placed around a residue.

    However noisy the atoms, the axes have unit length; they may turn abruptly where the atoms are collinear,
    so no gradient should depend on them in training.

    Returns
    -------
    rotation : Tensor, shape (..., N, 3, 3)
    origin : Tensor, shape (..., N, 3)
    """
    n, ca, c = x[..., 0, :], x[..., 1, :], x[..., 2, :]
    e1 = torch.nn.functional.normalize(c - ca, dim=-1, eps=1e-6)
    to_n = n - ca
    e2 = torch.nn.functional.normalize(to_n - (to_n * e1).sum(-1, keepdim=True) * e1, dim=-1, eps=1e-6)
    return torch.stack([e1, e2, torch.linalg.cross(e1, e2)], dim=-1), ca
