r"""The map as a field that pulls at atoms: :math:`E = -w \sum_i \frac{Z_i}{6} \frac{\rho(x_i) - \bar\rho}{\sigma}`.

:math:`\rho` is a natural cubic spline through the voxels, :math:`\sigma` its standard deviation around the model, which
makes the weight a matter of neither the map's units nor its contour. As in molecular dynamics flexible fitting
(Trabuco, Villa, Mitra, Frank & Schulten 2008, Structure 16, 673), heavier atoms are pulled more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..density.crop import crop
from ..density.map import DensityMap
from ..density.neighbourhood import near
from ..density.resample import fourier_resample, low_pass
from ..density.sample import sample
from ..density.score import mask_radius
from .toolkit import load_openmm

__all__ = ["MapField", "map_field", "map_force"]

_MARGIN = 4.0
"""A of map beyond the atoms that move: they move less."""

_MOST_VOXELS = 1_500_000
"""OpenMM keeps 64 coefficients of 8 bytes for each voxel: 0.8 GB."""

_FINEST = 3.0
"""Steps per resolution that are kept where the map has more: a spline through three follows any wave that the map can
have (Nyquist: two) within a few per cent."""

_SHOWN = 0.0
"""Standard deviations above the mean of what is around the model from which an atom lies in density: the mean is that
of atoms and of the gaps between them."""

_CARBON = 6.0


@dataclass(frozen=True)
class MapField:
    r"""Values of the field, in units of the map's standard deviation around the model.

    Parameters
    ----------
    density : DensityMap
        The box around the atoms that move; its values are :math:`(\rho - \bar\rho)/\sigma`.
    """

    density: DensityMap

    def covers(self, xyz: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether positions (..., 3) in A lie in the box."""
        index = self.density.to_index(xyz)
        return np.asarray(((index >= 0) & (index <= np.array(self.density.shape) - 1)).all(-1))

    def shows(self, xyz: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether the density at positions (..., 3) in A is above `_SHOWN`."""
        return np.asarray(sample(self.density, xyz, outside=-np.inf) > _SHOWN)


def map_field(
    density: DensityMap, resolution: float, model: NDArray[np.float64], moving: NDArray[np.float64]
) -> MapField | None:
    """Cut out the map around atoms that move and put it on the scale of the map around the whole model.

    Parameters
    ----------
    density : DensityMap
    resolution : float
        A.
    model, moving : ndarray, shape (A, 3), (M, 3)
        All heavy atoms of the model, and those that move, in A.

    Returns
    -------
    MapField or None
        None where none of the moving atoms lies in the map, or the map is flat around the model.

    Raises
    ------
    InputError
        If the box is too large for the memory.
    """
    index = density.to_index(moving)
    inside = ((index >= 0) & (index <= np.array(density.shape) - 1)).all(-1)
    if not inside.any():
        return None
    around = density.values[near(density, model, mask_radius(resolution))].astype(np.float64)
    spread = float(around.std()) if around.size else 0.0
    if not spread > 0:
        return None
    box = crop(density, moving[inside], _MARGIN)
    spacing = float(box.voxel_size.min())
    coarser = max(spacing, resolution / _FINEST)
    if box.values.size > _MOST_VOXELS and coarser > 1.02 * spacing:
        box = fourier_resample(low_pass(box, resolution), coarser)
    if box.values.size > _MOST_VOXELS:
        raise InputError(
            "What is to be relaxed takes too large a part of the map for the memory; relax it in parts, by residues."
        )
    return MapField(replace(box, values=(box.values - np.float32(around.mean())) / np.float32(spread)))


def map_force(field: MapField, particles: NDArray[np.int64], elements: NDArray[np.int64], weight: float) -> Any:
    """Force on particles in the field, for OpenMM.

    Parameters
    ----------
    field : MapField
    particles : ndarray of int64, shape (M,)
        Their numbers in the system.
    elements : ndarray of int64, shape (M,)
        Atomic numbers.
    weight : float
        kJ/mol of a carbon atom per standard deviation of the map.

    Returns
    -------
    openmm.CustomCompoundBondForce
        One "bond" of one particle for each atom; the density is zero, and so is the force, outside of the box.
    """
    openmm = load_openmm()
    density = field.density
    inverse = np.linalg.inv(density.axes)  # per A
    start = -density.origin @ inverse
    along = [
        f"({start[axis]:.12g}" + "".join(f"{10 * inverse[i, axis]:+.12g}*{'xyz'[i]}1" for i in range(3)) + ")"
        for axis in range(3)
    ]
    force = openmm.CustomCompoundBondForce(1, f"-pull*rho({', '.join(along)})")
    nx, ny, nz = density.shape
    values = np.asarray(density.values, np.float64).ravel(order="F")  # x fastest
    force.addTabulatedFunction(
        "rho", openmm.Continuous3DFunction(nx, ny, nz, values, 0, nx - 1, 0, ny - 1, 0, nz - 1, False)
    )
    force.addPerBondParameter("pull")
    for particle, number in zip(particles.tolist(), elements.tolist(), strict=True):
        force.addBond([particle], [weight * number / _CARBON])
    return force
