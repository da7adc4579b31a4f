"""Rigid changes of coordinates between a model, a map and the scene, as 3 x 4 matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from chimerax.core.models import Model
    from chimerax.geometry import Place

__all__ = ["IDENTITY", "apply", "between", "compose", "invert", "is_identity", "place", "scene_matrix"]

Array = NDArray[np.float64]

IDENTITY: Array = np.eye(3, 4)
"""No change."""

_RIGID = 1e-4


def scene_matrix(model: Model, what: str) -> Array:
    """Position of a model in the scene, shape (3, 4).

    Parameters
    ----------
    model : Model
        With several positions the first one counts, as for ChimeraX's own ``scene_position``.
    what : str
        Name of the model for the error message.

    Raises
    ------
    UserError
        If the position scales, shears or mirrors: atoms would not keep their distances.
    """
    from chimerax.core.errors import UserError

    matrix = np.array(model.scene_position.matrix, dtype=np.float64)
    axes = matrix[:, :3]
    if not np.allclose(axes @ axes.T, np.eye(3), atol=_RIGID) or np.linalg.det(axes) < 0:
        raise UserError(f"The position of {what} scales or mirrors it; reset it with 'view matrix' and try again.")
    return matrix


def between(source: ArrayLike, target: ArrayLike) -> Array:
    """Matrix from the frame at scene position ``source`` to the frame at scene position ``target``.

    Equal positions give exactly the identity, so that coordinates stay as they are to the last bit.
    """
    first, second = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if np.array_equal(first, second):
        return IDENTITY.copy()
    return compose(invert(second), first)


def compose(outer: ArrayLike, inner: ArrayLike) -> Array:
    """Matrix that applies ``inner`` first and ``outer`` second."""
    a, b = np.asarray(outer, np.float64), np.asarray(inner, np.float64)
    return np.column_stack([a[:, :3] @ b[:, :3], a[:, :3] @ b[:, 3] + a[:, 3]])


def invert(matrix: ArrayLike) -> Array:
    """Inverse of a rigid change of coordinates."""
    m = np.asarray(matrix, np.float64)
    turned = m[:, :3].T
    return np.column_stack([turned, -turned @ m[:, 3]])


def is_identity(matrix: ArrayLike) -> bool:
    """Whether a matrix changes nothing, to the last bit."""
    return np.array_equal(np.asarray(matrix, np.float64), IDENTITY)


def apply(matrix: ArrayLike, points: ArrayLike) -> Array:
    """Points (..., 3) in the new frame; the identity returns them bit for bit."""
    xyz = np.array(points, dtype=np.float64)
    if is_identity(matrix):
        return xyz
    m = np.asarray(matrix, np.float64)
    return xyz @ m[:, :3].T + m[:, 3]


def place(matrix: ArrayLike) -> Place:
    """ChimeraX's own object for a matrix."""
    from chimerax.geometry import Place

    return Place(np.asarray(matrix, np.float64))
