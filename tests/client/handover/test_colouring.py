from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def colouring(session):
    from chimerax.adp3d.handover import colouring

    return colouring


def test_levels_have_their_own_colours(colouring):
    for scale in colouring.SCALES.values():
        rgba = scale.rgba(np.array(scale.values))
        assert rgba.dtype == np.uint8
        assert (rgba[:, 3] == 255).all()
        np.testing.assert_array_equal(rgba[:, :3], scale.colours)


def test_between_levels_and_outside(colouring):
    scale = colouring.CONFIDENCE
    low, high, middle = scale.rgba(np.array([-10.0, 150.0, 60.0]))
    assert tuple(low[:3]) == scale.colours[0]
    assert tuple(high[:3]) == scale.colours[-1]
    np.testing.assert_allclose(middle[:3], np.mean(scale.colours[1:3], axis=0), atol=1)


def test_unknown_is_grey(colouring):
    assert tuple(colouring.FIT.rgba(np.array([np.nan]))[0]) == colouring.UNKNOWN


def test_fit_can_be_read_by_lightness_alone(colouring):
    rgb = colouring.FIT.rgba(np.linspace(0, 1, 21))[:, :3].astype(float)
    assert (np.diff(rgb @ (0.2126, 0.7152, 0.0722)) > 0).all()


def test_confidence_of_a_spread(colouring):
    np.testing.assert_allclose(colouring.confidence_from_spread(np.array([0.0, 1.0, 2.0])), [100.0, 80.0, 50.0])


def test_key_names_each_level(colouring):
    parts = colouring.CONFIDENCE.key().split()
    assert parts[0] == "#ff0000:0"
    assert parts[-1] == "#0000ff:100"
    assert len(parts) == len(colouring.CONFIDENCE.values)
