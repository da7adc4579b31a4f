"""Attention over neighbour lists, with a bias and values from residue pairs."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["AttentionBlock"]

_DENSE_LIMIT = 8
"""Chains of up to this many times the neighbours go through full matrices, which is faster there."""


class AttentionBlock(nn.Module):
    """Attention over neighbours with pair bias and pair values, then a feed-forward layer.

    Parameters
    ----------
    width, pair_width : int
        Channels of residues and pairs.
    heads : int
    feed_forward : int
        Expansion of the feed-forward layer.
    """

    def __init__(self, width: int, pair_width: int, heads: int, feed_forward: int) -> None:
        super().__init__()
        w, p = width, pair_width
        self.heads = heads
        self.norm = nn.LayerNorm(w)
        self.time = nn.Linear(w, 2 * w)
        nn.init.zeros_(self.time.weight)
        nn.init.zeros_(self.time.bias)
        self.qkv = nn.Linear(w, 3 * w, bias=False)
        # normalised queries and keys keep the logits bounded, the first cure against divergence
        self.q_norm = nn.LayerNorm(w // heads)
        self.k_norm = nn.LayerNorm(w // heads)
        self.bias = nn.Linear(p, heads, bias=False)
        self.out = nn.Linear(w + heads * p, w)
        self.ff = nn.Sequential(
            nn.LayerNorm(w), nn.Linear(w, feed_forward * w), nn.GELU(), nn.Linear(feed_forward * w, w)
        )
        for layer in (self.out, self.ff[-1]):
            nn.init.normal_(layer.weight, std=0.02)  # type: ignore[arg-type]

    @property
    def pair_layer(self) -> nn.Linear:
        """Layer whose product with the pairs `forward` expects."""
        return self.bias

    def forward(self, h: Tensor, pair: Tensor, projected: Tensor, time: Tensor, index: Tensor, valid: Tensor) -> Tensor:
        """Update residues.

        Parameters
        ----------
        h : Tensor, shape (B, N, w)
        pair : Tensor, shape (B, N, K, p)
        projected : Tensor, shape (B, N, K, heads)
            ``pair_layer(pair)``.
        time : Tensor, shape (B, w)
        index, valid : Tensor, shape (B, N, K)
            Neighbours and which of them exist.

        Returns
        -------
        Tensor, shape (B, N, w)
        """
        b, n, w = h.shape
        shift, gain = self.time(time)[:, None].chunk(2, -1)
        qkv = self.qkv(torch.addcmul(shift, self.norm(h), 1 + gain)).view(b, n, 3, self.heads, -1)
        q, key, value = self.q_norm(qkv[:, :, 0]), self.k_norm(qkv[:, :, 1]), qkv[:, :, 2]
        bias = projected.masked_fill(~valid[..., None], -1e4).permute(0, 3, 1, 2).contiguous()
        attend = _dense if n <= _DENSE_LIMIT * index.shape[-1] else _sparse
        attention, context = attend(q, key, value, bias, index)
        from_pairs = torch.matmul(attention.transpose(1, 2), pair)
        h = h + self.out(torch.cat([context.reshape(b, n, w), from_pairs.reshape(b, n, -1)], -1))
        result: Tensor = h + self.ff(h)
        return result


def _dense(q: Tensor, key: Tensor, value: Tensor, bias: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Attention (B, heads, N, K) and its values (B, N, heads, d) through full matrices, without gathering residues."""
    scores = torch.matmul(q.transpose(1, 2), key.permute(0, 2, 3, 1))
    where = index[:, None].expand(-1, q.shape[2], -1, -1)
    attention = torch.add(bias, scores.gather(3, where), alpha=1 / math.sqrt(q.shape[-1])).softmax(3)
    full = torch.zeros_like(scores).scatter(3, where, attention)
    return attention, torch.matmul(full, value.transpose(1, 2)).transpose(1, 2)


def _sparse(q: Tensor, key: Tensor, value: Tensor, bias: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """As `_dense`, at cost N K instead of N^2."""
    b, n, heads, d = q.shape
    flat = (index + n * torch.arange(b, device=q.device)[:, None, None]).flatten()
    near_k = key.reshape(b * n, heads * d)[flat].view(b, n, -1, heads, d)
    near_v = value.reshape(b * n, heads * d)[flat].view(b, n, -1, heads, d)
    scores = torch.einsum("bnhd,bnkhd->bhnk", q, near_k)
    attention = torch.add(bias, scores, alpha=1 / math.sqrt(d)).softmax(3)
    return attention, torch.einsum("bhnk,bnkhd->bnhd", attention, near_v)
