"""Distance restraints from XPLOR and CNS tables (``.tbl``)."""

from __future__ import annotations

import math
from itertools import pairwise

from ..contract.errors import InputError
from .restraint import (
    AtomLabel,
    DistanceRestraint,
    DistanceRestraints,
    Skipped,
    Wildcards,
    parse_residue_number,
)
from .selections import Selection, SelectionError, parse_selection, tokenize

__all__ = ["read_xplor"]

_MOST_PAIRS = 5000
_ANY_ATOM = "*"


def read_xplor(text: str, source: str) -> DistanceRestraints:
    """Read ``assign (selection) (selection) d dminus dplus`` statements.

    The bounds are ``d - dminus`` and ``d + dplus``, in A. Further pairs may follow as
    ``or (selection) (selection)``; ``or`` inside a selection makes alternatives too. A selection without
    a name means every atom of the residue. Everything outside ``assign`` statements (classes, potentials,
    ARIA's peak data) is passed over; statements with more than two selections are torsions or couplings
    and are skipped, as are selections that use more than `selections.parse_selection` knows.

    Parameters
    ----------
    text : str
        Contents of the file.
    source : str
        Its name, for messages.

    Returns
    -------
    DistanceRestraints

    Raises
    ------
    InputError
        If the file has no ``assign`` statement that can be used.
    """
    numbered = tokenize(text)
    tokens = [token for token, _ in numbered]
    restraints: list[DistanceRestraint] = []
    skipped: list[Skipped] = []
    starts = [i for i, token in enumerate(tokens) if "assign".startswith(token.lower()) and len(token) >= 4]
    for start, end in pairwise([*starts, len(tokens)]):
        name = f"{source}, line {numbered[start][1]}"
        try:
            restraints.append(_statement(tokens[start + 1 : end], name))
        except ValueError as error:
            skipped.append(Skipped(name, str(error).removeprefix(f"{name}: ")))
    if not restraints:
        why = f" ({skipped[0].reason})" if skipped else ""
        raise InputError(f"{source} holds no usable 'assign' statements for distances{why}.")
    return DistanceRestraints(source, tuple(restraints), Wildcards.XPLOR, tuple(skipped))


def _statement(tokens: list[str], name: str) -> DistanceRestraint:
    first, at = parse_selection(tokens, 0)
    second, at = parse_selection(tokens, at)
    if at < len(tokens) and tokens[at] == "(":
        raise SelectionError("more than two selections: not a distance restraint")
    numbers = []
    for token in tokens[at : at + 3]:
        try:
            numbers.append(float(token))
        except ValueError:
            break
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        raise SelectionError("a distance must be followed by its lower and upper margin")
    distance, minus, plus = numbers
    if distance <= 0 or minus < 0 or plus < 0:
        raise SelectionError("the distance must be positive and its margins must not be negative")
    at += 3
    pairs = _pairs(first, second, name)
    while at < len(tokens) and tokens[at].lower() == "or":
        first, at = parse_selection(tokens, at + 1)
        second, at = parse_selection(tokens, at)
        pairs.update(_pairs(first, second, name))
    lower, upper = max(distance - minus, 0.0), distance + plus
    return DistanceRestraint(name, tuple(pairs), lower, distance, upper, math.nan)


def _pairs(
    first: tuple[Selection, ...], second: tuple[Selection, ...], name: str
) -> dict[tuple[AtomLabel, AtomLabel], None]:
    if not first or not second:
        raise SelectionError("a selection contradicts itself")
    if len(first) * len(second) > _MOST_PAIRS:
        raise SelectionError(f"more than {_MOST_PAIRS} pairs of alternatives")
    ends = [[_label(term, name) for term in terms] for terms in (first, second)]
    return dict.fromkeys((a, b) for a in ends[0] for b in ends[1])


def _label(term: Selection, name: str) -> AtomLabel:
    if term.residue is None:
        raise SelectionError("a selection names no residue")
    number, code = parse_residue_number(term.residue, name)
    return AtomLabel(term.segment or "", number, code, term.residue_name or "", term.name or _ANY_ATOM)
