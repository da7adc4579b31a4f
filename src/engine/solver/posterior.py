"""What the solver looks for the maximum of: a prior and all that pulls at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ..prior.evidence import NOTHING, Evidence
from ..prior.protocol import Prior
from .protocol import Update

__all__ = ["Posterior"]


@dataclass(frozen=True)
class Posterior:
    """:math:`p(x|y)` as the solver takes it.

    Attributes
    ----------
    prior : Prior
    updates : sequence of Update
        Steps towards the measurements.
    origin : Tensor, shape (3,)
        Centre of the structure in the measurements' frame, as far as it is known, in angstrom.
    evidence : Evidence
        Known atoms and map that the prior is shown, in the measurements' frame.
    """

    prior: Prior
    updates: Sequence[Update]
    origin: Tensor
    evidence: Evidence = NOTHING
