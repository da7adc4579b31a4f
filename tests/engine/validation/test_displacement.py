"""Rigid motions of domains, and what is left inside them, in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from adp3d.validation.displacement import displacement, screw_of
from adp3d.validation.superpose import Superposition

ONE = np.zeros(60, np.int64)


def points(n=60, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 3)) * 10


def turned(xyz, degrees, axis, point, along=0.0):
    """Points turned about an axis through a point, and moved along it."""
    unit = np.array(axis, float) / np.linalg.norm(axis)
    return Rotation.from_rotvec(np.radians(degrees) * unit).apply(xyz - point) + point + along * unit


def test_nothing_moved():
    x = points()
    found = displacement(x, x, ONE, ONE)
    (motion,) = found.domains
    assert found.rmsd == 0 and motion.shift == pytest.approx(0, abs=1e-12)
    assert motion.angle == pytest.approx(0, abs=1e-5) and motion.internal_rmsd == pytest.approx(0, abs=1e-12)


def test_a_shift():
    x = points()
    found = displacement(x, x + np.array([1.0, 2.0, 2.0]), ONE, ONE)
    (motion,) = found.domains
    assert found.distance == pytest.approx(3.0) and found.internal == pytest.approx(0.0, abs=1e-9)
    assert (motion.shift, motion.rmsd) == (pytest.approx(3.0), pytest.approx(3.0))
    assert motion.angle == pytest.approx(0, abs=1e-5) and motion.hinge is None


def test_a_turn_about_the_centre_moves_no_centre():
    x = points()
    found = displacement(x, turned(x, 30, (1, 2, 3), x.mean(0)), ONE, ONE)
    (motion,) = found.domains
    assert motion.angle == pytest.approx(30) and motion.shift == pytest.approx(0, abs=1e-9)
    off = np.linalg.norm(np.cross(x - x.mean(0), np.array([1, 2, 3]) / np.sqrt(14)), axis=1)
    assert found.distance == pytest.approx(2 * off * np.sin(np.radians(15)))  # chords of circles about the axis
    assert found.internal == pytest.approx(0, abs=1e-9)


def test_a_rebuilt_loop_does_not_turn_its_domain():
    x = points()
    result = turned(x, 10, (0, 0, 1), x.mean(0))
    result[5:15] += np.array([0.0, 8.0, 0.0])
    found = displacement(x, result, ONE, ONE)
    (motion,) = found.domains
    assert motion.angle == pytest.approx(10)
    assert found.internal[5:15] == pytest.approx(8.0) and found.internal[15:] == pytest.approx(0, abs=1e-9)
    assert motion.internal_rmsd == pytest.approx(8 * np.sqrt(10 / 60))
    assert set(found.farthest(np.arange(60), 10)) == set(range(5, 15))


def test_a_hinge_is_found_where_it_is():
    """The second domain turns about an axis; then everything is carried off together."""
    x = points()
    domain = np.repeat([0, 1], 30)
    point, axis = np.array([4.0, -3.0, 2.0]), np.array([0.0, 0.6, 0.8])
    result = x.copy()
    result[30:] = turned(x[30:], 25, axis, point, along=1.5)
    carry = Rotation.from_rotvec([0.3, -0.2, 0.5])
    moved = carry.apply(result) + np.array([10.0, 0.0, -5.0])
    first, second = displacement(x, moved, domain, ONE).domains
    assert first.hinge is None and second.hinge is not None
    assert second.hinge.angle == pytest.approx(25) and second.hinge.along == pytest.approx(1.5)
    assert second.hinge.axis == pytest.approx(carry.apply(axis))
    off = second.hinge.point - (carry.apply(point) + np.array([10.0, 0.0, -5.0]))
    assert np.linalg.norm(np.cross(off, second.hinge.axis)) == pytest.approx(0, abs=1e-9)


def test_small_turns_and_other_chains_have_no_hinge():
    x = points()
    domain = np.repeat([0, 1], 30)
    small = x.copy()
    small[30:] = turned(x[30:], 4, (1, 0, 0), x[30])
    assert [m.hinge for m in displacement(x, small, domain, ONE).domains] == [None, None]
    large = x.copy()
    large[30:] = turned(x[30:], 40, (1, 0, 0), x[30])
    assert [m.hinge for m in displacement(x, large, domain, np.repeat([0, 1], 30)).domains] == [None, None]


def test_what_one_model_lacks_has_no_way():
    x = points()
    start = x.copy()
    start[:20] = np.nan
    domain = np.repeat([0, 1, -1], 20)
    found = displacement(start, x + 1.0, domain, ONE)
    assert np.isnan(found.distance[:20]).all() and found.distance[20:] == pytest.approx(np.sqrt(3))
    assert [motion.domain for motion in found.domains] == [1], "a domain of which nothing is shown has no motion"
    assert np.isnan(found.internal[40:]).all(), "residues of no domain have no motion to be freed of"
    nothing = displacement(np.full((4, 3), np.nan), x[:4], ONE[:4], ONE[:4])
    assert np.isnan(nothing.rmsd) and nothing.domains == ()


def test_shapes_and_chains_must_go_together():
    x = points()
    with pytest.raises(ValueError, match="shapes"):
        displacement(x, x[:-1], ONE, ONE)
    with pytest.raises(ValueError, match="several chains"):
        displacement(x, x, ONE, np.repeat([0, 1], 30))


@settings(max_examples=50, deadline=None)
@given(
    st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1),
    st.floats(0.1, 179.0),
    st.tuples(*[st.floats(-50, 50)] * 3),
    st.floats(-20, 20),
)
def test_screws_come_back(axis, angle, point, along):
    unit = np.array(axis) / np.linalg.norm(axis)
    rotation = Rotation.from_rotvec(np.radians(angle) * unit).as_matrix()
    translation = np.array(point) - rotation @ np.array(point) + along * unit
    near = np.array([7.0, -2.0, 5.0])
    screw = screw_of(Superposition(rotation, translation), near)
    assert screw.angle == pytest.approx(angle, abs=1e-6) and screw.axis == pytest.approx(unit, abs=1e-6)
    assert screw.along == pytest.approx(along, abs=1e-6)
    assert np.cross(screw.point - np.array(point), unit) == pytest.approx(0, abs=1e-5 / np.radians(angle))
    assert (screw.point - near) @ screw.axis == pytest.approx(0, abs=1e-5 / np.radians(angle))


def test_a_pure_shift_is_a_screw_without_a_turn():
    screw = screw_of(Superposition(np.eye(3), np.array([0.0, 3.0, 4.0])), np.ones(3))
    assert (screw.angle, screw.along) == (0.0, 5.0)
    assert screw.axis == pytest.approx([0, 0.6, 0.8]) and screw.point == pytest.approx(np.ones(3))
