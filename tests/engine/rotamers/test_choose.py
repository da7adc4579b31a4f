from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adp3d.rotamers import choose as module
from adp3d.rotamers.choose import choose


def network(rng, sizes, density):
    own = [rng.normal(scale=3.0, size=size) for size in sizes]
    pairs = {
        (i, j): rng.exponential(4.0, size=(sizes[i], sizes[j])) * (rng.random((sizes[i], sizes[j])) < 0.5)
        for i in range(len(sizes))
        for j in range(i + 1, len(sizes))
        if rng.random() < density
    }
    return own, pairs


def energy(own, pairs, state):
    return sum(o[c] for o, c in zip(own, state, strict=True)) + sum(
        t[state[i], state[j]] for (i, j), t in pairs.items()
    )


@given(st.integers(0, 10_000), st.lists(st.integers(1, 4), min_size=1, max_size=6), st.floats(0.0, 1.0))
@settings(max_examples=60, deadline=None)
def test_the_optimum_of_all_combinations_is_found(seed, sizes, density):
    own, pairs = network(np.random.default_rng(seed), sizes, density)
    least = min(energy(own, pairs, state) for state in product(*(range(size) for size in sizes)))
    assert energy(own, pairs, choose(own, pairs, 0)) == pytest.approx(least)


def test_annealing_is_as_good_where_tables_would_be_too_large_and_repeats(monkeypatch):
    own, pairs = network(np.random.default_rng(4), [6] * 9, 0.8)
    exact = energy(own, pairs, choose(own, pairs, 0))
    monkeypatch.setattr(module, "_LARGEST", 10)
    annealed = choose(own, pairs, 3)
    assert energy(own, pairs, annealed) == pytest.approx(exact)
    np.testing.assert_array_equal(annealed, choose(own, pairs, 3))


def test_a_residue_alone_takes_its_best_and_a_neighbour_makes_way():
    own = [np.array([0.0, 1.0]), np.array([0.0, 3.0])]
    assert choose(own, {}, 0).tolist() == [0, 0]
    assert choose(own, {(0, 1): np.array([[9.0, 0.0], [0.0, 0.0]])}, 0).tolist() == [1, 0]
