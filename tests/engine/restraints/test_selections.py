from __future__ import annotations

import pytest

from adp3d.restraints.selections import Selection, SelectionError, parse_selection, tokenize


def parse(text: str) -> tuple[Selection, ...]:
    tokens = [token for token, _ in tokenize(text)]
    found, end = parse_selection(tokens, 0)
    assert end == len(tokens)
    return found


def test_words_quotes_comments_and_lines() -> None:
    tokens = tokenize('assign (resid 5) ! a comment (\n{ several\nlines } ("A  " or\tHB#)')
    assert tokens == [
        ("assign", 1),
        ("(", 1),
        ("resid", 1),
        ("5", 1),
        (")", 1),
        ("(", 3),
        ('"A  "', 3),
        ("or", 3),
        ("HB#", 3),
        (")", 3),
    ]


def test_conjunctions_and_alternatives() -> None:
    assert parse("(resid 5 and name HA)") == (Selection(residue="5", name="HA"),)
    assert parse('(segid "  B " and residue 5 and resn leu and name hd1%)') == (
        Selection(segment="B", residue="5", residue_name="LEU", name="HD1%"),
    )
    either = parse("((resid 5 and name HA) or (resid 6 and name HN))")
    assert either == (Selection(residue="5", name="HA"), Selection(residue="6", name="HN"))
    assert parse("(resid 5 and (name HB1 or name HB2))") == (
        Selection(residue="5", name="HB1"),
        Selection(residue="5", name="HB2"),
    )
    assert parse("(atom A 5 CA)") == (Selection(segment="A", residue="5", name="CA"),)
    assert parse("(atom * 5 *)") == (Selection(residue="5", name="*"),)
    assert [term.residue for term in parse("(resi 5:7 and name CA)")] == ["5", "6", "7"]


def test_and_binds_tighter_than_or_and_contradictions_vanish() -> None:
    assert parse("(resid 1 or resid 2 and name CA)") == (
        Selection(residue="1"),
        Selection(residue="2", name="CA"),
    )
    assert parse("(resid 1 and resid 2)") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resid 5", "missing"),
        ("(resid 5", "not closed"),
        ("(resid)", "nothing follows"),
        ("()", "not supported"),
        ("(not resid 5)", "'not' is not supported"),
        ("(resid 9:1)", "range"),
        ("(resid 1:90000)", "range"),
        ("(resid a:b)", "not a range"),
        ("(resid 5 name CA)", "not closed"),
        ("", "missing"),
        ("(resid 5 and", "not supported"),
        ("(atom A 5)", "nothing follows"),
    ],
)
def test_unreadable_selections(text: str, message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        parse_selection([token for token, _ in tokenize(text)], 0)


def test_explosions_are_stopped() -> None:
    with pytest.raises(SelectionError, match="2000"):
        parse("(resid 1:100 and (" + " or ".join(f"name H{k}" for k in range(30)) + "))")
