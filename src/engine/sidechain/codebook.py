"""A codebook: vectors for which the nearest of a learned set stand."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["Codebook", "Quantised"]

_COMMITMENT = 0.25
"""Weight of pulling vectors towards their codes over pulling codes (van den Oord et al. 2017)."""
_TEMPERATURE = 0.05
"""Of the soft assignment by cosines from which the usage of codes is measured."""
_USAGE = 0.1
"""Weight of what the soft assignment tells of a vector in its group, in nats: high when all codes occur there and
each is certain.
Small beside the reconstruction, enough to keep codes from dying."""


@dataclass(frozen=True)
class Quantised:
    """Vectors and what stands for them.

    Attributes
    ----------
    code : Tensor of int64, shape (...)
    vector : Tensor, shape (..., d)
        Of the code, with the gradient of what was quantised.
    loss : Tensor
        Commitment and usage, a scalar.
    """

    code: Tensor
    vector: Tensor
    loss: Tensor


class Codebook(nn.Module):
    """K codes on the unit sphere in d dimensions; the nearest by angle stands for a vector.

    Parameters
    ----------
    codes, width : int

    References
    ----------
    van den Oord et al., Neural discrete representation learning (2017); unit vectors after Yu et al. (2022).
    """

    def __init__(self, codes: int, width: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(codes, width))

    def forward(self, z: Tensor, counts: Tensor, group: Tensor) -> Quantised:
        """Quantise vectors z (..., d).

        Parameters
        ----------
        z : Tensor, shape (..., d)
        counts : Tensor of bool, shape (...)
            Which of them the loss is about.
        group : Tensor of int64, shape (...)
            What is known of them besides, such as the residue type: codes need not tell it, so each group is to
            use all codes.
        """
        unit, table = nn.functional.normalize(z, dim=-1), nn.functional.normalize(self.table, dim=-1)
        cosine = unit @ table.T
        code = cosine.argmax(-1)
        nearest = table[code]
        chosen = counts[..., None].to(z.dtype)
        total = chosen.sum().clamp(min=1.0)
        pull = (nearest - unit.detach()).square() + _COMMITMENT * (nearest.detach() - unit).square()
        soft = (cosine / _TEMPERATURE).softmax(-1) * chosen
        each = -(soft * (soft + 1e-9).log()).sum() / total
        groups = int(group.max()) + 1
        share = soft.new_zeros(groups, soft.shape[-1]).index_add_(0, group.flatten(), soft.flatten(0, -2)) / total
        whole = share.sum(-1, keepdim=True)
        information = -(share * ((share + 1e-9) / (whole + 1e-9)).log()).sum() - each
        loss = (pull * chosen).sum() / total - _USAGE * information
        return Quantised(code, unit + (nearest - unit).detach(), loss)

    def vector(self, code: Tensor) -> Tensor:
        """Vectors (..., d) of codes (...)."""
        return nn.functional.normalize(self.table, dim=-1)[code]
