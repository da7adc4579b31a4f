"""Correlation of a map with the density of a whole model inside the model's mask (CC_mask)."""

from __future__ import annotations

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..density.crop import crop
from ..density.fourier import filtered
from ..density.map import DensityMap
from ..density.neighbourhood import near
from ..density.resample import blur
from ..density.score import mask_radius
from .atoms import Atoms

__all__ = ["cc_mask", "model_density"]

_LEAST_B = 60.0  # A^2 per squared voxel: blurred that much, an atom is sampled well by its voxels
_B_STEPS = np.arange(0.0, 401.0, 25.0)  # A^2


def cc_mask(density: DensityMap, atoms: Atoms, resolution: float, own_b_factors: bool = True) -> float:
    """Pearson correlation of the map and the model's density over the voxels near atoms.

    The model's density is the sum of electron scattering factors (International Tables C, 4.3.2) with the atoms'
    B-factors and occupancies, cut at the resolution; the mask reaches `adp3d.density.score.mask_radius` from the atoms
    (Afonine et al. 2018, Acta Cryst. D74, 814, whose radius, the width of the peak of an atom, is about the same).

    Parameters
    ----------
    density : DensityMap
    atoms : Atoms
    resolution : float
        A.
    own_b_factors : bool
        False where the B-factor column is something else; one B-factor, that which fits best, then stands for all.

    Returns
    -------
    float
        NaN where no atom lies in the map or one of the densities is constant.
    """
    there = atoms.xyz[_inside(density, atoms.xyz)]
    if not len(there):
        return float("nan")
    density = crop(density, there, mask_radius(resolution) + 2 * resolution)  # maps may be much larger than models
    inside = near(density, atoms.xyz, mask_radius(resolution))
    observed = density.values[inside].astype(np.float64)
    if own_b_factors:
        b = np.where(np.isfinite(atoms.b_iso), np.clip(atoms.b_iso, 0.0, 999.0), 0.0)
        return _correlation(observed, model_density(density, atoms, resolution, b)[inside])
    plain = density.with_values(model_density(density, atoms, resolution, np.zeros(len(atoms))))
    found = [_correlation(observed, blur(plain, b).values[inside]) for b in _B_STEPS.tolist()]
    return max((value for value in found if np.isfinite(value)), default=float("nan"))


def model_density(
    density: DensityMap, atoms: Atoms, resolution: float, b_factors: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Density of a model (nx, ny, nz) on the grid of a map, without frequencies beyond 1 / resolution.

    Atoms outside of the map are left out. Units are those of `gemmi.DensityCalculatorE`.
    """
    shape = np.array(density.shape)
    lengths = density.voxel_size * shape
    unit = density.axes / density.voxel_size[:, None]
    cosines = np.clip([unit[1] @ unit[2], unit[0] @ unit[2], unit[0] @ unit[1]], -1.0, 1.0)
    cell = gemmi.UnitCell(*lengths.tolist(), *np.degrees(np.arccos(cosines)).tolist())
    index = density.to_index(atoms.xyz)
    calculator = gemmi.DensityCalculatorE()
    calculator.grid.set_unit_cell(cell)
    calculator.grid.spacegroup = gemmi.SpaceGroup("P 1")
    calculator.grid.set_size(*density.shape)
    wide = max(0.0, _LEAST_B * float(density.voxel_size.max()) ** 2 - float(min(b_factors, default=0.0)))
    calculator.blur = wide
    for row in np.flatnonzero(_inside(density, atoms.xyz)).tolist():
        atom = gemmi.Atom()
        atom.element = gemmi.Element(str(atoms.elements[row]))
        atom.pos = cell.orthogonalize(gemmi.Fractional(*(index[row] / shape).tolist()))
        atom.occ, atom.b_iso = float(atoms.occupancy[row]), float(b_factors[row])
        calculator.add_atom_density_to_grid(atom)
    drawn = density.with_values(np.array(calculator.grid.array, np.float32))
    cut = 1.0 / resolution**2

    def sharpen(s2: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(s2 <= cut, np.exp(wide * np.minimum(s2, cut) / 4), 0.0)

    return filtered(drawn, sharpen, 2 * resolution).values


def _inside(density: DensityMap, xyz: NDArray[np.float64]) -> NDArray[np.bool_]:
    index = density.to_index(xyz)
    return np.asarray(((index >= 0) & (index <= np.array(density.shape) - 1)).all(-1), bool)


def _correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / size if size > 0 else float("nan")
