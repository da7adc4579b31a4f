"""Stretches are taken where they are better and the structures meet."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from adp3d.ensemble.mosaic import best_sources

N = 30


@pytest.fixture
def two():
    """Two chains that part between residues 10 and 20, by up to 3 A."""
    first = np.stack([3.8 * np.arange(N), np.zeros(N), np.zeros(N)], 1)
    second = first.copy()
    second[10:20, 1] = 3.0 * np.sin(np.pi * (np.arange(10) + 0.5) / 10)
    return np.stack([first, second])


def test_the_better_stretch_is_taken_where_the_chains_meet(two):
    quality = np.full((2, N), 0.5)
    quality[1, 12:18] += 0.2
    source = best_sources(two, quality, np.ones(N - 1, bool))
    assert not source[:9].any() and not source[21:].any()
    assert source[12:18].all()
    changes = np.flatnonzero(np.diff(source))
    assert all(np.linalg.norm(two[0, i] - two[1, i]) < 0.6 for i in changes)


def test_what_gains_little_stays(two):
    quality = np.full((2, N), 0.5)
    quality[1, 14:16] += 0.05
    quality[1, :9] -= 0.1
    quality[1, 21:] -= 0.1
    apart = two.copy()
    apart[1, :, 2] += 1.0
    assert not best_sources(apart, quality, np.ones(N - 1, bool)).any()


def test_chains_end_for_nothing(two):
    quality = np.zeros((2, N))
    quality[1, 15:] = 0.01
    linked = np.ones(N - 1, bool)
    apart = two.copy()
    apart[1, :, 2] += 10.0
    assert not best_sources(apart, quality, linked).any() or best_sources(apart, quality, linked).all()
    linked[14] = False
    assert best_sources(apart, quality, linked).tolist() == [0] * 15 + [1] * 15


def test_it_is_the_best_of_all_choices():
    rng = np.random.default_rng(4)
    n = 6
    ca, quality = rng.normal(size=(3, n, 3)), rng.normal(size=(3, n))
    linked = np.array([True, True, False, True, True])

    def total(source):
        gain = sum(quality[s, i] for i, s in enumerate(source))
        for i, (a, b) in enumerate(pairwise(source)):
            if linked[i]:
                gain -= 0.3 * np.mean([np.square(ca[a, k] - ca[b, k]).sum() for k in (i, i + 1)])
        return gain

    best = max(product(range(3), repeat=n), key=total)
    assert tuple(best_sources(ca, quality, linked, price=0.3)) == best


def test_unknown_quality_is_the_worst(two):
    quality = np.full((2, N), 0.5)
    quality[0] = np.nan
    assert best_sources(two, quality, np.ones(N - 1, bool)).all()
