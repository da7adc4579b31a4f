"""The map of a refinement compared with sampled side chains in late steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..likelihood.side_chain_density import AllAtomBuilder, AllAtomMap
from ..measurement.density import DensityMeasurement
from ..measurement.side_chain_potential import SideChainPotential
from ..prior.evidence import DensityEvidence
from ..sidechain.drawn import DrawnSideChains, SideChainSource
from ..sidechain.weights_file import default_side_chain_model
from .packing_task import SideChainJob, packing_task
from .problem import Problem
from .side_chains import map_view

__all__ = ["side_chain_potential"]


def side_chain_potential(
    problem: Problem,
    density: DensityMeasurement,
    firm: NDArray[np.bool_],
    evidence: DensityEvidence | None,
    seed: int,
) -> SideChainPotential:
    """Potential of a map for the residues of a job, with side chains drawn by the package's model.

    Parameters
    ----------
    problem : Problem
    density : DensityMeasurement
    firm : ndarray of bool, shape (N,)
        Residues whose side chains, where they are whole, are the model's own and follow their backbones.
    evidence : DensityEvidence or None
        The map as priors see it, which the side chains are drawn in view of.
    seed : int
    """
    start = problem.start().cpu().double().numpy()
    task = packing_task(SideChainJob("auto", ~firm, None, seed), problem, start)
    source = SideChainSource(
        default_side_chain_model(),
        task.aatype,
        task.chain_index,
        task.residue_index,
        task.complete & ~task.open,
        task.given,
        map_view(density, evidence).grids,
        seed,
    )

    def draw(x: Tensor, step: int) -> AllAtomBuilder:
        return source.draw(x, step).on

    elements, residue = DrawnSideChains.elements(task.aatype), DrawnSideChains.residues(task.aatype)
    everything = AllAtomMap.of(density.likelihood, elements, residue, density.b_factor)
    return SideChainPotential(density.potential, everything, draw)
