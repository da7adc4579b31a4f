"""A rigid body: atoms, and the density that they would have at some resolution, as points in the body's own frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import fft
from torch import Tensor

from ..density.fourier import squared_frequency
from ..density.splat import splat

__all__ = ["Atoms", "Body", "blur_of_resolution"]

_MASK_LEVEL = 0.05
"""Part of the body's highest density from which a voxel belongs to it and its surroundings: at 8 A of resolution some
5 A around the atoms, so that the edge between protein and solvent counts as well as what is inside."""
_STEPS_PER_RESOLUTION = 3.0
"""Grid points of the body for each length of the resolution: Nyquist needs two, trilinear interpolation a third."""


@dataclass(frozen=True)
class Atoms:
    """What a body is made of.

    Parameters
    ----------
    xyz : ndarray, shape (n, 3)
        In angstrom.
    weight : ndarray, shape (n,)
        Scattering of each atom; atomic numbers will do.
    """

    xyz: NDArray[np.float64]
    weight: NDArray[np.float64]

    @property
    def centre(self) -> NDArray[np.float64]:
        """Mean position, shape (3,)."""
        return np.asarray(self.xyz.mean(axis=0))

    @property
    def radius(self) -> float:
        """Distance from the centre within which 95 % of the atoms are, in angstrom."""
        return float(np.quantile(np.linalg.norm(self.xyz - self.centre, axis=1), 0.95))


@dataclass(frozen=True)
class Body:
    """Density of atoms at points of their own frame.

    Parameters
    ----------
    points : Tensor, shape (p, 3)
        About the body's centre, in angstrom.
    values : Tensor, shape (p,)
        Density there, about its mean and of unit length: the correlation of a map with the body is the product with
        the map's values, likewise taken.
    radius : float
        Of the atoms, in angstrom.
    """

    points: Tensor
    values: Tensor
    radius: float

    @classmethod
    def of(cls, atoms: Atoms, resolution: float, most: int = 4000, device: torch.device | None = None) -> Body:
        """Make the body of atoms at a resolution in angstrom, with at most so many points (evenly thinned)."""
        step = resolution / _STEPS_PER_RESOLUTION
        about = atoms.xyz - atoms.centre
        low = about.min(axis=0) - resolution
        shape = tuple(
            fft.next_fast_len(int(n), real=True) for n in (np.ptp(about, axis=0) + 2 * resolution) // step + 2
        )
        box = splat((about - low) / step, atoms.weight, shape)
        softening = np.exp(-0.25 * blur_of_resolution(resolution) * squared_frequency(shape, np.eye(3) * step))
        density = fft.irfftn(fft.rfftn(box) * softening, s=shape)
        inside = np.argwhere(density > _MASK_LEVEL * density.max())
        if len(inside) > most:
            inside = inside[np.linspace(0, len(inside) - 1, most).astype(int)]
        values = density[tuple(inside.T)]
        values = values - values.mean()
        values /= np.linalg.norm(values)
        return cls(
            torch.as_tensor(low + step * inside, dtype=torch.float32, device=device),
            torch.as_tensor(values, dtype=torch.float32, device=device),
            atoms.radius,
        )


def blur_of_resolution(resolution: float) -> float:
    """B-factor in A^2 of atoms at a resolution: Gaussians of 0.225 times it, as ChimeraX's ``molmap`` has them."""
    return float(8.0 * np.pi**2 * (0.225 * resolution) ** 2)
