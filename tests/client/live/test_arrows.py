"""Arrows as closed surfaces, and their colours."""

from __future__ import annotations

import numpy as np
import pytest

STARTS = np.array([[0.0, 0.0, 0.0], [5.0, -3.0, 2.0], [1.0, 1.0, 1.0]])
ENDS = np.array([[0.0, 0.0, 6.0], [5.0, -3.5, 2.0], [3.0, 3.0, -8.0]])


def test_an_arrow_reaches_from_start_to_end():
    from chimerax.adp3d.live.arrows import arrow_mesh

    vertices, normals, triangles = arrow_mesh(STARTS, ENDS)
    assert vertices.shape == normals.shape == (3 * 72, 3) and triangles.shape == (3 * 56, 3)
    assert (vertices.dtype, triangles.dtype) == (np.float32, np.int32)
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1, abs=1e-5)
    for number, (start, end) in enumerate(zip(STARTS, ENDS, strict=True)):
        own = vertices[72 * number : 72 * (number + 1)]
        forward = (end - start) / np.linalg.norm(end - start)
        along = (own - start) @ forward
        assert along.min() == pytest.approx(0, abs=1e-5) and along.max() == pytest.approx(
            np.linalg.norm(end - start), abs=1e-5
        )
        off = np.linalg.norm(own - start - along[:, None] * forward, axis=1)
        assert off.max() <= 0.65 + 1e-5


def test_arrows_are_seen_from_outside():
    """All triangles turn outwards: they enclose a cone, and a cylinder without the lid that the cone's base covers."""
    from chimerax.adp3d.live.arrows import arrow_mesh

    vertices, _, triangles = arrow_mesh(STARTS[:1], ENDS[:1])
    a, b, c = vertices[triangles].astype(float).transpose(1, 0, 2)
    volume = np.einsum("ni,ni->", a, np.cross(b, c)) / 6
    polygon = 12 / 2 * np.sin(2 * np.pi / 12)  # area of a regular polygon of radius 1
    lid = 0.22**2 * 4.4 / 3  # what it would add to the sum, being 4.4 A from the origin
    assert volume == pytest.approx(polygon * (0.22**2 * 4.4 - lid + 0.65**2 * 1.6 / 3), rel=1e-4)


@pytest.mark.parametrize(
    ("largest", "end"), [(0.03, 0.1), (0.8, 1.0), (1.0, 1.0), (1.1, 2.0), (4.9, 5.0), (7.0, 10.0), (60.0, 100.0)]
)
def test_the_scale_ends_at_a_plain_number(largest, end):
    from chimerax.adp3d.live.arrows import displacement_scale

    scale = displacement_scale(largest)
    assert scale.values == pytest.approx((0.0, end / 2, end))
    assert scale.rgba(np.array([0.0, end]))[:, :3].tolist() == [[86, 180, 233], [213, 94, 0]]


def test_arrows_are_found_below_their_model(session):
    from chimerax.adp3d.live.arrows import arrows_below, new_arrows
    from chimerax.core.models import Model

    model = Model("result", session)
    session.models.add([model])
    arrows = new_arrows(session, STARTS, ENDS, np.full((3, 4), 200, np.uint8))
    session.models.add([arrows, Model("something else", session)], parent=model)
    assert arrows_below(model) == [arrows] and arrows.vertex_colors.shape == (216, 4)
    session.models.close([model])
    assert arrows.deleted
