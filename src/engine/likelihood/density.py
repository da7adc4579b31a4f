"""How well a backbone explains a density map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..density.score import mask_radius, residue_correlation
from ..physics.density import AtomDensity
from ..physics.grid import Grid
from ..physics.pseudo_atoms import AtomSet, backbone_to_atoms
from .map_levels import MapLevel, prepare_levels

__all__ = ["DensityFit", "DensityLikelihood"]

# Grid voxels of the replicas handled at once: replicas one by one on a CPU, together on a GPU.
_VOXELS_AT_ONCE = {"cpu": 1 << 20, "cuda": 1 << 28}
_MIN_COVERAGE = 0.01
_TINY = 1e-300


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
            return self._evaluate(x, with_gradient=False)[0]
        value: Tensor = _LogLikelihood.apply(x, self)  # type: ignore[no-untyped-call]
        return value

    def value_and_grad(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Log-likelihood (replica,) and its gradient (replica, N, 4, 3) in 1/A, without a graph to keep."""
        return self._evaluate(x, with_gradient=True)

    def fit(self, x: Tensor) -> DensityFit:
        """Scale, offset, residual and correlation for each replica of x (replica, N, 4, 3)."""
        fits = []
        for _, density in self._densities(x):
            sums = self._sums(density)
            scale = self._scale(sums)
            spread = (sums.model_model * self._target.square).sqrt().clamp_min(_TINY)
            offset = self._target.mean - scale * sums.mean_model
            mean_square = self._squared_residual(sums) / self._target.mask.sum()
            fits.append((scale, offset, mean_square, sums.model_map / spread))
        return DensityFit(*(torch.cat(column).to(x.dtype) for column in zip(*fits, strict=True)))

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
        map = self._target.as_map()
        residue = np.repeat(np.arange(x.shape[1]), x.shape[2])
        radius = mask_radius(self.resolution)
        points = x.detach().flatten(1, 2).cpu().numpy()
        rows = [
            residue_correlation(map, density, points[row], residue, x.shape[1], radius)
            for part, block in self._densities(x)
            for row, density in zip(range(x.shape[0])[part], block.cpu().numpy(), strict=True)
        ]
        return np.stack(rows)

    def curvature(self, x: Tensor) -> Tensor:
        r"""Positive diagonal of the Gauss-Newton Hessian of -log p, averaged over directions.

        For an atom it is :math:`f s^2/(3 \sigma^2 \Delta V) \int |\nabla\rho_a|^2`, a closed form of its
        Gaussians, times the share of its density that lies under the mask. The ratio of the standard
        deviations of map and model stands for s, which it bounds. A side-chain site adds its own to N,
        CA and C by its levers.

        Parameters
        ----------
        x : Tensor, shape (replica, N, 4, 3)
            Backbone positions in A.

        Returns
        -------
        Tensor, shape (replica, N, 4)
            In 1/A^2.
        """
        operator, level, atoms = self._operator, self._target, self.atoms
        volume, n_backbone = operator.grid.voxel_volume, 4 * x.shape[1]
        weight = level.independent_fraction / (3 * level.variance * volume)
        # what well separated atoms would have; less means that most of the model is off the map
        least = _MIN_COVERAGE * float(operator.square_integral.sum()) / volume
        rows = []
        for part, density in self._densities(x):
            bound = level.square / self._sums(density).model_model.clamp_min(least)
            xyz = backbone_to_atoms(x[part].detach(), atoms)
            coverage = operator.adjoint(level.mask, xyz) * volume / operator.charge
            per_atom = weight * operator.gradient_energy * coverage.clamp(_MIN_COVERAGE, 1.0)
            per_atom = per_atom * bound.to(x.dtype)[:, None]
            backbone = per_atom[:, :n_backbone].unflatten(-1, (-1, 4)).clone()
            levers = atoms.lever * per_atom[:, n_backbone:, None]
            backbone[..., :3] = backbone[..., :3].index_add(1, atoms.residue[n_backbone:], levers)
            rows.append(backbone)
        return torch.cat(rows)

    @property
    def _target(self) -> MapLevel:
        return self.levels[self.level]

    @property
    def _operator(self) -> AtomDensity:
        return self.operators[self.level]

    def _densities(self, x: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Yield slices of replicas and their model densities (r, nx, ny, nz), a bounded number at a time."""
        at_once = _VOXELS_AT_ONCE.get(x.device.type, _VOXELS_AT_ONCE["cuda"])
        step = max(1, at_once // self._operator.grid.n_voxels)
        for start in range(0, x.shape[0], step):
            part = slice(start, min(start + step, x.shape[0]))
            with torch.no_grad():
                density = self._operator(backbone_to_atoms(x[part], self.atoms))
            yield part, density

    def _sums(self, density: Tensor) -> _Sums:
        """Moments of model densities (r, nx, ny, nz) and the centred map over the mask."""
        level = self._target
        masked = density * level.mask
        total = level.mask.sum(dtype=torch.float64)
        mean = masked.sum((1, 2, 3)).double() / total
        # summed in pairs: matrix products accumulate 10 times the rounding error
        model_model = (masked * density).sum((1, 2, 3)).double() - mean**2 * total
        model_map = (masked * level.values).sum((1, 2, 3)).double()
        return _Sums(mean, model_model.clamp_min(0), model_map)

    def _scale(self, sums: _Sums) -> Tensor:
        return (sums.model_map / sums.model_model.clamp_min(_TINY)).clamp_min(0.0)

    def _squared_residual(self, sums: _Sums) -> Tensor:
        scale = self._scale(sums)
        return scale**2 * sums.model_model - 2 * scale * sums.model_map + self._target.square

    def _evaluate(self, x: Tensor, with_gradient: bool) -> tuple[Tensor, Tensor]:
        level, operator = self._target, self._operator
        weight = level.independent_fraction / level.variance
        value = x.new_empty(x.shape[0])
        gradient = torch.zeros_like(x) if with_gradient else x.new_empty(0)
        for part, density in self._densities(x):
            sums = self._sums(density)
            value[part] = (-0.5 * weight * self._squared_residual(sums)).to(x.dtype)
            if not with_gradient:
                continue
            scale = self._scale(sums).to(x.dtype)[:, None, None, None]
            mean = sums.mean_model.to(x.dtype)[:, None, None, None]
            pull = (density - mean).mul_(scale).sub_(level.values).mul_(level.mask).mul_(-weight * scale)
            with torch.enable_grad():
                leaf = x[part].detach().requires_grad_(True)
                xyz = backbone_to_atoms(leaf, self.atoms)
            (gradient[part],) = torch.autograd.grad(xyz, leaf, operator.gradient(pull, xyz.detach()))
        return value, gradient


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
