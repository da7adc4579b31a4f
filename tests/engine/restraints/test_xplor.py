from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adp3d.contract.errors import InputError
from adp3d.restraints.restraint import Wildcards
from adp3d.restraints.xplor import read_xplor

TABLE = """! NOE table
noe
  reset
  class all
  set echo off end
assign (resid 5 and name HN) (resid 9 and name HA) 3.0 1.2 0.5
assi ( segid "A" and resid 12 and name HB# )
     ( segid "B" and resid 40 and name HG2% ) 4.0 2.2 1.0 ! weak
ASSIGN (resid 1 and name CA) ((resid 7 and name CB) or (resid 8 and name CB)) 6 6 2
  OR (resid 2 and name CA) (resid 9 and name CA)
  peak 17 weight 0.1 volume 1e6
assign (resid 3) (resid 4 and name CA) 2.0 2.0 0.0
assign (resid 3 and name C) (resid 4 and name N) (resid 4 and name CA) (resid 4 and name C) 1.0 -60 20 2
assign (not resid 3) (resid 4 and name CA) 2.0 2.0 0.0
assign (resid 3 and name CA) (resid 4 and name CA) 2.0
assign (name CA) (resid 4 and name CA) 2.0 1.0 1.0
end
"""


def test_statements_bounds_and_alternatives() -> None:
    found = read_xplor(TABLE, "x.tbl")
    first, second, third, fourth = found.restraints
    ((a, b),) = first.alternatives
    assert (a.residue, a.atom, a.chain, b.residue, b.atom) == (5, "HN", "", 9, "HA")
    assert (first.lower, first.target, first.upper) == pytest.approx((1.8, 3.0, 3.5))
    ((a, b),) = second.alternatives
    assert (a.chain, a.atom, b.chain, b.atom) == ("A", "HB#", "B", "HG2%") and second.upper == 5.0
    assert [(a.residue, b.residue) for a, b in third.alternatives] == [(1, 7), (1, 8), (2, 9)]
    assert (third.lower, third.upper) == (0.0, 8.0)
    assert fourth.alternatives[0][0].atom == "*"
    assert found.wildcards is Wildcards.XPLOR
    assert first.name == "x.tbl, line 6"


def test_what_is_no_distance_is_skipped_with_a_reason() -> None:
    reasons = [item.reason for item in read_xplor(TABLE, "x.tbl").skipped]
    assert len(reasons) == 4
    for reason, part in zip(reasons, ("more than two", "'not'", "margin", "no residue"), strict=True):
        assert part in reason


@pytest.mark.parametrize("text", ["", "noe reset end", "assign (resid 1) 3 2 1", "assign"])
def test_files_without_distances_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"x\.tbl"):
        read_xplor(text, "x.tbl")


@pytest.mark.parametrize("numbers", ["-3.0 1 1", "0 1 1", "3 -1 1", "nan 1 1", "3 1 inf"])
def test_impossible_numbers_are_skipped(numbers: str) -> None:
    with pytest.raises(InputError, match="no usable"):
        read_xplor(f"assign (resid 1 and name CA) (resid 5 and name CA) {numbers}", "x.tbl")


@settings(max_examples=80, deadline=None)
@given(st.integers(0, len(TABLE)), st.text(alphabet='()"!{}or 1\nassign', max_size=12))
def test_truncated_and_damaged_tables_are_read_or_refused(at: int, damage: str) -> None:
    for text in (TABLE[:at], TABLE[:at] + damage + TABLE[at:]):
        try:
            read_xplor(text, "x.tbl")
        except InputError as error:
            assert "x.tbl" in str(error)
