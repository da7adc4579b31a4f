"""Distance restraints from a comma-separated table."""

from __future__ import annotations

import csv
import math

from ...errors import InputError
from .restraint import AtomLabel, DistanceRestraint, DistanceRestraints, Wildcards, parse_residue_number

__all__ = ["COLUMNS", "read_table"]

COLUMNS = (
    "chain1",
    "residue1",
    "atom1",
    "chain2",
    "residue2",
    "atom2",
    "distance",
    "lower",
    "upper",
    "sigma",
)
"""Columns in any order, named by the first line.

Only residue1, residue2 and one of distance, lower and upper are needed; an empty or absent chain means
the only chain, an absent atom means CA.
"""

_NEEDED = ("residue1", "residue2")
_VALUES = ("distance", "lower", "upper")


def read_table(text: str, source: str) -> DistanceRestraints:
    """Read a table of residue pairs.

    The first line names the columns (`COLUMNS`, comma separated, any case and order). Empty lines and
    lines that start with ``#`` do not count. Distances are in A. A row with a distance and no bounds is a
    harmonic restraint; a row with a bound is flat-bottomed. Example::

        residue1,residue2,distance,sigma
        12,47,8.3,0.5

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
        If a column is unknown, repeated or missing, or a row cannot be read; the line is named.
    """
    header: list[str] = []
    restraints = []
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"{source}, line {number}"
        try:
            cells = [cell.strip() for cell in next(csv.reader([line], strict=True))]
        except (csv.Error, StopIteration) as error:
            raise InputError(f"{where}: this is not a comma-separated row ({error}).") from error
        if not header:
            header = _header([cell.lower() for cell in cells], where)
            continue
        if len(cells) != len(header):
            raise InputError(f"{where}: {len(cells)} values for {len(header)} columns; give one for each.")
        restraints.append(_row(dict(zip(header, cells, strict=True)), where))
    if not restraints:
        raise InputError(f"{source} has no restraints; give a header line and at least one row.")
    return DistanceRestraints(source, tuple(restraints), Wildcards.NEF)


def _header(names: list[str], where: str) -> list[str]:
    unknown = [name for name in names if name not in COLUMNS]
    missing = [name for name in _NEEDED if name not in names]
    if unknown or missing or len(set(names)) != len(names) or not set(_VALUES) & set(names):
        problem = (
            f"column '{unknown[0][:30]}' is unknown"
            if unknown
            else f"column '{missing[0]}' is missing"
            if missing
            else "a column is repeated"
            if len(set(names)) != len(names)
            else "there is no distance, lower or upper column"
        )
        raise InputError(f"{where}: {problem}; the first line must name columns out of {', '.join(COLUMNS)}.")
    return names


def _row(row: dict[str, str], where: str) -> DistanceRestraint:
    ends = []
    for end in ("1", "2"):
        number, code = parse_residue_number(row[f"residue{end}"], where)
        atom = row.get(f"atom{end}", "").upper() or "CA"
        ends.append(AtomLabel(row.get(f"chain{end}", ""), number, code, "", atom))
    values = {name: _number(row.get(name, ""), name, where) for name in (*_VALUES, "sigma")}
    lower = 0.0 if math.isnan(values["lower"]) else values["lower"]
    upper = math.inf if math.isnan(values["upper"]) else values["upper"]
    pair = (ends[0], ends[1])
    try:
        return DistanceRestraint(where, (pair,), lower, values["distance"], upper, values["sigma"])
    except ValueError as error:
        raise InputError(f"{where}: {error}.") from error


def _number(text: str, name: str, where: str) -> float:
    """Finite number in A, NaN for an empty cell."""
    if not text:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        raise InputError(f"{where}: {name} '{text[:20]}' is not a number; give a distance in angstrom.")
    return value
