"""Figures that are told of a refinement while it runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..contract.kinds import REFINE
from ..ensemble.confidence import replica_spread
from ..job.sampling import Watch
from ..measurement.figures import figures_of, residue_figures_of
from ..measurement.protocol import Measurement
from ..prior.evidence import KnownAtoms
from ..solver.protocol import Level

__all__ = ["watch_refinement"]


def watch_refinement(density: Measurement, firm: KnownAtoms, further: Sequence[Measurement]) -> Watch:
    """What is told of replicas and of their residues.

    Parameters
    ----------
    density : Measurement
        The map.
    firm : KnownAtoms
        Those that are not meant to move.
    further : sequence of Measurement
        What is measured beside the map.
    """

    def figures(x: Tensor, level: Level) -> dict[str, Tensor]:
        return {**density.figures(x), "known_rmsd": firm.rmsd(x), **figures_of(further, x)}

    def residues(x: Tensor, best: int) -> dict[str, NDArray[np.float64]]:
        return {
            **{f"residue_{name}": values for name, values in density.residue_figures(x[best]).items()},
            "residue_spread": replica_spread(x, best).double().cpu().numpy(),
            **residue_figures_of(further, x[best]),
        }

    return Watch(figures, residues, REFINE.merit)
