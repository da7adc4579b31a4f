"""How well a backbone explains a density map."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor

from ..errors import InputError
from ..physics.density import AtomDensity
from ..physics.form_factors import B_PER_VARIANCE
from ..physics.grid import Grid
from ..physics.pseudo_atoms import AtomSet, backbone_to_atoms, prepare_atoms
from .map_levels import MapLevel, prepare_levels

__all__ = ["DensityFit", "DensityLikelihood", "estimate_b_factor"]

# Grid voxels of the replicas handled at once: replicas one by one on a CPU, together on a GPU.
_VOXELS_AT_ONCE = {"cpu": 1 << 20, "cuda": 1 << 28}
_FIT_TOLERANCE = 1e-2
_MIN_COVERAGE = 0.01


@dataclass(frozen=True)
class DensityFit:
    """Least-squares fit ``s rho + o`` of the model's density to the map over the mask.

    Each field has shape (replica,): ``scale`` s (map units per 1/A^2), ``offset`` o (map units),
    ``mean_square`` residual (squared map units) and ``correlation`` of model and map about their
    means over the mask, in [-1, 1].
    """

    scale: Tensor
    offset: Tensor
    mean_square: Tensor
    correlation: Tensor


@dataclass(frozen=True)
class _Sums:
    """Sums over the mask that the fit needs, float64, per replica."""

    mean_model: Tensor
    model_model: Tensor
    model_map: Tensor


@dataclass(frozen=True)
class DensityLikelihood:
    r"""Log-likelihood of a density map given a backbone.

    .. math::
        \log p(y|x) = -\frac{f}{2\sigma^2} \min_{s,o} \sum_v m_v (s \rho_v(x) + o - y_v)^2 + C

    (equation 12 of the ADP-3D paper, scale s and offset o profiled out). rho is the density of the
    backbone and its pseudo-atoms (`AtomDensity`), m the mask, sigma^2 the noise variance of a voxel and
    f the independent measurements per voxel (`prepare_levels`), so that a finely sampled map weighs
    no more than a coarse one. At the optimum the derivatives with respect to s and o vanish, so the
    gradient takes them as constants (envelope theorem). s is kept at or above `minimum_scale`; a
    model that anti-correlates with the map then has no gradient instead of a reversed one.

    Build with `from_map`; pick another blur with `at_level`.

    Parameters
    ----------
    atoms : AtomSet
        Scatterers of the polymer, at the map's own sharpness (level blur not included).
    levels : tuple of MapLevel
        Target at each blur.
    operators : tuple of AtomDensity
        Forward operator for each level.
    mask : Tensor, shape (nx, ny, nz)
        Weight of each voxel, 0 to 1. Voxels the model may wander into belong in the mask: outside of
        it density and model are free to disagree.
    level : int
        Level in use.
    minimum_scale : float
        Lower bound of s, in map units per 1/A^2.
    """

    atoms: AtomSet
    levels: tuple[MapLevel, ...]
    operators: tuple[AtomDensity, ...]
    mask: Tensor
    level: int = 0
    minimum_scale: float = 0.0

    @classmethod
    def from_map(
        cls,
        values: Tensor,
        grid: Grid,
        atoms: AtomSet,
        resolution: float,
        variance: float,
        mask: Tensor | None = None,
        blurs: Sequence[float] = (0.0,),
        minimum_scale: float = 0.0,
        tolerance: float = 3e-4,
    ) -> DensityLikelihood:
        """Prepare the likelihood of one map.

        Parameters
        ----------
        values : Tensor, shape (nx, ny, nz)
            Map values, on the device and in the dtype of `atoms`.
        grid : Grid
            Voxel positions.
        atoms : AtomSet
            Scatterers, with B-factors that match the sharpness of the map (`estimate_b_factor`).
        resolution : float
            Resolution of the map in A.
        variance : float
            Noise variance of a voxel in squared map units.
        mask : Tensor, shape (nx, ny, nz), optional
            Voxel weights 0 to 1, or a bool mask; all voxels if absent.
        blurs : sequence of float
            Extra B in A^2 of each level of a coarse-to-fine pyramid.
        minimum_scale : float
            Lower bound of the scale s.
        tolerance : float
            Cutoff of the atoms' density, see `AtomDensity`.

        Raises
        ------
        InputError
            If the map is constant or not finite over the mask, or the mask is empty.
        """
        if tuple(values.shape) != grid.shape:
            raise ValueError(f"map values have shape {tuple(values.shape)}, the grid {grid.shape}")
        weights = torch.ones_like(values) if mask is None else mask.to(values)
        used = values[weights > 0]
        if used.numel() == 0:
            raise InputError("The mask holds no voxel of the map; check that map, mask and model overlap.")
        if not bool(torch.isfinite(used).all()) or bool(used.max() == used.min()):
            raise InputError("The map is constant or has values that are not numbers where it is to be fitted.")
        operators = tuple(
            AtomDensity(grid, atoms.amplitude, atoms.width, atoms.b_factor + blur, atoms.occupancy, tolerance)
            for blur in blurs
        )
        centred = tuple(
            replace(level, values=level.values - _masked_mean(level.values, weights))
            for level in prepare_levels(values, grid, variance, resolution, blurs)
        )
        return cls(atoms, centred, operators, weights, 0, minimum_scale)
