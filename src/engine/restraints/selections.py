"""Atom selections of XPLOR and CNS restraint tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import product

__all__ = ["Selection", "SelectionError", "parse_selection", "tokenize"]

_TOKEN = re.compile(r'"[^"\n]*"|\(|\)|[^\s()"]+')
_COMMENT = re.compile(r"\{[^{}]*\}|![^\n]*")
_LONGEST_RANGE = 500
_MOST_TERMS = 2000


class SelectionError(ValueError):
    """A selection that cannot be read or is not supported."""


@dataclass(frozen=True)
class Selection:
    """One conjunction: a residue, a segment and a name pattern, None where not restricted."""

    segment: str | None = None
    residue: str | None = None
    residue_name: str | None = None
    name: str | None = None


def tokenize(text: str) -> list[tuple[str, int]]:
    """Words, parentheses and quoted strings of a table with their line numbers; comments are dropped.

    Comments run from ``!`` to the end of the line or stand in braces.
    """
    blank = _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)
    tokens: list[tuple[str, int]] = []
    for number, line in enumerate(blank.split("\n"), start=1):
        tokens.extend((match.group(), number) for match in _TOKEN.finditer(line))
    return tokens


def parse_selection(tokens: list[str], start: int) -> tuple[tuple[Selection, ...], int]:
    """Parse a parenthesised selection at ``tokens[start]``; return its alternatives and the next index.

    Understood: ``resid`` (also ranges ``a:b``), ``resn(ame)``, ``segid``, ``chain``, ``name``,
    ``atom segment residue name``, ``and``, ``or`` and parentheses. Keywords may be shortened to four
    letters.

    Raises
    ------
    SelectionError
        If the parentheses do not match, or something else is used.
    """
    if start >= len(tokens) or tokens[start] != "(":
        raise SelectionError("a selection in parentheses is missing")
    alternatives, end = _either(tokens, start + 1)
    if end >= len(tokens) or tokens[end] != ")":
        raise SelectionError("a parenthesis is not closed")
    return alternatives, end + 1


def _either(tokens: list[str], at: int) -> tuple[tuple[Selection, ...], int]:
    terms, at = _both(tokens, at)
    while at < len(tokens) and tokens[at].lower() == "or":
        more, at = _both(tokens, at + 1)
        terms = _limited(tuple(dict.fromkeys((*terms, *more))))
    return terms, at


def _both(tokens: list[str], at: int) -> tuple[tuple[Selection, ...], int]:
    terms, at = _factor(tokens, at)
    while at < len(tokens) and tokens[at].lower() == "and":
        more, at = _factor(tokens, at + 1)
        joined = (_join(first, second) for first, second in product(terms, more))
        terms = _limited(tuple(dict.fromkeys(term for term in joined if term is not None)))
    return terms, at


def _factor(tokens: list[str], at: int) -> tuple[tuple[Selection, ...], int]:
    word = tokens[at].lower() if at < len(tokens) else ""
    if word == "(":
        return parse_selection(tokens, at)
    key = word[:4]
    if key == "atom":
        segment, residue, name = (_argument(tokens, at + k) for k in (1, 2, 3))
        return (Selection(_unless_any(segment), _unless_any(residue), None, name.upper()),), at + 4
    if word == "all":
        return (Selection(),), at + 1
    if key not in ("resi", "resn", "segi", "chai", "name"):
        raise SelectionError(f"'{tokens[at][:20] if at < len(tokens) else 'end of file'}' is not supported")
    value = _argument(tokens, at + 1)
    if key == "resi":
        return tuple(Selection(residue=number) for number in _range(value)), at + 2
    if key == "resn":
        return (Selection(residue_name=value.upper()),), at + 2
    if key == "name":
        return (Selection(name=value.upper()),), at + 2
    return (Selection(segment=value),), at + 2


def _argument(tokens: list[str], at: int) -> str:
    if at >= len(tokens) or tokens[at] in ("(", ")"):
        raise SelectionError(f"nothing follows '{tokens[at - 1][:20]}'")
    return tokens[at].strip('"').strip()


def _unless_any(text: str) -> str | None:
    return None if text == "*" else text


def _range(text: str) -> list[str]:
    first, colon, last = text.partition(":")
    if not colon:
        return [text]
    try:
        start, stop = int(first), int(last)
    except ValueError:
        raise SelectionError(f"'{text[:20]}' is not a range of residues") from None
    if not 0 <= stop - start < _LONGEST_RANGE:
        raise SelectionError(f"the residue range '{text[:20]}' is empty or longer than {_LONGEST_RANGE}")
    return [str(number) for number in range(start, stop + 1)]


def _join(first: Selection, second: Selection) -> Selection | None:
    """Both at once; None if they contradict each other."""
    merged = {}
    for field in ("segment", "residue", "residue_name", "name"):
        a, b = getattr(first, field), getattr(second, field)
        if a is not None and b is not None and a != b:
            return None
        merged[field] = b if a is None else a
    return replace(first, **merged)


def _limited(terms: tuple[Selection, ...]) -> tuple[Selection, ...]:
    if len(terms) > _MOST_TERMS:
        raise SelectionError(f"a selection has more than {_MOST_TERMS} alternatives")
    return terms
