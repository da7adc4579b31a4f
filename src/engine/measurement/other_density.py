"""Density of atoms that are not the job's: explained by them and taken out of the map that the job is compared with."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ..density.crop import crop
from ..density.map import DensityMap
from ..density.neighbourhood import near
from ..density.resample import low_pass
from ..physics.density import AtomDensity
from ..physics.form_factors import electron_form_factors
from ..physics.grid import Grid
from ..structure.other_atoms import OtherAtoms
from .known_density import known_density
from .protocol import Scene

__all__ = ["without_others"]

_AROUND = 2.5
"""Angstrom from known atoms within which map and model are compared: they have most of their density there, and what is
missing hardly any."""
_B_FACTORS = (20.0, 60.0, 120.0, 200.0, 320.0)
"""In A^2, those that the job's atoms and the others may have, each by themselves: nucleic acids and ligands are often
less ordered than the protein that holds them."""
_MARGIN = 8.0
"""Angstrom that density reaches from atoms at low resolution: from beyond the box of a map, and around the others."""


def without_others(cut: DensityMap, scene: Scene, others: OtherAtoms, resolution: float) -> DensityMap:
    r"""The map less the density of atoms that are not the job's.

    .. math::
        y'_v = \max(y_v - s \rho_v, \min(y_v, o))

    where :math:`\rho` is their density, without what is finer than the resolution, at the B-factor that explains the
    map best; scale s and offset o are those of a least-squares fit of all known atoms, the job's and those of its
    symmetric copies included, to the map around them. The map is not lowered beyond the offset: where it does not show
    an atom, nothing is taken out.

    Parameters
    ----------
    cut : DensityMap
        The map around the job.
    scene : Scene
    others : OtherAtoms
    resolution : float
        Of the map in angstrom.
    """
    here = others.only(_near_box(cut, others.xyz))
    if not len(here):
        return cut
    part = crop(cut, here.xyz, _MARGIN)  # a ligand in a large complex concerns little of its map
    around = near(part, scene.points, _AROUND) | near(part, here.xyz, _AROUND)
    if not around.any():
        return cut
    values = part.values[around].astype(np.float64)
    own = [_low_pass(part, known_density(part, scene, b), resolution)[around] for b in _B_FACTORS]
    foreign = [_low_pass(part, _density(part, here, scene.device, b), resolution)[around] for b in _B_FACTORS]
    fits = [(*_fit(known + rho, values), b) for known in own for b, rho in zip(_B_FACTORS, foreign, strict=True)]
    _, scale, offset, b_factor = min(fits)
    if scale <= 0:  # a map that contradicts the model; whoever binds it says so
        return cut
    rho = _low_pass(part, _density(part, here, scene.device, b_factor), resolution)
    first = np.rint(cut.to_index(part.origin)).astype(int)
    left = cut.values.copy()
    left[tuple(slice(low, low + n) for low, n in zip(first.tolist(), part.shape, strict=True))] = np.maximum(
        part.values - scale * rho, np.minimum(part.values, offset)
    )
    return cut.with_values(left)


def _fit(model: NDArray[np.float32], values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Squared residual, scale and offset of a least-squares fit."""
    columns = np.stack([model, np.ones(len(values))], -1).astype(np.float64)
    (scale, offset), *_ = np.linalg.lstsq(columns, values, rcond=None)
    return float(np.square(columns @ (scale, offset) - values).sum()), float(scale), float(offset)


def _low_pass(cut: DensityMap, density: NDArray[np.float32], resolution: float) -> NDArray[np.float32]:
    return low_pass(cut.with_values(density), resolution).values


def _density(cut: DensityMap, atoms: OtherAtoms, device: torch.device, b_factor: float) -> NDArray[np.float32]:
    """Density of other atoms."""
    amplitude, width, occupancy, places = (
        torch.as_tensor(values, dtype=torch.float32, device=device)
        for values in (*electron_form_factors(atoms.elements), atoms.occupancy, atoms.xyz)
    )
    operator = AtomDensity(Grid.of_map(cut), amplitude, width, torch.full_like(occupancy, b_factor), occupancy)
    density: NDArray[np.float32] = operator(places[None])[0].cpu().numpy()
    return density


def _near_box(cut: DensityMap, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points (K, 3) have density in the box of a map."""
    index, more = cut.to_index(points), _MARGIN / cut.voxel_size
    return np.asarray(((index >= -more) & (index <= np.array(cut.shape) - 1 + more)).all(-1))
