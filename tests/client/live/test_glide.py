from __future__ import annotations

import numpy as np
import pytest


def frame(value: float, replicas: int = 2) -> np.ndarray:
    return np.full((replicas, 3, 4, 3), value, np.float32)


@pytest.fixture
def glide():
    """Glide that was at 0.0 at 100 s, after frames every 0.2 s: a way takes 0.3 s."""
    from chimerax.adp3d.live.glide import Glide

    glide = Glide()
    for i in range(60):
        glide.aim(frame(0.0), 88.2 + 0.2 * i)
        glide.at(np.inf)
    assert glide.duration == pytest.approx(0.3, abs=1e-6)
    return glide


def test_first_frame_is_shown_at_once():
    from chimerax.adp3d.live.glide import Glide

    glide = Glide()
    assert not glide.moving
    first = frame(1.0)
    glide.aim(first, 5.0)
    assert glide.moving
    assert glide.at(5.0) is first
    assert not glide.moving


def test_way_in_even_steps_that_ends_exactly_at_the_frame(glide):
    target = frame(3.0)
    glide.aim(target, 100.2)
    for time, value in ((100.3, 1.0), (100.4, 2.0)):
        np.testing.assert_allclose(glide.at(time), value, atol=1e-5)
        assert glide.moving
    assert glide.at(100.51) is target
    assert not glide.moving


def test_newer_frame_is_approached_from_what_is_shown(glide):
    glide.aim(frame(3.0), 100.2)
    glide.at(100.3)
    glide.aim(frame(-1.0), 100.4)
    np.testing.assert_allclose(glide.at(100.4), 1.0, atol=1e-5)
    np.testing.assert_allclose(glide.at(100.4 + glide.duration / 2), 0.0, atol=1e-5)


def test_without_a_later_picture_the_frame_itself(glide):
    target = frame(2.0)
    glide.aim(target, 100.2)
    assert glide.at(np.inf) is target


def test_more_replicas_than_before_are_shown_at_once(glide):
    target = frame(2.0, replicas=4)
    glide.aim(target, 100.2)
    assert glide.at(100.21) is target


def test_slow_engines_are_not_followed_in_slow_motion():
    from chimerax.adp3d.live.glide import Glide

    glide = Glide()
    for i in range(40):
        glide.aim(frame(float(i)), 30.0 * i)
        glide.at(np.inf)
    assert glide.duration <= 0.6


def test_coordinates_given_are_not_changed(glide):
    before, target = frame(1.0), frame(2.0)
    glide.aim(before, 100.2)
    glide.at(np.inf)
    glide.aim(target, 100.4)
    glide.at(100.45)
    assert (before == 1.0).all()
    assert (target == 2.0).all()
