"""A density map: values on a regular grid and where that grid lies in space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["DensityMap"]

ANGLE_TOLERANCE = 1e-4
"""Cosine between two step vectors below which they count as perpendicular."""


@dataclass(frozen=True)
class DensityMap:
    """Density rho at the grid points ``origin + i axes[0] + j axes[1] + k axes[2]``.

    The arrays are indexed along the grid axes x, y, z, whatever the order in the file was. The step
    vectors need not be perpendicular (crystallographic cells), equal in length or parallel to x, y, z.

    Parameters
    ----------
    values : ndarray of float32, shape (nx, ny, nz)
        Density in the units of the file, at least two points along every axis, all finite.
    origin : ndarray of float64, shape (3,)
        Position of ``values[0, 0, 0]`` in angstrom.
    axes : ndarray of float64, shape (3, 3)
        Row i is the step in angstrom from one grid point to the next along axis i.
    notes : tuple of str
        What the reader had to assume (for the user, one sentence each); empty for an ordinary file.

    Raises
    ------
    ValueError
        If a shape is wrong, a number is not finite, or the step vectors do not span space.
    """

    values: NDArray[np.float32]
    origin: NDArray[np.float64]
    axes: NDArray[np.float64]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.values, dtype=np.float32)
        origin = np.array(self.origin, dtype=np.float64)
        axes = np.array(self.axes, dtype=np.float64)
        if values.ndim != 3 or min(values.shape) < 2:
            raise ValueError(f"a map needs three axes of at least 2 points, not shape {values.shape}")
        if origin.shape != (3,) or axes.shape != (3, 3):
            raise ValueError(f"origin {origin.shape} and axes {axes.shape} must have shapes (3,) and (3, 3)")
        if not (np.isfinite(origin).all() and np.isfinite(axes).all()):
            raise ValueError("origin and axes must be finite")
        lengths = np.linalg.norm(axes, axis=1)
        if (lengths == 0).any() or abs(np.linalg.det(axes / lengths[:, None])) < 1e-3:
            raise ValueError("the three step vectors of a map must span space")
        if not np.isfinite(values).all():
            raise ValueError("map values must be finite")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "origin", origin)
        object.__setattr__(self, "axes", axes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of grid points along each axis (nx, ny, nz)."""
        nx, ny, nz = self.values.shape
        return nx, ny, nz

    @property
    def voxel_size(self) -> NDArray[np.float64]:
        """Length of each step vector in angstrom, shape (3,)."""
        result: NDArray[np.float64] = np.linalg.norm(self.axes, axis=1)
        return result

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel, |det axes|, in cubic angstrom."""
        return float(abs(np.linalg.det(self.axes)))

    @property
    def is_orthogonal(self) -> bool:
        """Whether the step vectors are perpendicular to each other (they may still be rotated)."""
        unit = self.axes / self.voxel_size[:, None]
        return bool(np.abs(unit @ unit.T - np.eye(3)).max() < ANGLE_TOLERANCE)

    @property
    def centre(self) -> NDArray[np.float64]:
        """Middle of the box in angstrom, shape (3,)."""
        return self.to_points((np.array(self.shape) - 1) / 2)

    def to_index(self, points: ArrayLike) -> NDArray[np.float64]:
        """Fractional grid indices of positions: ``(p - origin) axes^-1``.

        Parameters
        ----------
        points : array_like, shape (..., 3)
            Positions in angstrom.

        Returns
        -------
        ndarray of float64, shape (..., 3)
            Index along x, y, z; grid point [i, j, k] gives exactly (i, j, k).
        """
        return (np.asarray(points, dtype=np.float64) - self.origin) @ np.linalg.inv(self.axes)

    def to_points(self, indices: ArrayLike) -> NDArray[np.float64]:
        """Positions of (fractional) grid indices: ``origin + index axes``; shapes (..., 3), angstrom."""
        return self.origin + np.asarray(indices, dtype=np.float64) @ self.axes

    def with_values(self, values: NDArray[np.floating]) -> DensityMap:
        """Other values on the same grid."""
        if values.shape != self.values.shape:
            raise ValueError(f"values of shape {values.shape} do not fit a grid of shape {self.values.shape}")
        return DensityMap(values.astype(np.float32), self.origin, self.axes, self.notes)

    def same_grid(self, other: DensityMap) -> bool:
        """Whether both maps have the same points in space, to a hundredth of a voxel."""
        if self.shape != other.shape:
            return False
        far = np.array(self.shape) - 1
        tolerance = 0.01 * float(self.voxel_size.min())
        corners = [np.zeros(3), far, *(np.diag(far))]
        return all(np.abs(self.to_points(corner) - other.to_points(corner)).max() < tolerance for corner in corners)
