"""map_data/src/griddata.py and map_data/src/arraygrid.py: grids of values in space."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chimerax.geometry import Place


def _skew_axes(cell_angles):
    """geometry/src/matrix.py, skew_axes: unit vectors along the cell's axes, as rows."""
    alpha, beta, gamma = np.radians(np.asarray(cell_angles, float))
    c1 = np.cos(beta)
    c2 = (np.cos(alpha) - np.cos(beta) * np.cos(gamma)) / np.sin(gamma)
    axes = [(1, 0, 0), (np.cos(gamma), np.sin(gamma), 0), (c1, c2, np.sqrt(1 - c1 * c1 - c2 * c2))]
    # ChimeraX gives exact zeros for right angles
    return np.eye(3) if tuple(cell_angles) == (90, 90, 90) else np.array(axes)


class GridData:
    """Size, position and values of a grid; `read_matrix` is of subclasses."""

    def __init__(
        self,
        size,
        value_type=np.float32,
        origin=(0, 0, 0),
        step=(1, 1, 1),
        cell_angles=(90, 90, 90),
        rotation=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        symmetries=None,
        name="",
        path="",
    ):
        self.size: tuple[int, int, int] = tuple(size)
        self.value_type = np.dtype(value_type)
        self.origin: tuple[float, float, float] = tuple(origin)
        self.step: tuple[float, float, float] = tuple(step)
        self.cell_angles: tuple[float, float, float] = tuple(cell_angles)
        self.rotation = tuple(tuple(row) for row in rotation)
        self.symmetries = symmetries
        self.name = name
        self.path = path
        self.rgba = None
        self.writable = False
        self.change_callbacks = []

    @property
    def ijk_to_xyz_transform(self) -> Place:
        axes = np.array(self.rotation) @ _skew_axes(self.cell_angles).T @ np.diag(self.step)
        return Place(np.column_stack([axes, self.origin]))

    @property
    def xyz_to_ijk_transform(self) -> Place:
        return self.ijk_to_xyz_transform.inverse()

    def ijk_to_xyz(self, ijk: ArrayLike) -> NDArray[np.float64]:
        return self.ijk_to_xyz_transform * ijk

    def xyz_to_ijk(self, xyz: ArrayLike) -> NDArray[np.float64]:
        return self.xyz_to_ijk_transform * xyz

    def values_changed(self):
        for callback in list(self.change_callbacks):
            callback("values changed")


class ArrayGridData(GridData):
    """A grid held in memory, indexed [k, j, i]."""

    def __init__(
        self,
        array,
        origin=(0, 0, 0),
        step=(1, 1, 1),
        cell_angles=(90, 90, 90),
        rotation=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        symmetries=(),
        name="",
    ):
        self.array = array
        super().__init__(array.shape[::-1], array.dtype, origin, step, cell_angles, rotation, symmetries, name)
        self.writable = True

    def matrix(self, ijk_origin=(0, 0, 0), ijk_size=None, ijk_step=(1, 1, 1), progress=None, from_cache_only=False):
        size = self.size if ijk_size is None else ijk_size
        i, j, k = (slice(o, o + n, s) for o, n, s in zip(ijk_origin, size, ijk_step, strict=True))
        return self.array[k, j, i]

    def full_matrix(self, progress=None):
        return self.matrix()
