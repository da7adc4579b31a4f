"""Invariant features of residues and of pairs of neighbours, seen from the residues' frames."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..prior.builtin.geometry import to_local
from .scene import Scene, at_offset, residue_frame
from .templates import SLOTS

__all__ = ["MAX_OFFSET", "NODE_FEATURES", "PAIR_FEATURES", "Surroundings", "look_around"]

_REACH = (-2, -1, 0, 1, 2)
_RADIAL = 16
_FURTHEST = 20.0
"""Angstrom; side chains at that CA-CA distance do not touch."""
MAX_OFFSET = 8
NODE_FEATURES = len(_REACH) * 14 + SLOTS * 4 + 2
"""Backbones of five residues along the chain with two flags each, own side chain and its atoms' presence, flags."""
PAIR_FEATURES = 12 + 9 + 2 + _RADIAL + SLOTS * 4


@dataclass(frozen=True)
class Surroundings:
    """What each residue sees from its frame, with its K nearest neighbours.

    Attributes
    ----------
    rotation, origin : Tensor, shape (B, N, 3, 3) and (B, N, 3)
        Frames.
    node : Tensor, shape (B, N, NODE_FEATURES)
    pair : Tensor, shape (B, N, K, PAIR_FEATURES)
    offset : Tensor of int64, shape (B, N, K)
        Separation along the chain, from 0 to 2 `MAX_OFFSET` + 1, the last for another chain.
    index : Tensor of int64, shape (B, N, K)
    valid : Tensor of bool, shape (B, N, K)
    """

    rotation: Tensor
    origin: Tensor
    node: Tensor
    pair: Tensor
    offset: Tensor
    index: Tensor
    valid: Tensor


def look_around(scene: Scene, neighbours: int) -> Surroundings:
    """Features of all residues of a scene.

    Parameters
    ----------
    scene : Scene
        Side-chain atoms count where it shows them.
    neighbours : int
        Most neighbours of a residue, by the distance of CA.
    """
    rotation, origin = residue_frame(scene)
    backbone = torch.where(scene.has_backbone[..., None, None], scene.atoms[..., :4, :], origin[..., None, :])
    side = scene.atoms[..., 4:, :]
    node = []
    for step in _REACH:
        there, same = at_offset(scene, backbone, step)
        whole = scene.has_backbone if step == 0 else at_offset(scene, scene.has_backbone, step)[0] & same
        local = to_local(there - origin[..., None, :], rotation).flatten(-2)
        node += [_soft(local) * same[..., None], same[..., None], whole[..., None]]
    own = _soft(to_local(side - origin[..., None, :], rotation)) * scene.shown[..., None]
    node += [own.flatten(-2), scene.shown, scene.known[..., None], scene.present[..., None]]
    index, valid, distance = _nearest(scene, neighbours)
    pair = _pairs(scene, backbone, side, rotation, origin, index, distance)
    apart = _gather(scene.residue_index[..., None], index)[..., 0] - scene.residue_index[..., None]
    alike = _gather(scene.chain_index[..., None], index)[..., 0] == scene.chain_index[..., None]
    offset = torch.where(alike, apart.clamp(-MAX_OFFSET, MAX_OFFSET) + MAX_OFFSET, 2 * MAX_OFFSET + 1)
    return Surroundings(
        rotation, origin, torch.cat([part.to(own.dtype) for part in node], -1), pair, offset, index, valid
    )


def _pairs(
    scene: Scene, backbone: Tensor, side: Tensor, rotation: Tensor, origin: Tensor, index: Tensor, distance: Tensor
) -> Tensor:
    """Pair features (B, N, K, PAIR_FEATURES)."""
    b, n, k = index.shape
    atoms = _gather(torch.cat([backbone, side], -2).flatten(-2), index).view(b, n, -1, 3)
    local = to_local(atoms - origin[..., None, :], rotation).view(b, n, k, -1, 3)
    axes = _gather(rotation.transpose(-1, -2).flatten(-2), index).view(b, n, -1, 3)
    turned = to_local(axes, rotation).view(b, n, k, 9)
    shown = _gather(scene.shown.to(local.dtype), index)
    flags = torch.stack([scene.has_backbone, scene.known], -1).to(local.dtype)
    centres = torch.linspace(0.0, _FURTHEST, _RADIAL, device=local.device)
    shells = torch.exp(-(((distance[..., None] - centres) / (_FURTHEST / _RADIAL)) ** 2) / 2.0)
    return torch.cat(
        [
            _soft(local[..., :4, :]).flatten(-2),
            turned,
            _gather(flags, index),
            shells,
            (_soft(local[..., 4:, :]) * shown[..., None]).flatten(-2),
            shown,
        ],
        -1,
    )


def _nearest(scene: Scene, neighbours: int) -> tuple[Tensor, Tensor, Tensor]:
    """Indices, which of them exist, and distances in angstrom of the nearest residues, (B, N, K) each."""
    ca = scene.atoms[..., 1, :]
    n = ca.shape[1]
    distance = torch.cdist(ca, ca).masked_fill(~scene.present[:, None], torch.inf)
    distance = distance + torch.diag(ca.new_full((n,), torch.inf)).nan_to_num(0.0, torch.inf)
    near, index = distance.topk(min(neighbours, n), largest=False, sorted=False)
    valid = torch.isfinite(near) & (near < _FURTHEST) & scene.present[..., None]
    return index, valid, near.masked_fill(~valid, _FURTHEST)


def _gather(values: Tensor, index: Tensor) -> Tensor:
    """Rows (B, N, K, C) of values (B, N, C)."""
    b, n, k = index.shape
    flat = (index + n * torch.arange(b, device=index.device)[:, None, None]).flatten()
    return values.reshape(b * n, -1)[flat].view(b, n, k, -1)


def _soft(local: Tensor) -> Tensor:
    """Angstrom to order one, bounded: what is far away matters less."""
    return torch.tanh(local / 8.0) * 2.0
