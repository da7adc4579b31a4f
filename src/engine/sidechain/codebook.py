"""A codebook whose codes are the points of a grid: each of a few numbers is rounded to one of a few levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

__all__ = ["Codebook", "Quantised"]

_MARGIN = 1e-3
"""By how much numbers may lie beyond the outermost levels, so that these are reached at finite input."""


@dataclass(frozen=True)
class Quantised:
    """Vectors and what stands for them.

    Attributes
    ----------
    code : Tensor of int64, shape (...)
    vector : Tensor, shape (..., d)
        Of the code, with the gradient of what was quantised.
    """

    code: Tensor
    vector: Tensor


class Codebook(nn.Module):
    """All combinations of levels of d bounded numbers; the nearest one stands for a vector.

    The grid is fixed, so no code can die, and codes that follow one another stand for what is alike. A learned table
    with commitment loss kept about one code for each residue type here, which the type tells anyway.

    Parameters
    ----------
    levels : sequence of int
        Of each number, at least 2.

    References
    ----------
    Mentzer et al., Finite scalar quantization: VQ-VAE made simple (2023), in place of the learned table of van den
    Oord et al., Neural discrete representation learning (2017).
    """

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        self.codes = prod(levels)
        # made of the sizes: not a weight
        self.levels: Tensor
        self.strides: Tensor
        self.register_buffer("levels", torch.tensor(levels), persistent=False)
        strides = [prod(levels[:k]) for k in range(len(levels))]
        self.register_buffer("strides", torch.tensor(strides), persistent=False)

    def forward(self, z: Tensor) -> Quantised:
        """Quantise vectors z (..., d) of any size; codes (...) and their vectors (..., d), within -1 and 1."""
        half = (self.levels - 1).to(z.dtype) / 2
        reach = half * (1 + _MARGIN)
        place = reach * torch.tanh(z) + half
        level = place.round().clamp(min=0).minimum(2 * half)
        near = place + (level - place).detach()
        return Quantised((level.long() * self.strides).sum(-1), near / half - 1)

    def vector(self, code: Tensor) -> Tensor:
        """Vectors (..., d) of codes (...)."""
        level = code[..., None] // self.strides % self.levels
        return 2.0 * level.float() / (self.levels - 1) - 1.0
