"""What the map says of an atom at any place, in nats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import spline_filter
from torch import Tensor

from ..density.fourier import filtered
from ..density.map import DensityMap
from ..density.neighbourhood import near
from ..physics.density import AtomDensity
from ..physics.form_factors import electron_form_factors
from ..physics.grid import Grid
from ..prior.builtin.density_grids import DensityGrids

__all__ = ["DensityField", "MapNoise", "MapView", "density_field", "model_density"]

Array = NDArray[np.float64]

_AROUND = 2.0
"""Angstrom around atoms that are known, within which map and model are compared for scale, offset and misfit."""
_MARGIN = 12.0
"""Angstrom of padding for the transform; atoms of B = 200 A^2 have died away by then."""


@dataclass(frozen=True)
class MapNoise:
    """What is known of a map.

    Attributes
    ----------
    variance : float
        Noise variance of a voxel in squared map units.
    independent_fraction : float
        Independent measurements per voxel, at most 1.
    b_factor : float
        B in A^2 of the atoms that explain the map.
    resolution : float
        In angstrom.
    """

    variance: float
    independent_fraction: float
    b_factor: float
    resolution: float


@dataclass(frozen=True)
class MapView:
    """A map on an orthogonal grid, what is known of it, and how the side-chain model sees it."""

    map: DensityMap
    noise: MapNoise
    grids: DensityGrids | None = None


@dataclass(frozen=True)
class DensityField:
    r"""Log-likelihood that an atom adds at x, as cubic B-splines.

    With the map y, the density rho_0 of all that is fixed, scale s and offset o of their fit, and r = y - s rho_0 - o,
    an atom a of density rho_a raises ``log p(y)`` by

    .. math::
        \Delta_a(x) = \frac{f s}{\sigma^2} \sum_v r_v \rho_a(v - x) - \frac{f s^2}{2 \sigma^2} \sum_v \rho_a(v)^2.

    The second term is the same wherever the atom is, so that it does not choose between rotamers (the overlap of atoms
    of one side chain, nearly the same in all of them, is left out); the field is the first one, for carbon. Other
    elements count by their scattering. f is the share of independent voxels; sigma^2 is the noise variance or, where
    that is larger, the mean square misfit of the fixed part: a model that is wrong by more than the noise is no
    evidence to within the noise.

    Attributes
    ----------
    coefficients : Tensor, shape (nx, ny, nz)
        B-spline coefficients, in nats.
    origin : Tensor, shape (3,)
        In angstrom.
    to_index : Tensor, shape (3, 3)
        ``(x - origin) @ to_index`` counts voxels.
    map : DensityMap
        The map.
    noise : MapNoise
    scale, offset : float
        Of the fixed part's fit, ``s rho_0 + o``.
    weight : float
        ``f s / sigma^2``: nats per overlap of an atom with the map.
    """

    coefficients: Tensor
    origin: Tensor
    to_index: Tensor
    map: DensityMap
    noise: MapNoise
    scale: float
    offset: float
    weight: float

    def __call__(self, x: Tensor) -> Tensor:
        """Nats for a carbon at x (..., 3) in angstrom, shape (...); differentiable; 0 outside the map."""
        at = (x - self.origin) @ self.to_index.to(x.dtype)
        shape = self.coefficients.shape
        sizes = torch.tensor(shape, device=x.device)
        inside = ((at >= 0) & (at <= sizes - 1)).all(-1)
        low = at.detach().floor()
        part = at - low
        # the four cubic B-splines that reach a point
        weights = torch.stack(
            [
                (1 - part) ** 3 / 6,
                (3 * part**3 - 6 * part**2 + 4) / 6,
                (-3 * part**3 + 3 * part**2 + 3 * part + 1) / 6,
                part**3 / 6,
            ],
            -1,
        )
        index = low.long()[..., None] + torch.arange(-1, 3, device=x.device)
        index = torch.minimum(index.clamp(min=0), sizes[:, None] - 1)
        i, j, k = index.unbind(-2)
        flat = ((i[..., :, None] * shape[1] + j[..., None, :])[..., None] * shape[2]) + k[..., None, None, :]
        values = self.coefficients.flatten()[flat].to(x.dtype)
        wx, wy, wz = weights.unbind(-2)
        value = torch.einsum("...ijk,...i,...j,...k->...", values, wx, wy, wz)
        return torch.where(inside, value, torch.zeros_like(value))


def model_density(
    map: DensityMap, xyz: NDArray[np.floating], elements: list[str], b_factor: float, occupancy: float = 1.0
) -> Array:
    """Density (nx, ny, nz) in 1/A^2 of atoms (A, 3) of one B-factor on the grid of an orthogonal map."""
    if not len(xyz):
        return np.zeros(map.shape)
    a, b = electron_form_factors(elements)
    amplitude, width = torch.as_tensor(a, dtype=torch.float32), torch.as_tensor(b, dtype=torch.float32)
    wide, full = torch.full((len(xyz),), b_factor), torch.full((len(xyz),), occupancy)
    operator = AtomDensity(Grid.of_map(map), amplitude, width, wide, full, 3e-3)
    density: Array = operator(torch.as_tensor(np.asarray(xyz), dtype=torch.float32)).double().numpy()
    return density


def density_field(map: DensityMap, noise: MapNoise, xyz: NDArray[np.floating], elements: list[str]) -> DensityField:
    """The field of a map around a model of which atoms (A, 3) are fixed.

    Parameters
    ----------
    map : DensityMap
        On an orthogonal grid.
    noise : MapNoise
    xyz : ndarray, shape (A, 3)
        Fixed atoms, in angstrom.
    elements : list of str
        A of them.
    """
    fixed = model_density(map, xyz, elements, noise.b_factor)
    here = near(map, xyz, _AROUND)
    values = map.values.astype(np.float64)
    scale, offset = _fit(fixed[here], values[here])
    left = values - scale * fixed - offset
    misfit = float(np.square(left[here]).mean()) if here.any() else 0.0
    variance = max(noise.variance, misfit)
    a, b = electron_form_factors(["C"])

    def carbon(s2: Array) -> Array:
        wide = b[0] + noise.b_factor
        return np.asarray(sum(x * np.exp(-0.25 * w * s2) for x, w in zip(a[0], wide, strict=True)))

    overlap = filtered(map.with_values(left), carbon, _MARGIN).values.astype(np.float64) / map.voxel_volume
    weight = noise.independent_fraction * scale / variance
    return DensityField(
        torch.as_tensor(spline_filter(weight * overlap, 3, mode="mirror"), dtype=torch.float32),
        torch.as_tensor(map.origin, dtype=torch.float32),
        torch.as_tensor(np.linalg.inv(map.axes), dtype=torch.float32),
        map,
        noise,
        scale,
        offset,
        weight,
    )


def _fit(model: Array, values: Array) -> tuple[float, float]:
    """Scale (not negative) and offset of the least-squares fit of a density to values, both flat."""
    if len(values) < 2:
        return 0.0, 0.0
    centred = model - model.mean()
    spread = float((centred**2).sum())
    scale = max(float((centred * values).sum()) / spread, 0.0) if spread > 0 else 0.0
    return scale, float(values.mean() - scale * model.mean())
