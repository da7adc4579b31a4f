"""Changes of coordinates between model, map and scene."""

from __future__ import annotations

import numpy as np
import pytest


def _random_frame(seed):
    from chimerax.geometry import Place, rotation

    rng = np.random.default_rng(seed)
    place = rotation(rng.normal(size=3), float(rng.uniform(10, 170)))
    return Place(np.column_stack([place.matrix[:, :3], rng.normal(size=3) * 50]))


class _Model:
    def __init__(self, place):
        self.scene_position = place


def test_between_agrees_with_chimerax():
    from chimerax.adp3d.handover import frames

    model, volume = _random_frame(1), _random_frame(2)
    points = np.random.default_rng(3).normal(size=(7, 3)) * 30
    moved = frames.apply(frames.between(model.matrix, volume.matrix), points)
    assert moved == pytest.approx(
        volume.inverse() * (model * points), abs=1e-5
    )  # a Place keeps some numbers as float32
    assert frames.apply(frames.invert(frames.between(model.matrix, volume.matrix)), moved) == pytest.approx(points)


def test_equal_positions_change_no_bit():
    from chimerax.adp3d.handover import frames

    place = _random_frame(4).matrix
    points = np.random.default_rng(5).normal(size=(50, 3)) * 100
    assert frames.is_identity(frames.between(place, place))
    assert np.array_equal(frames.apply(frames.between(place, place), points), points)


def test_scaled_and_mirrored_positions_are_refused():
    from chimerax.adp3d.handover import frames
    from chimerax.core.errors import UserError
    from chimerax.geometry import Place

    for axes in (np.diag([2.0, 2.0, 2.0]), np.diag([-1.0, 1.0, 1.0])):
        with pytest.raises(UserError, match="scales or mirrors"):
            frames.scene_matrix(_Model(Place(np.column_stack([axes, np.zeros(3)]))), "#1")
    place = _random_frame(6)
    assert np.array_equal(frames.scene_matrix(_Model(place), "#1"), place.matrix)
