"""Rigid residues: frames of backbones, and backbones of frames."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...structure.ideal_geometry import ANGLES, BONDS
from ..builtin.geometry import residue_axes

__all__ = ["IDEAL", "backbone_of_frames", "place_oxygens", "residue_axes"]

IDEAL = torch.tensor([[-0.5272, 1.3593, 0.0], [0.0, 0.0, 0.0], [1.5233, 0.0, 0.0]], dtype=torch.float64)
"""N, CA and C in their frame, in angstrom: x along CA-C, N in the plane of x and y. The network was trained on this."""


def backbone_of_frames(rotation: Tensor, ca: Tensor) -> Tensor:
    """Ideal N, CA and C (..., N, 3, 3) of frames: axes as columns (..., N, 3, 3), CA (..., N, 3), in angstrom."""
    return ca[..., None, :] + IDEAL.to(ca) @ rotation.transpose(-1, -2)


def place_oxygens(main: Tensor, linked: Tensor) -> Tensor:
    """Backbones with O, (..., N, 4, 3), of N, CA and C (..., N, 3, 3).

    O lies in the plane of the peptide, opposite to the next N; at an end (``linked``, (N,), False) opposite to the own
    N.
    """
    n, ca, c = main.unbind(-2)
    other = torch.where(linked[:, None], n.roll(-1, dims=-2), n)
    along = torch.nn.functional.normalize(ca - c, dim=-1)
    beside = other - c
    across = torch.nn.functional.normalize(beside - (beside * along).sum(-1, keepdim=True) * along, dim=-1)
    bend = math.radians(ANGLES["CA-C-O"][0][0])
    oxygen = c + BONDS["C-O"][0][0] * (math.cos(bend) * along - math.sin(bend) * across)
    return torch.cat([main, oxygen[..., None, :]], -2)
