"""Whether what was built has its own side chains beside it, and not those of other residues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..prior.evidence import DensityEvidence
from ..structure.polymer import Polymer
from ..tracing.field import FreeDensity
from ..tracing.sequence_fit import SideChainDensity, load_side_chain_density, probability_right, sequence_fit

__all__ = ["SequenceCheck"]

_FEWEST = 20
"""Known residues with known neighbours from which they tell how much the map shows of side chains."""


@dataclass(frozen=True)
class SequenceCheck:
    """What the map says of the residue types along a trace.

    Attributes
    ----------
    field : FreeDensity
        The whole map, nothing of it taken: side chains that known atoms explain tell as much.
    types : ndarray of int64, shape (N,)
        Index into `AMINO_ACIDS`; 20 where unknown.
    chain_index : ndarray of int64, shape (N,)
    statistics : SideChainDensity
    clarity : float
        Sequence fit of known residues over what is usual at this resolution, from 0 to 1.
    """

    field: FreeDensity
    types: NDArray[np.int64]
    chain_index: NDArray[np.int64]
    statistics: SideChainDensity
    clarity: float

    @classmethod
    def of(cls, density: DensityEvidence, polymer: Polymer, ca: Tensor, known: NDArray[np.bool_]) -> SequenceCheck:
        """For the map of a job, in one frame.

        Parameters
        ----------
        density : DensityEvidence
        polymer : Polymer
        ca : Tensor, shape (N, 3)
            In angstrom; anything where not known.
        known : ndarray of bool, shape (N,)
            Residues whose places are right.
        """
        field = FreeDensity.whole(density)
        types = polymer.aatype
        chains = polymer.chain_index
        statistics = load_side_chain_density(density.resolution)
        inner = known.copy()
        inner[1:] &= known[:-1]
        inner[:-1] &= known[1:]
        told = sequence_fit(field, ca.double().cpu().numpy(), types, chains, statistics)[inner]
        told = told[told != 0]
        mean = float(told.mean()) if len(told) >= _FEWEST else statistics.information
        return cls(field, types, chains, statistics, float(np.clip(mean / statistics.information, 0.0, 1.0)))

    def probability(self, ca: Tensor, segments: Sequence[slice]) -> NDArray[np.float64]:
        """Probability (replica, N) of residues to be in their places; 1 outside the segments.

        Parameters
        ----------
        ca : Tensor, shape (replica, N, 3)
            In angstrom.
        segments : sequence of slice
            Residues that were built together.
        """
        out = np.ones(ca.shape[:2])
        for row, trace in zip(out, ca.double().cpu().numpy(), strict=True):
            nats = sequence_fit(self.field, trace, self.types, self.chain_index, self.statistics)
            for segment in segments:
                row[segment] = probability_right(nats, segment, self.statistics, self.clarity)
        return out
