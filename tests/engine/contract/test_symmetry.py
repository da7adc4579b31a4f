"""Symmetry as users write it."""

from __future__ import annotations

import pytest

from adp3d.contract.errors import InputError
from adp3d.contract.specification import RefineSpec, from_json, to_json
from adp3d.contract.symmetry import SymmetryText, Vector, operators_text, parse_symmetry


@pytest.mark.parametrize(
    ("text", "symbol", "order"),
    [
        ("C3", "C3", 3),
        (" d7 ", "D7", 7),
        ("t", "T", 12),
        ("T,z3", "T,z3", 12),
        ("O", "O", 24),
        ("i,222", "I", 60),
        ("I,n25r", "I,n25r", 60),
        ("h,4.75,-1.2,7", "H,4.75,-1.2,7", 7),
    ],
)
def test_symbols_are_those_of_chimerax(text, symbol, order):
    found = parse_symmetry(text)
    assert (found.symbol, found.order, found.placed) == (symbol, order, True)


def test_operators_may_come_from_the_model_and_its_file():
    assert parse_symmetry("Model").kind == "model" and not parse_symmetry("model").placed
    assert parse_symmetry("assembly").assembly == ""
    assert parse_symmetry("assembly:2").assembly == "2"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("C1", "few"),
        ("C361", "many"),
        ("D200", "many"),
        ("Q", "no symmetry 'Q'"),
        ("C", "no symmetry"),
        ("C3,x", "no symmetry"),
        ("O,222", "no symmetry"),
        ("I,n52", "no setting 'n52'"),
        ("H,4.75", "helix"),
        ("H,a,b,c", "helix"),
        ("H,nan,1,5", "helix"),
        ("H,1,2,2.5", "helix"),
        ("H,0,0,5", "neither rises nor turns"),
        ("H,0,120,4", "copy 4 comes to lie in the first"),
        ("H,0.3,180,3", "copy 3 comes to lie in the first"),
        ("H,0,51.4,7", "write C7"),
        ("H,0.05,120,3", "write C3"),
        ("assembly:", "no symmetry"),
    ],
)
def test_what_is_no_symmetry_is_refused_in_one_sentence(text, what):
    with pytest.raises(InputError, match=what) as caught:
        parse_symmetry(text)
    assert "\n" not in str(caught.value)


def test_texts_are_checked_when_they_are_set():
    assert SymmetryText().check("symmetry", " C3 ") == "C3"
    with pytest.raises(InputError, match="must be a text"):
        SymmetryText().check("symmetry", 3)


@pytest.mark.parametrize("value", ["1,2", "1,2,x", "1 2 3", (1, 2, 3, 4), 5, (1, 2, float("nan")), (1, 2, 1e9)])
def test_vectors_are_three_numbers(value):
    assert Vector().check("centre", "1, -2,3.5") == Vector().check("centre", [1, -2, 3.5]) == (1.0, -2.0, 3.5)
    with pytest.raises(InputError, match="three numbers"):
        Vector().check("centre", value)


def test_an_axis_has_a_direction():
    with pytest.raises(InputError, match="no direction"):
        Vector(directed=True).check("axis", "0,0,0")
    assert Vector().check("centre", "0,0,0") == (0, 0, 0)


def test_axis_and_centre_go_with_a_symbol():
    options = {"output": "x", "map": "m.mrc", "model": "a.cif"}
    spec = RefineSpec(**options, symmetry="C3", symmetry_axis="0,0,1", symmetry_centre=(1, 2, 3))
    assert from_json(to_json(spec)) == spec
    for other in ({}, {"symmetry": "model"}, {"symmetry": "assembly:1"}):
        with pytest.raises(InputError, match="go with a symmetry"):
            RefineSpec(**options, **other, symmetry_axis=(0, 0, 1))


TURN = (-1.0, 0.0, 0.0, 12.5, 0.0, -1.0, 0.0, 3.25, 0.0, 0.0, 1.0, 0.0)
STILL = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def test_operators_are_read_as_they_are_written():
    text = operators_text([TURN, STILL])
    found = parse_symmetry(text)
    assert found.kind == "operators" and not found.placed
    assert found.operators == (STILL, TURN)  # the identity first
    assert SymmetryText().check("symmetry", text) == text
    spec = RefineSpec(output="o", map="m.mrc", model="m.cif", symmetry=text)
    assert from_json(to_json(spec)).symmetry == text


@pytest.mark.parametrize(
    ("operators", "what"),
    [
        ([STILL], "further copies"),
        ([TURN, TURN], "leaves the model where it is"),
        ([STILL, TURN[:11]], "twelve numbers"),
        ([STILL, (float("nan"), *TURN[1:])], "twelve numbers"),
        ([STILL, tuple(2 * number for number in TURN)], "stretches or mirrors"),
        ([STILL, (-1.0, *STILL[1:])], "stretches or mirrors"),
        ([STILL, (1.0, 0.1, *STILL[2:])], "stretches or mirrors"),
        ([STILL, *[(*STILL[:3], 5.0 * k, *STILL[4:]) for k in range(1, 361)]], "360 at most"),
    ],
)
def test_operators_that_are_none_are_refused(operators, what):
    with pytest.raises(InputError, match=what):
        parse_symmetry(operators_text(operators))


def test_words_among_operators_are_refused():
    with pytest.raises(InputError, match="twelve numbers"):
        parse_symmetry("operators:here and there")
