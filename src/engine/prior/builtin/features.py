"""Invariant features of residues and residue pairs, seen from local frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .geometry import residue_frames, to_local

if TYPE_CHECKING:
    from .network import NoisyBatch

__all__ = ["NODE_GEOMETRY", "PAIR_GEOMETRY", "node_geometry", "pair_geometry", "relative_position"]

_RADIAL = 16
_SEQUENCE_REACH = (-2, -1, 0, 1, 2)
NODE_GEOMETRY = len(_SEQUENCE_REACH) * 13
"""Features per residue: four atoms of five residues along the chain, and whether each exists."""
PAIR_GEOMETRY = 12 + 3 + 1 + _RADIAL
"""Features per pair: four atoms and the CA direction in the local frame, radial basis, log distance."""


def node_geometry(x: Tensor, batch: NoisyBatch) -> Tensor:
    """Atoms of the residue and of its neighbours along the chain, in its frame.

    Returns
    -------
    Tensor, shape (B, N, NODE_GEOMETRY)
    """
    rotation, origin = residue_frames(x)
    n = x.shape[1]
    parts = []
    for step in _SEQUENCE_REACH:
        source = torch.arange(n, device=x.device) + step
        inside = (source >= 0) & (source < n)
        source = source.clamp(0, n - 1)
        same = (
            inside
            & (batch.chain_index[:, source] == batch.chain_index)
            & (batch.residue_index[:, source] == batch.residue_index + step)
            & batch.present[:, source]
        )
        local = to_local(x[:, source] - origin[..., None, :], rotation).flatten(-2)
        # angstrom to order one; the soft clip keeps very noisy states in range
        local = torch.tanh(local / 12.0) * 3.0
        parts += [local * same[..., None], same[..., None].to(local.dtype)]
    return torch.cat(parts, -1)


def pair_geometry(x: Tensor, index: Tensor) -> Tensor:
    """Position and orientation of each neighbour in the residue's frame.

    Parameters
    ----------
    x : Tensor, shape (B, N, 4, 3)
    index : Tensor of int64, shape (B, N, K)

    Returns
    -------
    Tensor, shape (B, N, K, PAIR_GEOMETRY)
    """
    b, n, k = index.shape
    rotation, origin = residue_frames(x)
    flat = (index + n * torch.arange(b, device=x.device)[:, None, None]).flatten()
    atoms = x.reshape(b * n, 12)[flat].view(b, n, k * 4, 3)
    local = to_local(atoms - origin[:, :, None], rotation).view(b, n, k, 4, 3)
    ca = local[..., 1, :]
    distance = (ca.square().sum(-1, keepdim=True) + 1e-4).sqrt()
    centres = torch.linspace(0.0, 1.0, _RADIAL, device=x.device)
    # log-spaced shells from 2 to 100 angstrom
    shell = (torch.log(distance / 2.0) / 3.9).clamp(-0.2, 1.2)
    radial = torch.exp(-(((shell - centres) * (_RADIAL - 1)) ** 2) / 2.0)
    relative = local - ca[..., None, :]
    relative = torch.cat([relative[..., :1, :], relative[..., 2:, :]], -2).flatten(-2)
    squashed = torch.tanh(relative / 4.0) * 2.0
    near = torch.tanh(ca / 12.0) * 2.0
    return torch.cat([squashed, near, ca / distance, shell, radial], -1)


def relative_position(batch: NoisyBatch, index: Tensor, limit: int) -> Tensor:
    """Clipped separation along the sequence, one more class for other chains; shape (B, N, K)."""
    b, n, k = index.shape
    flat = index.flatten(1)
    other = batch.residue_index.gather(1, flat).view(b, n, k)
    chain = batch.chain_index.gather(1, flat).view(b, n, k)
    offset = (other - batch.residue_index[..., None]).clamp(-limit, limit) + limit
    return torch.where(chain == batch.chain_index[..., None], offset, 2 * limit + 1)
