"""Bodies are found wherever they are, and not where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from adp3d.contract.errors import InputError
from adp3d.density.map import DensityMap
from adp3d.density.splat import splat
from adp3d.fitting.body import Atoms
from adp3d.fitting.placement import find_places
from adp3d.fitting.standing import judge_places


def chain(seed: int, n: int = 150) -> np.ndarray:
    """Compact random walk, three atoms for each of n residues."""
    rng = np.random.default_rng(seed)
    xyz = np.zeros((n, 3))
    for i in range(1, n):
        step = rng.normal(size=3) - 0.04 * xyz[i - 1]
        xyz[i] = xyz[i - 1] + 3.8 * step / np.linalg.norm(step)
    return (xyz[:, None] + rng.normal(size=(n, 3, 3))).reshape(-1, 3)


def simulated(copies: list[np.ndarray], seed: int = 0) -> DensityMap:
    xyz = np.concatenate(copies)
    step, low = 2.0, xyz.min(axis=0) - 12
    shape = tuple(int(n) for n in (np.ptp(xyz, axis=0) + 24) // step + 1)
    values = gaussian_filter(splat((xyz - low) / step, np.full(len(xyz), 6.0), shape), 0.225 * 6 / step)
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.0)
    return DensityMap((values + 0.2 * values.std() * noise / noise.std()).astype(np.float32), low, np.eye(3) * step)


def away(xyz: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return Rotation.random(rng=rng).apply(xyz - xyz.mean(axis=0)) + rng.normal(size=3) * 50


def test_two_copies_are_found_and_stand_out():
    truth = chain(3)
    second = Rotation.from_euler("xyz", [70, 20, 130], degrees=True).apply(truth) + np.array([60.0, 10.0, 0.0])
    model = away(truth, 5)
    told = []
    places = find_places(
        simulated([truth, second]), Atoms(model, np.full(len(model), 6.0)), 6.0, poll=lambda: told.append(1)
    )
    for place in places[:2]:
        moved = place.apply(model)
        assert min(np.sqrt(np.square(moved - copy).sum(-1).mean()) for copy in (truth, second)) < 1.0
        assert np.allclose(place.rotation @ place.rotation.T, np.eye(3), atol=1e-5)
        assert np.linalg.det(place.rotation) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(places[0].apply(model).mean(0) - places[1].apply(model).mean(0)) > 40
    standing = judge_places([place.correlation for place in places])
    assert standing.count == 2 and standing.found and standing.next == places[2].correlation
    assert len(told) > 2


def test_a_protein_that_is_not_in_the_map_is_not_found():
    other = away(chain(8), 5)
    places = find_places(simulated([chain(3)]), Atoms(other, np.full(len(other), 6.0)), 6.0)
    assert not judge_places([place.correlation for place in places]).found


def test_the_widest_gap_tells_copies_from_chance():
    standing = judge_places([0.84, 0.83, 0.25, 0.24, 0.23, 0.22, 0.21, 0.20])
    assert (standing.count, standing.next) == (2, 0.25)
    assert standing.z == pytest.approx((0.83 - 0.225) / 0.02)
    assert not judge_places([0.26, 0.25, 0.245, 0.24, 0.23, 0.22]).found
    with pytest.raises(ValueError, match="four"):
        judge_places([0.9, 0.2])


@pytest.mark.parametrize(("copies", "places"), [(1, 20), (4, 20), (14, 20), (16, 20), (24, 70), (60, 70)])
@pytest.mark.parametrize("seed", range(5))
def test_copies_stand_out_if_four_places_of_chance_are_left(copies, places, seed):
    """A search returns 20 places; GroEL has 14 copies of one chain."""
    rng = np.random.default_rng(seed)
    scores = np.sort(np.concatenate([rng.normal(0.8, 0.005, copies), rng.normal(0.3, 0.03, places - copies)]))[::-1]
    standing = judge_places(scores.tolist())
    assert standing.count == copies and standing.next == scores[copies] and standing.found and standing.z > 10


@pytest.mark.parametrize("seed", range(20))
def test_chance_does_not_stand_out_wherever_its_widest_gap_is(seed):
    rng = np.random.default_rng(seed)
    scores = np.sort(rng.normal(0.3, 0.03, 70))[::-1]
    assert not judge_places(scores.tolist()).found
    uneven = np.concatenate([np.linspace(0.35, 0.16, 30), [0.05, 0.04, 0.03, 0.02, 0.0]])  # a small map has worse ones
    standing = judge_places(uneven.tolist())
    assert not standing.found and standing.count <= 10


def test_fourteen_copies_in_a_map_are_found():
    """A ring of them, as in half of GroEL twice."""
    truth = chain(3, 60)
    truth -= truth.mean(axis=0)
    turns = [Rotation.from_euler("z", 360 / 7 * k, degrees=True) for k in range(7)]
    copies = [turn.apply(truth + np.array([48.0, 0.0, 45.0 * layer])) for layer in (0, 1) for turn in turns]
    model = away(truth, 5)
    places = find_places(simulated(copies), Atoms(model, np.full(len(model), 6.0)), 6.0)
    standing = judge_places([place.correlation for place in places])
    assert standing.count == 14 and standing.found
    centres = np.array([copy.mean(axis=0) for copy in copies])
    found = np.array([place.apply(model).mean(axis=0) for place in places[:14]])
    nearest = np.linalg.norm(found[:, None] - centres, axis=-1)
    assert (nearest.min(axis=1) < 1.0).all() and len(set(nearest.argmin(axis=1))) == 14


def test_a_map_of_nothing(tmp_path):
    flat = DensityMap(np.zeros((20, 20, 20), np.float32), np.zeros(3), np.eye(3) * 2)
    model = chain(1)
    with pytest.raises(InputError, match="same density everywhere"):
        find_places(flat, Atoms(model, np.ones(len(model))), 6.0)
