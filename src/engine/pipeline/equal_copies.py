"""What a symmetric job ends with: all copies as images of the one that was computed, and the fit of each to the map."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gemmi
import numpy as np

from ..density.map import DensityMap
from ..placing.result_model import Address
from ..placing.symmetric_model import with_equal_copies
from ..placing.target import Target
from ..placing.write import result_structure
from ..validation.atoms import heavy_atoms
from ..validation.map_correlation import cc_mask
from .final_model import FinalModel
from .symmetric import SymmetricJob

__all__ = ["describe_symmetry", "equal_copies"]


def equal_copies(final: FinalModel, job: SymmetricJob, target: Target, title: str | None) -> FinalModel:
    """The final model with all copies as images of the one that was computed.

    Parameters
    ----------
    final : FinalModel
        Its structure has the result of the computed chains only.
    job : SymmetricJob
    target : Target
        The job's residues.
    title : str or None
        As in `adp3d.pipeline.final_model.finish`.
    """
    rows, operators = job.rows(target), job.symmetry.operators
    everything, outcome = job.target, final.outcome
    xyz = np.empty((everything.n_residues, 4, 3))
    for number, operator in enumerate(operators):
        xyz[rows[number]] = outcome.replicas[0] @ operator[:, :3].T + operator[:, 3]
    confidence = np.empty(everything.n_residues)
    confidence[rows] = outcome.confidence[None]
    # first all residues with their records, then the atoms of the computed chains for all of them
    stays = np.asarray(everything.known.any(-1), bool)
    made = result_structure(job.structure, everything, xyz, confidence, title, stays)
    twins: dict[Address, tuple[Address, int]] = {}
    copied: dict[Address, int] = {}
    for number, own in enumerate(rows.tolist()):
        for row, other in enumerate(own):
            twins[everything.labels[other]] = (target.labels[row], number)
            copied[everything.labels[other]] = row
    return replace(final, structure=with_equal_copies(made, final.structure, twins, operators), copies=copied)


def describe_symmetry(
    job: SymmetricJob, final: gemmi.Structure, density: DensityMap, resolution: float, correlation: float | None
) -> dict[str, Any]:
    """Figures of the copies, for the metrics: group, operators, and the fit of each copy to the map."""
    return {
        "group": job.symmetry.name,
        "chains": list(job.chains),
        "copies": [list(orbit.copies) for orbit in job.orbits],
        "added": list(job.added),
        "operators": job.symmetry.operators.round(6).tolist(),
        "map_correlation": None if correlation is None or np.isnan(correlation) else round(correlation, 4),
        "map_cc_by_copy": _fit_by_copy(job, final, density, resolution),
    }


def _fit_by_copy(
    job: SymmetricJob, final: gemmi.Structure, density: DensityMap, resolution: float
) -> dict[str, float | None]:
    """Correlation of map and model around each copy by itself, by the names of its chains."""
    found: dict[str, float | None] = {}
    for number in range(len(job.symmetry)):
        names = [str(orbit.copies[number]) for orbit in job.orbits]
        alone = final.clone()
        for chain in list(final[0]):
            if chain.name not in names:
                alone[0].remove_chain(chain.name)
        value = cc_mask(density, heavy_atoms(alone), resolution)
        found[",".join(names)] = round(value, 4) if np.isfinite(value) else None
    return found
