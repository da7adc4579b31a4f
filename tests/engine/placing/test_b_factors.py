"""The B-factor column of results in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from adp3d.placing.b_factors import b_factor_column, new_b_factor, spread_b_factor, spread_of_confidence
from adp3d.placing.target import build_target
from adp3d.placing.uncertainty import confidence_sigma
from adp3d.structure.sequences import NamedSequence

ISOTROPIC = 8 * np.pi**2 / 3


def test_spread_is_the_inverse_of_the_confidence():
    spread = np.array([0.0, 0.5, 2.0, 5.0])
    np.testing.assert_allclose(spread_of_confidence(100 / (1 + (spread / 2) ** 2)), spread, atol=1e-9)
    assert np.isfinite(spread_of_confidence(np.array([0.0]))).all()


def test_b_factor_of_a_spread():
    np.testing.assert_allclose(spread_b_factor(np.array([100.0, 80.0])), [0.0, ISOTROPIC], atol=1e-9)
    assert spread_b_factor(np.array([0.0]))[0] == pytest.approx(9 * ISOTROPIC), "the density of an atom ends there"
    assert new_b_factor(np.array([100.0]))[0] == pytest.approx(ISOTROPIC)


def column_of(make, values, confidence, meaning="none", column="plausible"):
    """A chain of 80 without residues 31 to 40, of which the first 30 have one B-factor and the rest another."""
    structure = make.build([make.Part("A", make.SEQUENCE, skip=tuple(range(30, 40)))])
    for number, residue in enumerate(structure[0]["A"]):
        for atom in residue:
            atom.b_iso = values[number >= 30]
    target = build_target(structure, [NamedSequence("s", make.SEQUENCE)], meaning)
    return b_factor_column(column, structure[0], target, confidence, meaning)


def test_atoms_keep_theirs_and_new_ones_lie_between_their_neighbours(make):
    confidence = np.full(80, 100.0)
    confidence[35] = 80.0
    value = column_of(make, (20.0, 42.0), confidence)
    assert value(3, 17.25) == 17.25
    assert [value(row, None) for row in (30, 39)] == pytest.approx([22.0, 40.0])
    assert value(35, None) == pytest.approx(20.0 + 6 * 2.0 + ISOTROPIC), "raised by the spread of the replicas"


def test_ends_have_the_value_of_the_nearest_residue(make):
    structure = make.build([make.Part("A", make.SEQUENCE, 5, 70, b_iso=33.0)])
    target = build_target(structure, [NamedSequence("s", make.SEQUENCE)])
    value = b_factor_column("plausible", structure[0], target, np.full(80, 100.0))
    assert value(0, None) == value(79, None) == pytest.approx(33.0)


@pytest.mark.parametrize(("meaning", "values"), [("plddt", (90.0, 70.0)), ("modelangelo", (99.0, 60.0))])
def test_a_confidence_becomes_what_it_stands_for(make, meaning, values):
    value = column_of(make, values, np.full(80, 100.0), meaning)
    sigma = confidence_sigma(np.array(values) / 100, meaning)
    expected = 8 * np.pi**2 * sigma**2
    assert value(3, values[0]) == pytest.approx(expected[0])
    assert value(70, values[1]) == pytest.approx(expected[1])
    assert expected[0] < value(35, None) < expected[1], "better residues have lower B-factors"


def test_plddt_as_a_fraction(make):
    value = column_of(make, (0.9, 0.7), np.full(80, 100.0), "plddt")
    assert value(3, 0.9) == pytest.approx(8 * np.pi**2 * confidence_sigma(np.array(0.9), "plddt") ** 2)


def test_dropped_residues_count_as_new(make):
    value = column_of(make, (90.0, 20.0), np.full(80, 100.0), "plddt")
    sigma = confidence_sigma(np.array(0.9), "plddt")
    assert value(70, 20.0) == pytest.approx(8 * np.pi**2 * sigma**2)


def test_confidence_for_every_atom_of_the_job(make):
    value = column_of(make, (20.0, 42.0), np.arange(80.0), column="confidence")
    assert (value(3, 17.0), value(35, None)) == (3.0, 35.0)


def test_without_any_neighbour(make):
    structure = make.build([make.Part("A", make.SEQUENCE), make.Part("B", make.OTHER, shift=(40, 0, 0), b_iso=50.0)])
    target = build_target(structure, None)
    one = np.flatnonzero(target.polymer.chain_index == 1)
    target.known[one] = False
    value = b_factor_column("plausible", structure[0], target, np.full(target.n_residues, 100.0))
    assert value(int(one[0]), None) == pytest.approx(20.0), "the mean of the other chains"
