"""Which residues each residue listens to: a neighbour list of fixed size, linear in the residues."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["SEQUENCE_OFFSETS", "neighbour_list"]

SEQUENCE_OFFSETS = (0, 1, 2, 3, 4, 5, 8, 13, 21, 34, 55, 89, 144)
"""Separations along the list of residues that are always neighbours, in both directions.

The long ones carry information across the chain where noise makes distances meaningless."""


def neighbour_list(ca: Tensor, present: Tensor, size: int, rows: int = 512) -> tuple[Tensor, Tensor]:
    """Indices of ``size`` neighbours: fixed sequence offsets first, then the nearest in space.

    Parameters
    ----------
    ca : Tensor, shape (B, N, 3)
        CA positions, in angstrom.
    present : Tensor of bool, shape (B, N)
        Residues that exist (padding does not).
    size : int
        Neighbours per residue; N when there are fewer residues.
    rows : int
        Residues whose distances are computed at once, which bounds memory.

    Returns
    -------
    index : Tensor of int64, shape (B, N, K)
    valid : Tensor of bool, shape (B, N, K)
    """
    n = ca.shape[1]
    k = min(size, n)
    position = torch.arange(n, device=ca.device)
    offsets = torch.zeros(max(n, SEQUENCE_OFFSETS[-1] + 1), dtype=torch.bool, device=ca.device)
    offsets[list(SEQUENCE_OFFSETS)] = True
    indices, valids = [], []
    for start in range(0, n, rows):
        mine = position[start : start + rows]
        distance = torch.cdist(ca[:, mine], ca)
        fixed = offsets[(mine[:, None] - position[None, :]).abs()]
        key = torch.where(fixed, -1.0, distance).masked_fill(~present[:, None, :], float("inf"))
        nearest, index = torch.topk(key, k, dim=-1, largest=False, sorted=False)
        indices.append(index)
        valids.append(torch.isfinite(nearest))
    return torch.cat(indices, 1), torch.cat(valids, 1)
