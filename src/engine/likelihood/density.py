"""How well a backbone explains a density map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..density.map import DensityMap
from ..density.score import mask_radius, residue_correlation, residue_share
from ..physics.density import AtomDensity
from ..physics.grid import Grid
from ..physics.pseudo_atoms import AtomSet, backbone_to_atoms
from .map_levels import MapLevel, prepare_levels
from .residual import residual_of
from .residual_sums import Residual, Sums

__all__ = ["DensityFit", "DensityLikelihood", "Evaluation"]

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
class Evaluation:
    """A likelihood at x: ``value`` (replica,), ``gradient`` (replica, N, 4, 3) in 1/A, ``fit``, and ``sums``."""

    value: Tensor
    gradient: Tensor
    fit: DensityFit
    sums: Sums


@dataclass(frozen=True)
class DensityLikelihood:
    r"""Log-likelihood of a density map given a backbone.

    .. math::
        \log p(y|x) = -\frac{f}{2\sigma^2} \min_{s,o} \sum_v m_v (s \rho_v(x) + o - y_v)^2 + C

    (equation 12 of the ADP-3D paper, scale s and offset o profiled out). rho is the density of the
    backbone and its pseudo-atoms (`AtomDensity`), m the mask, sigma^2 the noise variance of a voxel and
    f the independent measurements per voxel (`prepare_levels`), so that a finely sampled map weighs
    no more than a coarse one. At the optimum the derivatives with respect to s and o vanish, so the
    gradient takes them as constants (envelope theorem). s is never negative; a model that
    anti-correlates with the map then has no gradient instead of a reversed one.

    Build with `from_map`; pick another blur with `at_level`.

    Parameters
    ----------
    atoms : AtomSet
        Scatterers of the polymer, at the map's own sharpness (level blur not included).
    levels : tuple of MapLevel
        Target and mask at each blur. Voxels the model may wander into belong in the mask: outside of it
        map and model are free to disagree.
    operators : tuple of AtomDensity
        Forward operator for each level.
    resolution : float
        Resolution of the map in A.
    level : int
        Level in use.
    """

    atoms: AtomSet
    levels: tuple[MapLevel, ...]
    operators: tuple[AtomDensity, ...]
    resolution: float
    level: int = 0

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
            Scatterers, with B-factors that match the sharpness of the map; `relative_sharpness` of
            `adp3d.density.sharpness` measures it.
        resolution : float
            Resolution of the map in A.
        variance : float
            Noise variance of a voxel in squared map units.
        mask : Tensor, shape (nx, ny, nz), optional
            Voxel weights 0 to 1, or a bool mask; all voxels if absent.
        blurs : sequence of float
            Extra B in A^2 of each level of a coarse-to-fine pyramid.
        tolerance : float
            Cutoff of the atoms' density, see `AtomDensity`.

        Raises
        ------
        InputError
            If the map is constant or not finite over the mask, or the mask is empty.
        """
        levels = prepare_levels(values, grid, variance, resolution, mask, blurs)
        operators = tuple(atoms.density(level.grid, level.blur, tolerance) for level in levels)
        return cls(atoms, levels, operators, resolution)

    def of_residues(self, rows: Tensor) -> DensityLikelihood:
        """The same map for some of the residues only, ascending ``rows`` (K,): the others are not there."""
        atoms = self.atoms.of_residues(rows)
        operators = tuple(atoms.density(level.grid, level.blur) for level in self.levels)
        return replace(self, atoms=atoms, operators=operators)

    def at_level(self, level: int) -> DensityLikelihood:
        """Return the same likelihood with the map of another blur (index into `levels`)."""
        self.levels[level]  # an index out of range fails here, not in the solver
        return replace(self, level=level)

    def __call__(self, x: Tensor) -> Tensor:
        """Log-likelihood of each replica up to a constant, shape (replica,).

        Parameters
        ----------
        x : Tensor, shape (replica, N, 4, 3)
            Backbone positions in A; differentiable (once).
        """
        if not (x.requires_grad and torch.is_grad_enabled()):
            sums = self._residual.sums(backbone_to_atoms(x.detach(), self.atoms))
            weight = -0.5 * self._target.independent_fraction / self._target.variance
            plain: Tensor = (weight * sums.squared_residual).to(x.dtype)
            return plain
        value: Tensor = _LogLikelihood.apply(x, self)  # type: ignore[no-untyped-call]
        return value

    def value_and_grad(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Log-likelihood (replica,) and its gradient (replica, N, 4, 3) in 1/A, without a graph to keep."""
        found = self.evaluate(x)
        return found.value, found.gradient

    def evaluate(self, x: Tensor) -> Evaluation:
        """Everything that one density of each replica of x (replica, N, 4, 3) tells."""
        weight = -self._target.independent_fraction / self._target.variance
        with torch.enable_grad():
            leaf = x.detach().requires_grad_(True)
            xyz = backbone_to_atoms(leaf, self.atoms)
        sums, slope = self._residual.sums_and_gradient(xyz.detach())
        (gradient,) = torch.autograd.grad(xyz, leaf, weight * slope)
        value = (0.5 * weight * sums.squared_residual).to(x.dtype)
        return Evaluation(value, gradient, self._fit(sums, x.dtype), sums)

    def fit(self, x: Tensor) -> DensityFit:
        """Scale, offset, residual and correlation for each replica of x (replica, N, 4, 3)."""
        return self._fit(self._residual.sums(backbone_to_atoms(x.detach(), self.atoms)), x.dtype)

    def _fit(self, sums: Sums, dtype: torch.dtype) -> DensityFit:
        level = self._target
        offset = level.mean - sums.scale * sums.mean_model
        columns = (sums.scale, offset, sums.squared_residual / level.total, sums.correlation)
        return DensityFit(*(column.to(dtype) for column in columns))

    def correlation(self, x: Tensor) -> Tensor:
        """Correlation (replica,) of model and map over the mask, for x (replica, N, 4, 3)."""
        return self.fit(x).correlation

    def per_residue_fit(self, x: Tensor) -> NDArray[np.float64]:
        """Correlation of model and map around the backbone of each residue.

        Parameters
        ----------
        x : Tensor, shape (replica, N, 4, 3)
            Backbone positions in A.

        Returns
        -------
        ndarray of float64, shape (replica, N)
            In [-1, 1] over the voxels within `mask_radius` of N, CA, C or O; NaN outside the map.
        """
        map, radius = self._target.as_map(), mask_radius(self.resolution)
        return np.stack([residue_correlation(map, *densities, radius) for densities in self._densities(x)])

    def per_residue_share(self, x: Tensor) -> NDArray[np.float64]:
        """Density of the map at the backbone of each residue, (replica, N), as a fraction of what the model has there.

        Scale and offset are those of `fit`; NaN where the model does not fit at all, so that there is no scale.
        """
        map, fit = self._target.as_map(), self.fit(x)
        values = map.values + self._target.mean  # which levels are stored without
        rows = np.full(x.shape[:2], np.nan)
        scales = zip(fit.scale.tolist(), fit.offset.tolist(), strict=True)
        for row, ((scale, offset), densities) in enumerate(zip(scales, self._densities(x), strict=True)):
            if scale > 0:
                scaled = DensityMap((values - offset) / scale, map.origin, map.axes)
                rows[row] = residue_share(scaled, *densities)
        return rows

    def _densities(self, x: Tensor) -> Iterator[tuple[NDArray[Any], NDArray[Any], NDArray[np.int64], int]]:
        """Density of each replica, its backbone atoms and their residues, and how many these are.

        One by one: densities of many replicas take memory.
        """
        residue = np.repeat(np.arange(x.shape[1]), x.shape[2])
        for one in x.detach():
            density = self._operator(backbone_to_atoms(one, self.atoms)).cpu().numpy()
            yield density, one.flatten(0, 1).cpu().numpy(), residue, x.shape[1]

    def curvature(self, x: Tensor, sums: Sums | None = None) -> Tensor:
        r"""Positive diagonal of the Gauss-Newton Hessian of -log p, averaged over directions.

        For an atom it is :math:`f s^2/(3 \sigma^2 \Delta V) \int |\nabla\rho_a|^2`, a closed form of its
        Gaussians, times the share of its density that lies under the mask. The ratio of the standard
        deviations of map and model stands for s, which it bounds. A side-chain site adds its own to N,
        CA and C by its levers.

        Parameters
        ----------
        x : Tensor, shape (replica, N, 4, 3)
            Backbone positions in A.
        sums : Sums, optional
            Those of an `evaluate` at x, if it is at hand.

        Returns
        -------
        Tensor, shape (replica, N, 4)
            In 1/A^2.
        """
        operator, level, atoms = self._operator, self._target, self.atoms
        volume, n_backbone = operator.grid.voxel_volume, 4 * x.shape[1]
        weight = level.independent_fraction / (3 * level.variance * volume)
        # what well separated atoms would have; less means that most of the model is off the map
        least = _MIN_COVERAGE * operator.square_integral.sum().double() / volume
        xyz = backbone_to_atoms(x.detach(), atoms)
        sums = self._residual.sums(xyz) if sums is None else sums
        bound = level.square / torch.maximum(sums.model_model, least)
        coverage = operator.adjoint(level.mask, xyz) * volume / operator.charge
        per_atom = weight * operator.gradient_energy * coverage.clamp(_MIN_COVERAGE, 1.0)
        per_atom = atoms.folded(per_atom * bound.to(x.dtype)[:, None])
        backbone = per_atom[:, :n_backbone].unflatten(-1, (-1, 4)).clone()
        levers = atoms.lever * per_atom[:, n_backbone:, None]
        backbone[..., :3] = backbone[..., :3].index_add(1, atoms.site_residue, levers)
        result: Tensor = backbone
        return result

    @property
    def _target(self) -> MapLevel:
        return self.levels[self.level]

    @property
    def _operator(self) -> AtomDensity:
        return self.operators[self.level]

    @property
    def _residual(self) -> Residual:
        return residual_of(self._operator, self._target)


class _LogLikelihood(torch.autograd.Function):
    """Autograd rule of `DensityLikelihood`: value and gradient come together, so keep the gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, likelihood: DensityLikelihood) -> Tensor:
        value, gradient = likelihood.value_and_grad(x)
        ctx.save_for_backward(gradient)
        return value

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * grad[:, None, None, None], None
