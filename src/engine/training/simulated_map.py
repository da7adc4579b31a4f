"""Maps simulated from all heavy atoms, under given conditions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.fft import next_fast_len
from torch import Tensor

from ..physics.density import AtomDensity
from ..physics.form_factors import electron_form_factors
from ..physics.grid import Grid
from ..prior.evidence import DensityEvidence
from ..prior.standard_map import SPACING, frequency_squared, occupied, soft_end, standard_map
from .dataset import ELEMENTS
from .map_conditions import MapConditions
from .surroundings import Scatterers

__all__ = ["SimulatedMap", "simulate_map"]

_TOLERANCE = 1e-2
"""Neglected part of an atom's density: noise is larger."""
_SHARPEST, _SHARPEST_RANGE = 160.0, (15.0, 60.0)
"""Least B in A^2 of an atom on the grid, times the resolution squared, and its range: aliasing of the 1 A grid
then stays below the signal up to the resolution."""
_SOFT_EDGE = 3.0
_REACH = 4.0
"""Atoms this far outside the box still count, in angstrom."""


@dataclass(frozen=True)
class SimulatedMap:
    """A map on a grid along x, y, z.

    Attributes
    ----------
    values : Tensor, shape (nx, ny, nz)
        In arbitrary units.
    origin : ndarray of float32, shape (3,)
        Position of voxel (0, 0, 0) in angstrom.
    """

    values: Tensor
    origin: NDArray[np.float32]

    def shown(self, resolution: float, model: NDArray[np.float32], known: NDArray[np.float32]) -> DensityEvidence:
        """The map as priors are shown it.

        Parameters
        ----------
        resolution : float
            What is said of it, in angstrom.
        model : ndarray, shape (M, 3)
            Backbone atoms that set its units, in angstrom.
        known : ndarray, shape (K, 3)
            Atoms whose density is explained.
        """
        nx, ny, nz = self.values.shape
        return standard_map(
            torch.fft.rfftn(self.values),
            (nx, ny, nz),
            torch.from_numpy(self.origin),
            SPACING,
            resolution,
            torch.from_numpy(model),
            torch.from_numpy(known),
        )


def simulate_map(
    atoms: Scatterers,
    low: NDArray[np.float32],
    high: NDArray[np.float32],
    conditions: MapConditions,
    core: NDArray[np.float32],
    generator: torch.Generator,
) -> SimulatedMap:
    """Density of atoms, blurred, filtered, noisy and cut as the conditions say.

    The sum of the atoms' electron form factors with their own B-factors (ADP-3D, equation 11), bulk solvent
    as a constant where no atom is, noise with a Gaussian envelope, sharpening, a soft end at the resolution,
    then mask, zone or threshold.

    Parameters
    ----------
    atoms : Scatterers
    low, high : ndarray, shape (3,)
        Box that must be covered, in angstrom.
    conditions : MapConditions
    core : ndarray, shape (K, 3)
        Atoms around which a zone is cut, in angstrom; masks are cut around all.
    generator : torch.Generator
        Of the noise.

    Returns
    -------
    SimulatedMap
    """
    shape = tuple(next_fast_len(math.ceil(float(extent) / SPACING) + 1, real=True) for extent in high - low)
    origin = low.astype(np.float32)
    near = ((atoms.xyz > low - _REACH) & (atoms.xyz < origin + SPACING * np.array(shape) + _REACH)).all(1)
    xyz = torch.from_numpy(atoms.xyz[near])
    b = _b_factors(xyz, atoms.relative_b[near], conditions, generator)
    # what all atoms share is blurred in Fourier space: sharp atoms need fewer voxels each
    shared = max(float(b.min()) - np.clip(_SHARPEST / conditions.resolution**2, *_SHARPEST_RANGE), 0.0)
    density = _density(xyz, atoms.element[near], b - shared, origin, shape)
    s2 = frequency_squared(shape, SPACING, torch.device("cpu"))
    inside = occupied((xyz - torch.from_numpy(origin)) / SPACING, shape, SPACING, s2)
    if conditions.solvent:
        # protein displaces solvent: what is seen is the difference
        level = float((density * inside).sum() / inside.sum().clamp(min=1.0))
        density = density - conditions.solvent * level * inside
    transfer = soft_end(s2, conditions.resolution)
    sharpening = torch.exp((conditions.b_mean - conditions.b_final - shared) / 4 * s2)
    signal = torch.fft.irfftn(torch.fft.rfftn(density) * (transfer * sharpening), s=shape)
    grain = torch.fft.rfftn(torch.randn(shape, generator=generator))
    noise = torch.fft.irfftn(grain * (transfer * torch.exp(-conditions.noise_b / 4 * s2)), s=shape)
    weight = inside / inside.sum().clamp(min=1.0)
    mean = (weight * signal).sum()
    spread = ((weight * (signal - mean).square()).sum()).sqrt()
    sigma = conditions.noise * spread
    values = signal + noise * (sigma / noise.std().clamp(min=1e-12))
    return SimulatedMap(_cut(values, xyz, core, origin, conditions, float(sigma)), origin)


def _b_factors(
    xyz: Tensor, relative_b: NDArray[np.float32], conditions: MapConditions, generator: torch.Generator
) -> Tensor:
    """B-factor of each atom in A^2; their mean is what the conditions say, but for the worst part of the map."""
    relative = torch.from_numpy(relative_b) ** conditions.b_contrast
    b = conditions.b_mean * relative / relative.mean().clamp(min=1e-6)
    if not conditions.b_local:
        return b
    direction = torch.nn.functional.normalize(torch.randn(3, generator=generator), dim=0)
    along = xyz @ direction
    worse = torch.sigmoid((along - along.mean()) / along.std().clamp(min=1.0))
    return b + conditions.b_local * conditions.b_mean * worse


def _density(
    xyz: Tensor, element: NDArray[np.uint8], b: Tensor, origin: NDArray[np.float32], shape: tuple[int, int, int]
) -> Tensor:
    """Sum of the atoms' densities before any filter."""
    amplitude, width = _form_factors()
    kind = torch.from_numpy(element.astype(np.int64))
    x, y, z = (float(value) for value in origin)
    grid = Grid((x, y, z), (SPACING,) * 3, shape)
    return AtomDensity(grid, amplitude[kind], width[kind], b, torch.ones_like(b), _TOLERANCE)(xyz)


@lru_cache(maxsize=1)
def _form_factors() -> tuple[Tensor, Tensor]:
    amplitude, width = electron_form_factors([*ELEMENTS, "P"])
    return torch.from_numpy(amplitude).float(), torch.from_numpy(width).float()


def _cut(
    values: Tensor,
    xyz: Tensor,
    core: NDArray[np.float32],
    origin: NDArray[np.float32],
    conditions: MapConditions,
    sigma: float,
) -> Tensor:
    """Blank surroundings, if the conditions ask for them; blank voxels are 0, the level of solvent."""
    if conditions.surroundings == "thresholded":
        return torch.where(values > conditions.threshold * sigma, values, 0.0)
    if conditions.surroundings == "whole":
        return values
    kept = xyz.numpy() if conditions.surroundings == "masked" else core
    voxels = np.rint((kept - origin) / SPACING).astype(int)
    voxels = voxels[((voxels >= 0) & (voxels < values.shape)).all(1)]
    free = np.ones(values.shape, bool)
    free[tuple(voxels.T)] = False
    distance = torch.from_numpy(ndimage.distance_transform_edt(free, sampling=SPACING).astype(np.float32))
    edge = _SOFT_EDGE if conditions.surroundings == "masked" else 1e-3
    return values * ((conditions.mask_radius + edge - distance) / edge).clamp(0.0, 1.0)
