"""What a symmetric job ends with: all copies as images of the one that was computed, and the fit of each to the map."""

from __future__ import annotations

from typing import Any

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..density.map import DensityMap
from ..placing.result_model import Address
from ..placing.symmetric_model import with_equal_copies
from ..placing.target import Target
from ..placing.write import result_structure
from ..structure.symmetry import apply
from ..validation.atoms import heavy_atoms
from ..validation.map_correlation import cc_mask
from .symmetric import SymmetricJob

__all__ = ["describe_symmetry", "equal_copies", "following_copies"]

Array = NDArray[np.float64]


def equal_copies(
    computed: gemmi.Structure, job: SymmetricJob, target: Target, best: Array, confidence: Array, title: str | None
) -> tuple[gemmi.Structure, dict[Address, int]]:
    """All copies as images of the chains that were computed.

    Parameters
    ----------
    computed : gemmi.Structure
        Has the result of the computed chains.
    job : SymmetricJob
    target : Target
        The job's N residues.
    best : ndarray, shape (N, 4, 3)
        Their backbones in angstrom.
    confidence : ndarray, shape (N,)
    title : str or None
        As in `adp3d.pipeline.final_model.finish`.

    Returns
    -------
    structure : gemmi.Structure
    copies : dict
        For each residue of a copy the row of the residue that was computed for it.
    """
    rows, everything = job.rows(target), job.target
    # first all residues with their records, then the atoms of the computed chains for all of them
    stays = np.asarray(everything.known.any(-1), bool)
    spread = np.empty(everything.n_residues)
    spread[rows] = confidence[None]
    made = result_structure(job.structure, everything, _images(job, rows, best), spread, title, stays)
    twins: dict[Address, tuple[Address, int]] = {}
    copied: dict[Address, int] = {}
    for number, own in enumerate(rows.tolist()):
        for row, other in enumerate(own):
            twins[everything.labels[other]] = (target.labels[row], number)
            copied[everything.labels[other]] = row
    return with_equal_copies(made, computed, twins, job.symmetry.operators), copied


def following_copies(structure: gemmi.Structure, job: SymmetricJob, target: Target, best: Array) -> gemmi.Structure:
    """A model whose copies lie where those of a result will, as obstacles; the chains that are computed stay.

    Parameters
    ----------
    structure : gemmi.Structure
        Is not changed.
    job : SymmetricJob
    target : Target
        The job's N residues.
    best : ndarray, shape (N, 4, 3)
        In angstrom.
    """
    everything = job.target
    full = np.full(everything.n_residues, 100.0)
    moved = result_structure(job.structure, everything, _images(job, job.rows(target), best), full)
    made = structure.clone()
    model = gemmi.Model(made[0].num)
    for chain in made[0]:
        copied = chain.name not in job.chains and chain.name in everything.polymer.chain_ids
        model.add_chain(moved[0][chain.name] if copied else chain)
    made[0] = model
    return made


def _images(job: SymmetricJob, rows: NDArray[np.int64], best: Array) -> Array:
    """Backbones of all copies."""
    xyz = np.empty((job.target.n_residues, 4, 3))
    for own, operator in zip(rows, job.symmetry.operators, strict=True):
        xyz[own] = apply(operator, best)
    return xyz


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
