from __future__ import annotations

import math

import numpy as np
import pytest

from adp3d.restraints.restraint import AtomLabel, DistanceRestraint, DistanceRestraints, Wildcards
from adp3d.restraints.units import in_angstrom


def restraints(values, atom: str = "CA", bounds: bool = False) -> DistanceRestraints:
    made = []
    for i, value in enumerate(values):
        pair = (AtomLabel("", i + 1, "", "", atom), AtomLabel("", i + 4, "", "", atom))
        target, upper = (math.nan, value) if bounds else (value, math.inf)
        made.append(DistanceRestraint(f"r{i}", (pair,), 0.0, target, upper, 0.05))
    return DistanceRestraints("x.csv", tuple(made), Wildcards.NEF)


@pytest.mark.parametrize("bounds", [False, True])
@pytest.mark.parametrize(("atom", "low", "high"), [("CA", 4.5, 30.0), ("HA", 2.0, 6.0), ("N", 3.0, 20.0)])
def test_nanometres_are_told_from_angstrom(atom: str, low: float, high: float, bounds: bool) -> None:
    values = np.random.default_rng(0).uniform(low, high, 60)
    right = restraints(values, atom, bounds)
    assert in_angstrom(right) == (right, "")
    found, note = in_angstrom(restraints(values / 10, atom, bounds))
    lengths = [r.upper if bounds else r.target for r in found.restraints]
    np.testing.assert_allclose(lengths, values)
    assert found.restraints[0].sigma == pytest.approx(0.5)
    assert "nanometres" in note and "x.csv" in note


def test_a_few_impossible_distances_are_told_and_left() -> None:
    given = restraints([5.0, 8.0, 0.5, 9.0])
    found, note = in_angstrom(given)
    assert found is given and "1 of 4" in note and "check" in note


def test_bonded_atoms_and_one_residue_are_no_nanometres() -> None:
    pair = (AtomLabel("A", 3, "", "", "HB2"), AtomLabel("A", 3, "", "", "HB3"))
    given = DistanceRestraints("x", (DistanceRestraint("r", (pair,), 0.0, 1.0, math.inf, math.nan),), Wildcards.NEF)
    assert in_angstrom(given) == (given, "")
    peptide = (AtomLabel("A", 3, "", "", "C"), AtomLabel("A", 4, "", "", "N"))
    bridge = (AtomLabel("A", 3, "", "", "SG"), AtomLabel("A", 40, "", "", "SG"))
    pairs = ((peptide, 1.33), (bridge, 2.03))
    made = tuple(DistanceRestraint("r", (pair,), 0.0, value, math.inf, math.nan) for pair, value in pairs)
    bonded = DistanceRestraints("x", made, Wildcards.NEF)
    assert in_angstrom(bonded) == (bonded, "")
