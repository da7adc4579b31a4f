"""Spread between replicas as a confidence per residue."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["HALF_CONFIDENCE_SPREAD", "replica_confidence", "replica_spread"]

HALF_CONFIDENCE_SPREAD = 2.0
"""Spread in angstrom at which the confidence is 50. A definition, not a calibration (docs/theory/confidence.md): about
half of what neighbouring CA atoms are apart, beyond which a trace may be off by a residue."""


def replica_spread(x: Tensor, chosen: int) -> Tensor:
    r"""Root mean square CA distance of the other replicas from the chosen one.

    Parameters
    ----------
    x : Tensor, shape (replica, N, 4, 3)
        Replicas in one frame, in angstrom.
    chosen : int

    Returns
    -------
    Tensor, shape (N,)
        In angstrom; 2 everywhere (confidence 50: not known) if there is only one replica.
    """
    others = torch.arange(x.shape[0], device=x.device) != chosen
    if not bool(others.any()):
        return x.new_full((x.shape[1],), HALF_CONFIDENCE_SPREAD)
    squared = (x[others, :, 1] - x[chosen, :, 1]).square().sum(-1)
    return (squared.sum(0) / len(squared)).sqrt()


def replica_confidence(spread: Tensor) -> Tensor:
    r"""Confidence :math:`100 / (1 + (s/2)^2)` for a spread s in angstrom, shape (N,).

    100 where all replicas agree, 80 at 1 A, 50 at 2 A, 14 at 5 A: read it like the pLDDT of a predicted model.
    """
    return 100.0 / (1.0 + (spread / HALF_CONFIDENCE_SPREAD).square())
