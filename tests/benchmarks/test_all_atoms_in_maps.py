"""The benchmark of all atoms in maps plants what it says, and says what is missed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import adp3d
from adp3d.structure.read import read_structure

DEMO = Path(adp3d.__file__).parent / "pipeline" / "demo"


@pytest.fixture
def benchmark(load):
    return load("all_atoms_in_maps")


def test_a_stretch_is_traced_one_residue_too_early(benchmark):
    truth = read_structure(DEMO / "emd_20026_deposited.cif.gz")
    own = benchmark.residues_of(truth)
    made = benchmark.residues_of(benchmark.shifted(truth, 60, 76, -1))
    chain = next(iter(own))[0]
    assert {int(number) for _, number in own.keys() - made.keys()} == {58, 59, 77, 78}
    for _, number in made:
        there = int(number) - 1 if 60 <= int(number) <= 76 else int(number)
        for atom in made[chain, number]:
            if atom.name in ("N", "CA", "C", "O"):
                assert atom.pos.dist(own[chain, str(there)][atom.name][0].pos) < 1e-6
    assert [atom.name for atom in made[chain, "65"]] == ["N", "CA", "C", "O"]
    assert made[chain, "65"].name == own[chain, "65"].name
    labels = [(chain, str(number)) for number in range(60, 77)]
    assert benchmark.ca_rmsd(made, own, labels) == pytest.approx(3.8, abs=0.1)
    assert benchmark.fidelity(benchmark.part(own, labels), benchmark.part(own, labels))["chi1_40"] == 100


def test_parts_are_what_is_asked_for(benchmark):
    truth = read_structure(DEMO / "emd_20026_deposited.cif.gz")
    labels = set(list(benchmark.residues_of(truth))[10:20])
    assert set(benchmark.residues_of(benchmark.limited(truth, labels))) == labels
    assert len(benchmark.residues_of(truth)) == 172


def test_goals_that_are_missed_are_named(benchmark):
    row = {name: np.mean(range_) for name, range_ in benchmark.GOALS.items()}
    assert benchmark.missed(row) == []
    assert benchmark.missed(row | {"clashscore": 9.5}) == ["clashscore 9.5 is not within 0 and 8"]
    assert len(benchmark.missed(row | {"bond_rmsz": None})) == 1
