"""What distances say of the end of a trace."""

from __future__ import annotations

import numpy as np
import pytest

from adp3d.restraints.shells import Shells
from adp3d.tracing.ahead import nats_ahead
from adp3d.tracing.steps import BOND, STRETCH


def shell(residue, lower, upper, sigma):
    return Shells(np.array([residue]), np.zeros((1, 3)), *(np.array([one]) for one in (lower, upper, sigma)))


def at(*distances):
    return np.array([[0.0, d, 0.0] for d in distances])


def test_harmonic_at_first_and_then_linear():
    found = nats_ahead(shell(4, 8.0, 10.0, np.sqrt(3.0)), 4, at(9.0, 8.0, 6.0, 12.0, 20.0))  # 2 A with that of traces
    np.testing.assert_allclose(found, [0.0, 0.0, -0.5, -0.5, -2.0 * (5.0 - 1.0)])


def test_what_can_still_be_reached_costs_nothing():
    one = shell(6, 10.0, 10.0, 0.0)
    reach = 2 * STRETCH * BOND
    found = nats_ahead(one, 4, at(10.0 + reach, 10.0 - reach, 10.0 + reach + 1.0, 10.0 - reach - 1.0))
    np.testing.assert_allclose(found, [0.0, 0.0, -0.5, -0.5], atol=1e-12)


def test_one_residue_reaches_as_far_as_a_bond():
    found = nats_ahead(shell(5, 10.0, 10.0, 0.0), 4, at(10.0 + BOND, 10.0 + BOND + 1.0))
    np.testing.assert_allclose(found, [0.0, -0.5], atol=1e-12)


def test_places_close_to_each_other_are_judged_one_by_one():
    rng = np.random.default_rng(2)
    place = 15.0 * rng.normal(size=(60, 1, 3)) + 3.8 * rng.normal(size=(60, 7, 3))
    lower = 10.0 * rng.random(8)
    every = Shells(rng.integers(0, 9, 8), np.zeros((8, 3)), lower, lower + 15.0, np.ones(8))
    found = nats_ahead(every, 3, place)
    one_by_one = nats_ahead(every, 3, place.reshape(-1, 3)).reshape(60, 7)
    np.testing.assert_array_equal(found, one_by_one)
    assert 0 < (found == 0).sum() < found.size


def test_residues_that_have_their_places_count_no_more():
    both = shell(3, 5.0, 5.0, 0.0) + shell(5, 5.0, 5.0, 0.0)
    far = at(30.0)
    assert nats_ahead(both, 4, far) == nats_ahead(shell(5, 5.0, 5.0, 0.0), 4, far)
    assert nats_ahead(both, 4, far, first=3) < nats_ahead(both, 4, far)
    assert nats_ahead(both, 6, far) == nats_ahead(Shells.none(), 0, far) == [0.0]
    assert nats_ahead(both, 3, at(5.0)[None])[0] == pytest.approx(0.0)
