from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adp3d.contract.errors import InputError
from adp3d.restraints.table import COLUMNS, read_table

FULL = """# cross-links
chain1,residue1,atom1,chain2,residue2,atom2,distance,lower,upper,sigma

A,12,CA,B,47A,cb,8.3,,,0.5
A,-3,,A,20,O,,3,12,
"""


def test_full_and_shortest_tables() -> None:
    first, second = read_table(FULL, "x.csv").restraints
    ((a, b),) = first.alternatives
    assert (a.chain, a.residue, a.insertion, a.atom) == ("A", 12, "", "CA")
    assert (b.chain, b.residue, b.insertion, b.atom) == ("B", 47, "A", "CB")
    assert (first.target, first.lower, first.upper, first.sigma) == (8.3, 0.0, math.inf, 0.5)
    assert second.alternatives[0][0].atom == "CA" and second.alternatives[0][0].residue == -3
    assert (second.lower, second.upper) == (3.0, 12.0) and math.isnan(second.target) and math.isnan(second.sigma)
    assert first.name == "x.csv, line 4"
    short = read_table("Distance, residue2, residue1\r\n7.5, 2, 1\r\n", "y.csv").restraints[0]
    assert short.target == 7.5 and short.alternatives[0][0].chain == "" and short.alternatives[0][1].residue == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no restraints"),
        ("residue1,residue2,distance\n", "no restraints"),
        ("1,2,8.0\n", "line 1: column '1' is unknown"),
        ("residue1,distance\n1,8\n", "column 'residue2' is missing"),
        ("residue1,residue2,sigma\n1,2,1\n", "no distance, lower or upper"),
        ("residue1,residue2,distance,distance\n1,2,3,3\n", "repeated"),
        ("residue1,residue2,distance\n1,2\n", "line 2: 2 values for 3 columns"),
        ("residue1,residue2,distance\n1,2,far\n", "line 2: distance 'far' is not a number"),
        ("residue1,residue2,distance\n1,2,nan\n", "not a number"),
        ("residue1,residue2,distance\n1,2,-4\n", "not positive"),
        ("residue1,residue2,distance\n1,2,\n", "neither a distance nor a bound"),
        ("residue1,residue2,lower,upper\n1,2,9,4\n", "not a range"),
        ("residue1,residue2,distance\nx,2,4\n", "'x' is not a residue number"),
        ('residue1,residue2,distance\n"1,2,4\n', "comma-separated"),
    ],
)
def test_bad_tables_name_the_line_and_the_cure(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_table(text, "x.csv")


@given(st.integers(0, len(FULL)))
def test_truncated_tables_are_read_or_refused(length: int) -> None:
    try:
        assert len(read_table(FULL[:length], "x.csv").restraints) <= 2
    except InputError as error:
        assert "x.csv" in str(error)


@given(st.text(alphabet='residu12chaton,.\n"-0# ', max_size=120), st.booleans())
def test_garbage_is_refused_politely(text: str, with_header: bool) -> None:
    try:
        read_table((",".join(COLUMNS) + "\n") * with_header + text, "x.csv")
    except InputError as error:
        assert "x.csv" in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "residue1;residue2;distance;sigma\n12;47;8,3;0,5\n13;48;9.25;\n",
        "residue1\tresidue2\tdistance\tsigma\n12\t47\t8,3\t0.5\n13\t48\t9,25\t\n",
        "residue1,residue2,distance,sigma\n12,47,8.3,0.5\n13,48,9.25,\n",
        "sep=;\nresidue1;residue2;distance;sigma\n12;47;8,3;0,5\n13;48;9,25;\n",
        "# residue1, residue2, distance, sigma\n12,47,8.3,0.5\n# 9,9,9\n13,48,9.25,\n",
        "residue1,residue2,distance_nm,sigma (nm)\n12,47,0.83,0.05\n13,48,0.925,\n",
        'residue1;residue2;"distance [A]";sigma\n12;47;"8,3";0,5\n13;48;9,25;\n',
        '# said "so, once\nresidue1 ;residue2; distance;sigma\r\n 12; 47; 8,3; 0,5\r\n13;48;9,25;\r\n',
    ],
)
def test_separators_decimal_commas_and_units(text: str) -> None:
    first, second = read_table(text, "x.csv").restraints
    assert [label.residue for label in first.alternatives[0]] == [12, 47]
    assert (first.target, first.sigma) == (pytest.approx(8.3), pytest.approx(0.5))
    assert second.target == pytest.approx(9.25) and math.isnan(second.sigma)


def test_blanks_separate_where_nothing_else_does() -> None:
    (found,) = read_table("residue1 residue2   lower upper\n  3   17 2,5   6,0\n", "x.csv").restraints
    assert (found.lower, found.upper) == (2.5, 6.0)
    with pytest.raises(InputError, match="decimal comma"):
        read_table("residue1,residue2,distance\n12,47,8,3\n", "x.csv")
