from __future__ import annotations

import math

import pytest

from adp3d.contract.errors import InputError
from adp3d.restraints.restraint import (
    AtomLabel,
    DistanceRestraint,
    DistanceRestraints,
    Skipped,
    Wildcards,
    parse_residue_number,
)

PAIR = ((AtomLabel("A", 1, "", "ALA", "CA"), AtomLabel("A", 9, "", "GLY", "CA")),)


@pytest.mark.parametrize(
    ("text", "expected"), [("12", (12, "")), (" -3 ", (-3, "")), ("52A", (52, "A")), ("+7", (7, ""))]
)
def test_residue_numbers(text: str, expected: tuple[int, str]) -> None:
    assert parse_residue_number(text, "here") == expected


@pytest.mark.parametrize("text", ["", "A", "1.5", "12AB", "--3", "1_0", "٣", "9" * 30])
def test_bad_residue_numbers(text: str) -> None:
    with pytest.raises(InputError, match=r"here.*residue number"):
        parse_residue_number(text, "here")


@pytest.mark.parametrize(
    ("lower", "target", "upper", "sigma"),
    [
        (5.0, math.nan, 4.0, math.nan),
        (-1.0, math.nan, 4.0, math.nan),
        (0.0, -3.0, 4.0, math.nan),
        (0.0, math.inf, 4.0, math.nan),
        (0.0, 3.0, 4.0, 0.0),
        (0.0, math.nan, math.inf, 1.0),
        (0.0, math.nan, 0.0, math.nan),
        (math.nan, 3.0, 4.0, math.nan),
    ],
)
def test_impossible_distances_are_refused(lower: float, target: float, upper: float, sigma: float) -> None:
    with pytest.raises(ValueError, match=r" A |given"):
        DistanceRestraint("here", PAIR, lower, target, upper, sigma)
    with pytest.raises(ValueError, match="pair of atoms"):
        DistanceRestraint("here", (), 0.0, 3.0, 4.0, 1.0)


def test_summary_counts_reasons() -> None:
    one = DistanceRestraint("first", PAIR, 0.0, 3.0, math.inf, math.nan)
    two = DistanceRestraint("second", PAIR * 2, 0.0, 3.0, math.inf, math.nan)
    skipped = (Skipped("line 4", "torsion"), Skipped("line 9", "torsion"), Skipped("line 5", "odd"))
    text = DistanceRestraints("x.tbl", (one, two), Wildcards.XPLOR, skipped).lines()
    assert text == [
        "x.tbl: 2 distance restraints, 1 of them ambiguous",
        "skipped 2: torsion (first: line 4)",
        "skipped 1: odd (first: line 5)",
    ]
    assert str(PAIR[0][0]) == "ALA 1 CA of chain A"
