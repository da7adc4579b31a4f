"""The benchmark of relaxation displaces what it says."""

from __future__ import annotations

import numpy as np
import pytest
from relax_models import add_residue, coordinates, piece


@pytest.fixture
def benchmark(load):
    return load("relaxation")


def test_polymers_are_shaken_by_the_distance_and_ligands_stay(benchmark):
    structure = piece(range(20, 120))
    add_residue(structure, "L", 1, "LIG", {"C1": ("C", np.zeros(3))})
    way = np.linalg.norm(coordinates(benchmark.shaken(structure, 0.3, 0)) - coordinates(structure), axis=-1)
    assert np.sqrt((way[:-1] ** 2).mean()) == pytest.approx(0.3, rel=0.05) and way[-1] == 0
    same = coordinates(benchmark.shaken(structure, 0.3, 0))
    assert np.array_equal(same, coordinates(benchmark.shaken(structure, 0.3, 0)))
