"""A plausible course where nothing is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adp3d.structure.course import arc, backbone_on_trace, complete_trace, helix, plausible_backbone

coordinate = st.floats(-50, 50)
points = st.tuples(coordinate, coordinate, coordinate).map(np.array)


@given(points, points, st.integers(1, 40), points)
def test_arcs_are_evenly_spaced_and_of_the_length_of_the_chain(start, end, count, outwards):
    inside = arc(start, end, count, outwards)
    steps = np.linalg.norm(np.diff(np.vstack([start, inside, end]), axis=0), axis=1)
    assert inside.shape == (count, 3) and np.isfinite(inside).all()
    assert np.allclose(steps, steps[0], atol=1e-3)
    if np.linalg.norm(end - start) < 3.79 * (count + 1):
        half_step = np.pi / (count + 1)  # of the widest possible arc, a full circle
        assert 3.8 * np.sin(half_step) / half_step * 0.99 <= steps[0] <= 3.8


def test_an_arc_bulges_to_the_side_asked_for():
    inside = arc(np.zeros(3), np.array([10.0, 0.0, 0.0]), 9, np.array([3.0, 2.0, 0.0]))
    assert (inside[:, 1] > 0).all() and np.allclose(inside[:, 2], 0)


def test_helix():
    trace = helix(30, np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 2.0]))
    assert np.linalg.norm(trace[0] - [1, 2, 3]) == pytest.approx(3.83, abs=0.01)
    assert np.allclose(np.linalg.norm(np.diff(trace, axis=0), axis=1), 3.83, atol=0.01)
    assert trace[-1, 2] - trace[0, 2] == pytest.approx(1.5 * 29)
    a, b, c = np.diff(trace[:4], axis=0)
    assert np.dot(np.cross(a, b), c) > 0  # right-handed


def test_backbone_has_the_bond_lengths_of_proteins():
    x = backbone_on_trace(helix(12, np.zeros(3), np.array([1.0, 1.0, 0.0])))
    n, ca, c, o = (x[:, i] for i in range(4))
    for first, second, length in ((n, ca, 1.46), (ca, c, 1.52), (c, o, 1.23), (c[:-1], n[1:], 1.33)):
        assert np.allclose(np.linalg.norm(first - second, axis=1), length, atol=0.06)
    assert np.isfinite(backbone_on_trace(np.zeros((1, 3)))).all()


def test_known_atoms_stay_and_everything_is_finite():
    rng = np.random.default_rng(0)
    chain_index = np.repeat([0, 1, 2], [12, 5, 1])
    xyz = np.full((18, 4, 3), np.nan)
    xyz[[3, 4, 8]] = rng.normal(scale=8, size=(3, 4, 3))
    xyz[14, 1] = [1.0, 2.0, 3.0]
    full = plausible_backbone(xyz, chain_index)
    known = np.isfinite(xyz)
    assert np.isfinite(full).all()
    assert (full[known] == xyz[known]).all()


def test_tails_lead_outwards():
    ca = np.full((10, 3), np.nan)
    ca[4], ca[5] = [20.0, 0.0, 0.0], [-20.0, 0.0, 0.0]
    trace = complete_trace(ca, np.zeros(10, dtype=np.int64))
    assert trace[0, 0] > trace[3, 0] - 5 and trace[0, 0] > 22 and trace[9, 0] < -22


def test_chains_of_which_nothing_is_known_lie_side_by_side():
    trace = complete_trace(np.full((8, 3), np.nan), np.repeat([0, 1], 4).astype(np.int64))
    gaps = np.linalg.norm(trace[:4, None] - trace[None, 4:], axis=-1)
    assert gaps.min() > 6
