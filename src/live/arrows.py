"""Arrows from where residues were to where they are now: one model below the one that moved.

They are drawn by that model, so they are hidden, moved and closed with it, and session files keep them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..handover.colouring import ColourScale

if TYPE_CHECKING:
    from chimerax.core.models import Model
    from chimerax.core.session import Session

__all__ = ["arrow_mesh", "arrows_below", "displacement_scale", "new_arrows"]

_NAME = "displacement arrows"
_SIDES = 12
_SHAFT, _HEAD = 0.22, 0.65
"""Radii in angstrom: seen beside the cartoon of a whole protein, but neighbours, 3.8 A apart, do not touch."""
_HEAD_LENGTH = 1.6
"""Angstrom, of arrows that are at least twice as long; the head is half of shorter ones."""
_COLOURS = ((86, 180, 233), (240, 228, 66), (213, 94, 0))
"""Sky blue, yellow and vermilion of Okabe and Ito: told apart by everyone, on black and on white."""
_STEPS = (1.0, 2.0, 5.0)
"""Ends of the scale, times powers of ten: the key has plain numbers."""


def displacement_scale(largest: float) -> ColourScale:
    """Colours for ways from 0 to the next plain number above ``largest``, in angstrom."""
    power = 10.0 ** np.floor(np.log10(max(largest, 0.1)))
    end = next((power * step for step in _STEPS if power * step >= largest * (1 - 1e-9)), 10 * power)
    return ColourScale("displacement", (0.0, end / 2, end), _COLOURS)


def arrow_mesh(
    starts: NDArray[np.floating], ends: NDArray[np.floating]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]:
    """Triangles of arrows with round shafts and conical heads.

    Parameters
    ----------
    starts, ends : ndarray, shape (n, 3)
        In angstrom; no arrow may be of no length.

    Returns
    -------
    vertices, normals : ndarray of float32, shape (72 n, 3)
        72 in a row for each arrow.
    triangles : ndarray of int32, shape (56 n, 3)
        Counter-clockwise as seen from outside.
    """
    way = np.asarray(ends, np.float64) - np.asarray(starts, np.float64)
    length = np.linalg.norm(way, axis=1)
    forward = way / length[:, None]
    least = np.eye(3)[np.abs(forward).argmin(axis=1)]
    right = np.cross(forward, least)
    right /= np.linalg.norm(right, axis=1)[:, None]
    up = np.cross(forward, right)
    head = np.minimum(_HEAD_LENGTH, length / 2)
    radius = _HEAD * head / _HEAD_LENGTH  # short arrows are slender too
    shaft = np.minimum(_SHAFT, radius / 2)
    neck, tip = length - head, length
    zero, one = np.zeros_like(length), np.ones_like(length)
    # of each ring: radius, height, and the radial and axial part of its normals
    rings = [
        (shaft, zero, one, zero),
        (shaft, neck, one, zero),
        (shaft, zero, zero, -one),  # the end of the shaft
        (radius, neck, zero, -one),  # the back of the head
        (radius, neck, head, radius),
        (zero, tip, head, radius),
    ]
    angle = 2 * np.pi * np.arange(_SIDES) / _SIDES
    out = (
        np.cos(angle)[None, :, None] * right[:, None, :] + np.sin(angle)[None, :, None] * up[:, None, :]
    )  # (n, sides, 3)
    vertices, normals = [], []
    for size, height, radial, axial in rings:
        axis = forward[:, None, :]
        vertices.append(np.asarray(starts)[:, None] + size[:, None, None] * out + height[:, None, None] * axis)
        normal = radial[:, None, None] * out + axial[:, None, None] * axis
        normals.append(normal / np.linalg.norm(normal, axis=-1, keepdims=True))
    one_arrow = _triangles()
    per_arrow = len(rings) * _SIDES
    triangles = one_arrow[None] + per_arrow * np.arange(len(length), dtype=np.int32)[:, None, None]
    return (
        np.stack(vertices, axis=1).reshape(-1, 3).astype(np.float32),
        np.stack(normals, axis=1).reshape(-1, 3).astype(np.float32),
        triangles.reshape(-1, 3).astype(np.int32),
    )


def new_arrows(
    session: Session,
    starts: NDArray[np.floating],
    ends: NDArray[np.floating],
    colours: NDArray[np.uint8],
) -> Model:
    """Model with arrows, not opened yet.

    Parameters
    ----------
    session : Session
    starts, ends : ndarray, shape (n, 3)
        In the frame of the model that they are to be put below, in angstrom.
    colours : ndarray of uint8, shape (n, 4)
    """
    from chimerax.core.models import Model

    arrows = Model(_NAME, session)
    vertices, normals, triangles = arrow_mesh(starts, ends)
    arrows.set_geometry(vertices, normals, triangles)
    arrows.vertex_colors = np.repeat(colours, len(vertices) // len(colours), axis=0)
    arrows.SESSION_SAVE_DRAWING = True
    arrows.pickable = False
    return arrows


def arrows_below(model: Model) -> list[Model]:
    """Arrows that a model has, also those of a restored session."""
    return [child for child in model.child_models() if child.name == _NAME]


def _triangles() -> NDArray[np.int32]:
    """Triangles (56, 3) of one arrow, over its six rings."""
    first = np.arange(_SIDES)
    after = (first + 1) % _SIDES
    ring = _SIDES * np.arange(6)
    fan = np.stack([np.zeros(_SIDES - 2, int), first[2:], first[1:-1]], axis=1)
    parts = [
        np.stack([ring[0] + first, ring[0] + after, ring[1] + after], axis=1),
        np.stack([ring[0] + first, ring[1] + after, ring[1] + first], axis=1),
        ring[2] + fan,
        ring[3] + fan,
        np.stack([ring[4] + first, ring[4] + after, ring[5] + first], axis=1),
    ]
    return np.concatenate(parts).astype(np.int32)
