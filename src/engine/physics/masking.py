"""Partial models, a linear measurement that sees some atoms and not others, decomposed in whitened space."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..prior.evidence import KnownAtoms
from ..prior.protocol import Correlation

__all__ = ["MaskSvd", "mask_svd"]


@dataclass(frozen=True)
class MaskSvd:
    r"""Singular value decomposition of a partial model in whitened space, :math:`M R = U S V^T`.

    Attributes
    ----------
    right : Tensor, shape (m, 4N)
        Rows are the first m right singular vectors.
    target : Tensor, shape (m, 3)
        :math:`S^+ U^T y`.
    """

    right: Tensor
    target: Tensor


def mask_svd(model: KnownAtoms, correlation: Correlation) -> MaskSvd:
    """Dense decomposition of M R: cost O(m^2 N), so for a few hundred residues only.

    Longer chains use `Correlation.solve`, which reaches the same minimum without it.
    """
    rows = model.spread(torch.eye(int(model.known.sum()), dtype=torch.float64)[..., None].expand(-1, -1, 3))
    # R acts alike on x, y and z: one column is enough
    matrix = correlation.transpose(rows.cpu())[..., 0].flatten(1)
    u, s, vt = torch.linalg.svd(matrix, full_matrices=False)
    measured = model.observe(model.target).to("cpu", torch.float64)
    target = (u.T @ measured) / s[:, None]
    return MaskSvd(vt.to(model.target), target.to(model.target))
