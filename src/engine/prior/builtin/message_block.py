"""Message passing over neighbour lists: the alternative to attention blocks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["MessageBlock"]

_USUAL_NEIGHBOURS = 30.0


class MessageBlock(nn.Module):
    """Messages from neighbours, summed, then a feed-forward layer.

    Same signature as the attention block. Each message is a small network of both residues and their
    pair; there is no competition between neighbours, unlike in attention.

    Parameters
    ----------
    width, pair_width : int
        Channels of residues and pairs.
    feed_forward : int
        Expansion of the feed-forward layer.

    References
    ----------
    Ingraham et al., Nature 623, 1070 (2023), supplement: the backbone network of Chroma.
    """

    def __init__(self, width: int, pair_width: int, feed_forward: int) -> None:
        super().__init__()
        w, p = width, pair_width
        self.norm = nn.LayerNorm(w)
        self.time = nn.Linear(w, 2 * w)
        nn.init.zeros_(self.time.weight)
        nn.init.zeros_(self.time.bias)
        self.receiver = nn.Linear(w, p)
        self.sender = nn.Linear(w, p, bias=False)
        self.edge = nn.Linear(p, p, bias=False)
        self.message = nn.Sequential(nn.GELU(), nn.Linear(p, p), nn.GELU())
        self.message_norm = nn.LayerNorm(p)
        self.out = nn.Linear(p, w)
        self.ff = nn.Sequential(
            nn.LayerNorm(w), nn.Linear(w, feed_forward * w), nn.GELU(), nn.Linear(feed_forward * w, w)
        )
        for layer in (self.out, self.ff[-1]):
            nn.init.normal_(layer.weight, std=0.02)  # type: ignore[arg-type]

    @property
    def pair_layer(self) -> nn.Linear:
        """Layer whose product with the pairs `forward` expects."""
        return self.edge

    def forward(self, h: Tensor, pair: Tensor, projected: Tensor, time: Tensor, index: Tensor, valid: Tensor) -> Tensor:
        """Updated residues (B, N, w), as `AttentionBlock.forward`; pairs act through ``projected`` (B, N, K, p)."""
        b, n, _ = h.shape
        shift, gain = self.time(time)[:, None].chunk(2, -1)
        u = self.norm(h) * (1 + gain) + shift
        flat = (index + n * torch.arange(b, device=h.device)[:, None, None]).flatten()
        sent = self.sender(u).reshape(b * n, -1)[flat].view(*index.shape, -1)
        message = self.message(self.receiver(u)[:, :, None] + sent + projected)
        total = (message * valid[..., None]).sum(2) / _USUAL_NEIGHBOURS
        h = h + self.out(self.message_norm(total))
        result: Tensor = h + self.ff(h)
        return result
