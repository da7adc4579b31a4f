"""Bodies that take their density: places of copies, what is told and what is kept."""

from __future__ import annotations

import json

import numpy as np
import pytest

from adp3d.density.map import DensityMap
from adp3d.fitting.body import Atoms
from adp3d.fitting.placement import Place
from adp3d.fitting.rest_search import Docked, RestSearch, on_one_spot
from adp3d.fitting.standing import judge_places

FOUND = judge_places([0.9, 0.31, 0.3, 0.29, 0.3, 0.28])
MISSED = judge_places([0.33, 0.31, 0.3, 0.29, 0.3, 0.28])


def place(shift):
    return Place(np.eye(3), np.array(shift), 0.9)


@pytest.fixture
def cloud():
    xyz = np.random.default_rng(0).uniform(-10, 10, (300, 3))
    return Atoms(xyz, np.ones(300))


def test_a_place_that_is_taken_is_not_free(cloud):
    values = np.random.default_rng(1).normal(size=(20, 20, 20)).astype(np.float32)
    search = RestSearch(DensityMap(values, np.full(3, -20.0), np.eye(3) * 2.0), 6.0)
    assert search.free(cloud.xyz)
    docked = search.put("chain A", 40, cloud, place((3.0, 4.0, 0.0)), FOUND)
    assert (docked.shift, docked.angle) == (pytest.approx(5.0), pytest.approx(0.0)) and search.tried == [docked]
    assert not search.free(docked.place.apply(cloud.xyz)) and search.free(cloud.xyz + 60.0)
    # a body that only touches it has room
    assert search.free(docked.place.apply(cloud.xyz) + np.array([19.0, 0.0, 0.0]))
    assert on_one_spot(cloud.xyz, [cloud.xyz]) and not on_one_spot(cloud.xyz, [cloud.xyz + 30.0])


def test_density_that_is_explained_is_gone_and_with_it_the_rest(cloud):
    density = DensityMap(np.ones((20, 20, 20), np.float32), np.full(3, -20.0), np.eye(3) * 2.0)
    search = RestSearch(density, 6.0)
    search.take(cloud.xyz)
    nothing = search.place("chain B", 40, cloud)
    assert nothing.place is None and "nothing is left" in nothing.line()


def test_what_is_told_and_kept():
    found = Docked("chain A", 40, place((30.0, 0.0, 0.0)), FOUND, 30.0, 95.2)
    assert found.line() == (
        f"chain A: moved by 30 A and 95 degrees; correlation 0.90, the next place has 0.31 (z = {FOUND.z:.1f})."
    )
    assert "in its place before, moved by 0.4 A" in Docked("chain A", 40, place((0.4, 0, 0)), FOUND, 0.4, 1.0).line()
    missed = Docked("chain B", 30, None, MISSED)
    assert "not found" in missed.line() and "5 are needed" in missed.line()
    told = [found.to_dict(), missed.to_dict(), Docked("chain C", 30, None, None).to_dict()]
    assert json.loads(json.dumps(told)) == told
    assert told[0]["z"] > 5 > told[1]["z"] and told[1]["shift"] is None and told[2]["z"] is None
