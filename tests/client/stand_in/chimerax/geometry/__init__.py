"""geometry/src/place.py."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Place:
    """Coordinate system: 3 axes (columns) and an origin, float64."""

    def __init__(
        self, matrix: ArrayLike | None = None, axes: ArrayLike | None = None, origin: ArrayLike | None = None
    ) -> None:
        if matrix is None:
            self._matrix = np.eye(3, 4)
            if axes is not None:
                self._matrix[:, :3] = np.transpose(axes)
            if origin is not None:
                self._matrix[:, 3] = origin
        else:
            self._matrix = np.array(matrix, np.float64, order="C")

    @property
    def matrix(self) -> NDArray[np.float64]:
        return self._matrix.copy()

    def copy(self) -> Place:
        return Place(self._matrix)

    def __eq__(self, other):
        return isinstance(other, Place) and np.array_equal(self._matrix, other._matrix)

    __hash__ = None

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Place):
            rotation = self._matrix[:, :3] @ other._matrix[:, :3]
            shift = self._matrix[:, :3] @ other._matrix[:, 3] + self._matrix[:, 3]
            return Place(np.column_stack([rotation, shift]))
        if isinstance(other, np.ndarray | tuple | list):
            return self.transform_points(np.asarray(other, np.float64))
        raise TypeError(f'Cannot multiply Place times "{other}"')

    def transform_points(self, xyz: ArrayLike, in_place: bool = False) -> NDArray[np.float64]:
        result = np.asarray(xyz) @ self._matrix[:, :3].T + self._matrix[:, 3]
        if in_place:
            xyz[:] = result
            return xyz
        return result

    def transform_vectors(self, v, in_place=False):
        result = np.asarray(v) @ self._matrix[:, :3].T
        if in_place:
            v[:] = result
            return v
        return result

    transform_vector = transform_vectors

    def inverse(self, is_orthonormal: bool = False) -> Place:
        rotation = np.linalg.inv(self._matrix[:, :3])
        return Place(np.column_stack([rotation, -rotation @ self._matrix[:, 3]]))

    def zero_translation(self) -> Place:
        matrix = self.matrix
        matrix[:, 3] = 0
        return Place(matrix)

    def translation(self) -> NDArray[np.float64]:
        return self._matrix[:, 3].copy()

    origin = translation

    def axes(self) -> NDArray[np.float64]:
        return self._matrix[:, :3].transpose().copy()

    def is_identity(self, tolerance: float = 0) -> bool:
        return bool(np.abs(self._matrix - np.eye(3, 4)).max() <= tolerance)

    def same(self, p: Place, angle_tolerance: float = 0, shift_tolerance: float = 0) -> bool:
        angle = np.degrees(np.arccos(np.clip((np.trace((self.inverse() * p)._matrix[:, :3]) - 1) / 2, -1, 1)))
        shift = np.linalg.norm(self._matrix[:, 3] - p._matrix[:, 3])
        return bool(angle <= angle_tolerance and shift <= shift_tolerance)


def identity() -> Place:
    """geometry/src/place.py, identity."""
    return Place()


def translation(v: ArrayLike) -> Place:
    """geometry/src/place.py, translation."""
    return Place(origin=v)


def rotation(axis: ArrayLike, angle: float, center: ArrayLike = (0, 0, 0)) -> Place:
    """geometry/src/place.py, rotation: around an axis, in degrees."""
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    sin, cos = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    matrix = np.eye(3) + sin * cross + (1 - cos) * cross @ cross
    center = np.asarray(center, float)
    return Place(np.column_stack([matrix, center - matrix @ center]))


class Bounds:
    """geometry/src/bounds.py: a box."""

    def __init__(self, xyz_min: NDArray[np.float32], xyz_max: NDArray[np.float32]) -> None:
        self.xyz_min, self.xyz_max = xyz_min, xyz_max

    def center(self) -> NDArray[np.float32]:
        return 0.5 * (self.xyz_min + self.xyz_max)

    def size(self) -> NDArray[np.float32]:
        return self.xyz_max - self.xyz_min


def find_close_points(
    xyz1: NDArray[Any], xyz2: NDArray[Any], max_distance: float
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """geometry/src/_geometry: rows of each that are near a row of the other."""
    near = np.linalg.norm(np.asarray(xyz1)[:, None] - np.asarray(xyz2)[None], axis=-1) <= max_distance
    return np.flatnonzero(near.any(1)).astype(np.int32), np.flatnonzero(near.any(0)).astype(np.int32)
