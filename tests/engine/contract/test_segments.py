"""The list of stretches as a file and as a table."""

from __future__ import annotations

import json

import pytest

from adp3d.contract.segments import (
    COLUMNS,
    LEFT_OUT,
    Alternative,
    Segment,
    columns_shown,
    from_text,
    summary,
    to_text,
)

ONE = Segment(
    "A", ("39", "40", "40A"), "rebuilt", 3, 7.5, ("1 chain break", "2 clashes"), 88.4, 0.712, None, 0.55, None, 0, 1, 2,
    alternatives=(Alternative(1, 0.712, 1.25, 0.0), Alternative(2, 0.6, None, 1.3)),
)  # fmt: skip
TWO = Segment("B", ("-3",), "moved", confidence=99.0, displacement=1.26, register=-1)


def test_the_file_gives_back_what_was_written():
    assert from_text(to_text([ONE, TWO])) == (ONE, TWO)
    assert from_text(to_text([])) == ()


def test_names_and_length():
    assert (ONE.name, ONE.span, ONE.length) == ("A 39-40A", "39-40A", 3)
    assert (TWO.name, TWO.span, TWO.length) == ("B -3", "-3", 1)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "no json",
        to_text([ONE]).replace('"version": 1', '"version": 99'),
        json.dumps({"version": 1, "segments": [{"chain": "A", "kind": "moved"}]}),
        json.dumps({"version": 1, "segments": [{"chain": "A", "kind": "moved", "residues": []}]}),
        json.dumps({"version": 1, "segments": ["A"]}),
    ],
)
def test_what_is_no_list_is_refused(text):
    with pytest.raises(ValueError):
        from_text(text)


def test_columns_say_what_there_is():
    cells = {column.name: column.text(ONE) for column in COLUMNS}
    assert cells["residues"] == "39-40A" and cells["length"] == "3" and cells["trouble"] == "7.5"
    assert cells["fit"] == "0.71" and cells["fit_before"] == "" and cells["register"] == ""
    assert {column.name: column.text(TWO) for column in COLUMNS}["register"] == "-1"
    assert len({column.name for column in COLUMNS}) == len({column.heading for column in COLUMNS}) == len(COLUMNS)


def test_columns_without_a_value_are_not_shown():
    assert {"fit", "q_score", "rotamers"} <= {column.name for column in columns_shown([ONE])}
    shown = {column.name for column in columns_shown([TWO])}
    assert "register" in shown and not {"fit", "q_score", "rotamers"} & shown


def test_what_is_left_out_has_no_figures():
    gone = Segment("A", ("12", "13"), LEFT_OUT, new=2, reasons=("left out: the map does not show it",))
    assert not gone.there and ONE.there and from_text(to_text([gone])) == (gone,)
    shown = {column.name: column.text(gone) for column in COLUMNS if column.text(gone)}
    assert shown == {"chain": "A", "residues": "12-13", "length": "2", "kind": "left out", "trouble": "0.0"}
    assert summary([gone]) == "1 stretch: 1 left out (2 residues); none of them needs a look."


def test_the_summary_counts():
    assert summary([]) == "Nothing was rebuilt, moved or contradicted."
    told = summary([ONE, TWO])
    assert told == "2 stretches: 1 rebuilt (3 residues), 1 moved (1 residues); 1 to be looked at."
