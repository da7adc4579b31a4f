"""A map for some residues of a job only, while the others stay where they are and explain their density."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from ..density.crop import crop
from ..density.neighbourhood import near
from ..likelihood.density import DensityLikelihood
from ..physics.grid import Grid
from ..physics.pseudo_atoms import backbone_to_atoms
from ..structure.placeholder import placeholder_backbone
from .density import NEIGHBOUR_RADIUS, DensityMeasurement, reach_of

__all__ = ["part_of_map"]

_BESIDE = 4.0
"""Angstrom of the map beyond what the job looks at, for blurs."""


def part_of_map(density: DensityMeasurement, xyz: NDArray[np.float64], rows: NDArray[np.int64]) -> DensityMeasurement:
    r"""The map around some residues, less the density of the others.

    .. math::
        y'_v = \max(y_v - s \rho_v, \min(y_v, o))

    where :math:`\rho` is the density of the other known residues, with average side chains, and scale s and offset o
    are those with which all known residues explain the map. As for other atoms (`without_others`), the map is not
    lowered beyond the offset. The part answers for voxels within reach of it, and not for those at the others.

    Parameters
    ----------
    density : DensityMeasurement
        Of all N residues.
    xyz : ndarray, shape (N, 4, 3)
        The starting model in angstrom; NaN where it has no atoms.
    rows : ndarray of int64, shape (K,)
        The residues of the part, ascending.
    """
    full = density.likelihood
    sharp, place = full.levels[0], density.density
    own = np.zeros(len(xyz), bool)
    own[rows] = True
    known = np.asarray(np.isfinite(xyz[:, 1]).all(-1))
    points, others, reach = _shown(xyz[own]), _shown(xyz[~own]), reach_of(known[own])
    cut = crop(place, points, reach + _BESIDE)
    first = np.rint(place.to_index(cut.origin)).astype(int)
    box = tuple(slice(low, low + n) for low, n in zip(first.tolist(), cut.shape, strict=True))
    values = sharp.values[box].cpu().numpy() + sharp.mean
    free = ~near(cut, others, NEIGHBOUR_RADIUS) | near(cut, points, NEIGHBOUR_RADIUS)
    mask = sharp.mask[box].cpu().numpy() * (free & near(cut, points, reach))
    start = torch.as_tensor(placeholder_backbone(xyz)).to(sharp.values)[None]
    fit = density.known_only().fit(start)
    beside = np.flatnonzero(known & ~own)
    if len(beside):
        atoms = full.atoms.of_residues(torch.as_tensor(beside))
        rho = atoms.density(Grid.of_map(cut))(backbone_to_atoms(start[:, beside], atoms))[0].cpu().numpy()
        values = np.maximum(values - float(fit.scale) * rho, np.minimum(values, float(fit.offset)))
    likelihood = DensityLikelihood.from_map(
        torch.as_tensor(values).to(sharp.values),
        Grid.of_map(cut),
        full.atoms.of_residues(torch.as_tensor(rows)),
        full.resolution,
        float(sharp.variance),
        torch.as_tensor(mask).to(sharp.mask),
        [level.blur for level in full.levels],
    )
    return replace(density, density=cut, likelihood=likelihood, known=density.known[rows])


def _shown(xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Atoms (P, 3) of residues (K, 4, 3) that are there."""
    return xyz[np.isfinite(xyz).all(-1)]
