"""Domains by errors and by contacts."""

from __future__ import annotations

import numpy as np
import pytest

from adp3d.predictions.domains import domains_by_contacts, domains_by_error


def blocks(sizes: list[int], within: float = 2.0, between: float = 20.0) -> np.ndarray:
    group = np.repeat(np.arange(len(sizes)), sizes)
    error = np.where(group[:, None] == group[None, :], within, between)
    return error + np.random.default_rng(0).uniform(0, 0.5, error.shape)


def test_blocks_of_small_error_are_domains_the_largest_first():
    domain = domains_by_error(blocks([40, 70, 50]))
    assert domain.tolist() == [2] * 40 + [0] * 70 + [1] * 50


def test_small_groups_go_to_the_nearest_or_to_none():
    error = blocks([60, 10, 50])
    assert (domains_by_error(error)[60:70] == -1).all()
    error[60:70, 70:] = error[70:, 60:70] = 8.0
    assert (domains_by_error(error)[60:70] == 1).all()


def test_an_error_one_way_is_an_error():
    error = blocks([40, 40])
    error[:40, 40:] = 1.0  # only superposing on the second tells of the first's place
    assert domains_by_error(error).max() == 1
    assert domains_by_error(np.zeros((1, 1))).tolist() == [0]


def globule(n: int, at: float, seed: int) -> np.ndarray:
    """Compact CA trace: a snake through the points of a cube of 4 A, shaken."""
    side = round(n ** (1 / 3)) + 1
    points = []
    for x in range(side):
        for y in range(side) if x % 2 == 0 else reversed(range(side)):
            forward = (x * side + (y if x % 2 == 0 else side - 1 - y)) % 2 == 0
            points += [(x, y, z) for z in (range(side) if forward else reversed(range(side)))]
    return 4.0 * np.array(points[:n]) + [at, 0, 0] + np.random.default_rng(seed).normal(scale=0.4, size=(n, 3))


def test_globules_that_hardly_touch_are_domains():
    first, second = globule(120, 0.0, 1), globule(90, 32.0, 2)
    assert domains_by_contacts(np.concatenate([first, second])).tolist() == [0] * 120 + [1] * 90
    assert domains_by_contacts(first).max() == 0


def test_a_domain_may_be_two_stretches_and_unknown_places_follow_their_neighbours():
    first, second = globule(120, 0.0, 1), globule(80, 32.0, 2)
    ca = np.concatenate([first[:60], second, first[60:]])
    ca[70:75] = np.nan
    assert domains_by_contacts(ca).tolist() == [0] * 60 + [1] * 80 + [0] * 60


@pytest.mark.parametrize("n", [0, 5, 59])
def test_short_chains_are_one_domain(n):
    assert domains_by_contacts(globule(60, 0.0, 3)[:n]).tolist() == [0] * n
