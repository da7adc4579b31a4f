"""Orientations are covered evenly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from adp3d.fitting.rotations import even_rotations, rotations_for_step


@pytest.mark.parametrize("degrees", [20, 40])
def test_no_orientation_is_farther_than_the_step(degrees):
    rotations = even_rotations(rotations_for_step(math.radians(degrees)))
    assert np.allclose(rotations @ rotations.transpose(0, 2, 1), np.eye(3)) and np.allclose(np.linalg.det(rotations), 1)
    some = Rotation.random(2000, rng=np.random.default_rng(0)).as_matrix()
    trace = np.einsum("aij,bij->ab", some, rotations).max(axis=1)
    nearest = np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))
    assert np.quantile(nearest, 0.99) < degrees and nearest.max() < 1.25 * degrees
    assert np.median(nearest) > 0.4 * degrees, "not many more than needed"


def test_a_ball_of_half_a_turn_is_everything():
    assert rotations_for_step(math.pi) == 2
