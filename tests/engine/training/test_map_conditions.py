"""The conditions that maps are drawn under."""

from __future__ import annotations

import numpy as np
import pytest

from adp3d.prior.standard_map import standard_b
from adp3d.training.map_conditions import draw_conditions


def test_draws_cover_what_real_maps_are_like():
    rng = np.random.default_rng(0)
    drawn = [draw_conditions(rng) for _ in range(4000)]
    resolution = np.array([c.resolution for c in drawn])
    assert resolution.min() < 1.9 and resolution.max() > 6.2
    assert np.median(resolution) == pytest.approx(np.sqrt(1.8 * 6.5), rel=0.05)
    sharpness = np.log([c.b_final / standard_b(c.resolution) for c in drawn])
    assert abs(np.median(sharpness)) < 0.05 and 0.3 < sharpness.std() < 0.6
    assert {c.surroundings for c in drawn} == {"whole", "masked", "zoned", "thresholded"}
    assert np.mean([c.surroundings == "whole" for c in drawn]) == pytest.approx(0.52, abs=0.03)
    noise = np.array([c.noise for c in drawn])
    assert noise.min() >= 0.03 and noise.max() <= 0.7
    told = np.log([c.told_resolution / c.resolution for c in drawn])
    assert told.std() == pytest.approx(0.08, rel=0.1)


def test_a_resolution_can_be_asked_for():
    assert draw_conditions(np.random.default_rng(1), 3.5).resolution == 3.5
