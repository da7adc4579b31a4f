"""Figures of built atoms."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
from atom14_model import DEMO

from adp3d.structure.read import read_structure


@pytest.fixture
def truth(load) -> gemmi.Structure:
    return load("atomic_chains").protein_only(read_structure(DEMO))


def turned(structure: gemmi.Structure, degrees: float) -> gemmi.Structure:
    """All atoms beyond CB of leucines turned about CA-CB."""
    copy = structure.clone()
    for residue in copy[0][0]:
        if residue.name != "LEU":
            continue
        ca, cb = (np.array(residue[name][0].pos.tolist()) for name in ("CA", "CB"))
        axis = (cb - ca) / np.linalg.norm(cb - ca)
        angle = np.deg2rad(degrees)
        for name in ("CG", "CD1", "CD2"):
            v = np.array(residue[name][0].pos.tolist()) - cb
            v = v * np.cos(angle) + np.cross(axis, v) * np.sin(angle) + axis * (axis @ v) * (1 - np.cos(angle))
            residue[name][0].pos = gemmi.Position(*(cb + v))
    return copy


def test_the_truth_is_perfect_and_a_turn_is_seen(load, truth):
    figures = load("all_atom_figures")
    perfect = figures.fidelity(truth[0], truth[0])
    assert perfect["chi1_20"] == perfect["chi12_40"] == 100 and perfect["rmsd_all"] == 0
    off = figures.fidelity(turned(truth, 30)[0], truth[0])
    leucines = sum(r.name == "LEU" for r in truth[0][0])
    counted = sum(r.name not in ("GLY", "ALA") for r in truth[0][0])
    assert off["chi1_40"] == 100 and off["chi1_20"] == pytest.approx(100 * (1 - leucines / counted), abs=1)
    assert off["rmsd_backbone"] == 0 and off["rmsd_side_chain"] > 0.2


def test_names_that_half_a_turn_exchanges_do_not_count(load, truth):
    copy = truth.clone()
    for residue in copy[0][0]:
        if residue.name == "PHE":
            for one, other in (("CD1", "CD2"), ("CE1", "CE2")):
                first, second = (gemmi.Position(*residue[name][0].pos.tolist()) for name in (one, other))
                residue[one][0].pos, residue[other][0].pos = second, first
    assert load("all_atom_figures").fidelity(copy[0], truth[0])["rmsd_side_chain"] == pytest.approx(0, abs=1e-6)


def test_bonds_that_chemistry_does_not_have_are_counted(load, truth):
    edits = load("all_atom_figures").bond_edits
    assert edits(truth[0]) == 0
    copy = truth.clone()
    lysine = next(residue for residue in copy[0][0] if residue.name == "LYS")
    lysine["NZ"][0].pos = gemmi.Position(lysine["NZ"][0].pos.x + 20, 0, 0)  # one bond lost
    assert 0 < edits(copy[0]) < 3 / 1300


def test_diversity_is_one_without_any_and_zero_where_samples_differ_as_they_err(load, truth):
    diversity = load("all_atom_figures").diversity
    one = turned(truth, 40)
    assert diversity([one[0], one[0]], truth[0]) == pytest.approx(1)
    a, b = turned(truth, 60), turned(truth, -60)
    assert diversity([a[0], b[0]], truth[0]) == pytest.approx(
        1 - 2 * np.sin(np.pi / 3) / (2 * np.sin(np.pi / 6)), abs=1e-3
    )


def test_spread_of_chi1(load, truth):
    spread = load("backmapping").chi1_spread
    assert spread([truth[0], truth[0]]) == pytest.approx(0, abs=1e-6)
    two = spread([turned(truth, 60)[0], turned(truth, -60)[0]])
    leucines = sum(r.name == "LEU" for r in truth[0][0])
    counted = sum(r.name not in ("GLY", "ALA") for r in truth[0][0])
    assert two == pytest.approx(0.5 * leucines / counted, rel=0.1)


def test_missing_rivals_are_named_and_left_out(load, capsys):
    rivals = load("all_atom_rivals")
    found = rivals.available({"Nobody": rivals.Rival("no_such_package", lambda given, made, seed: [])})
    assert found == {} and "install its package no_such_package" in capsys.readouterr().err


def test_what_is_given_to_all(load, truth):
    given = load("packing").stripped(truth, ("CA",))
    assert {atom.name for residue in given[0][0] for atom in residue} == {"CA"}
    assert len(given[0][0]) == len(truth[0][0])
