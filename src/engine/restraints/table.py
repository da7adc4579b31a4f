"""Distance restraints from a table, its columns separated by commas, semicolons, tabs or blanks."""

from __future__ import annotations

import csv
import math
import re

from ..contract.errors import InputError
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
_LENGTHS = (*_VALUES, "sigma")
_UNIT = re.compile(rf"({'|'.join(_LENGTHS)})[ _]?[\[(]?(nm|a|å|ang|angstrom)[\])]?")
_BLANKS = " "
_SEPARATORS = ("\t", ";", ",")
"""In the order in which the header is searched for them; blanks separate if it has none."""


def read_table(text: str, source: str) -> DistanceRestraints:
    """Read a table of residue pairs.

    The first line names the columns (`COLUMNS`, any case and order) and shows what separates them: commas,
    semicolons, tabs or blanks. Where it is not the comma, numbers may have a decimal comma. Empty lines and lines that
    start with ``#`` do not count, unless all they hold is the names of columns. Distances are in A, or in nm where
    the column is called so (``distance_nm``). A row with a distance and no bounds is a harmonic restraint; a row
    with a bound is flat-bottomed. Example::

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
    factors: dict[str, float] = {}
    separator = ","
    restraints = []
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"{source}, line {number}"
        bare = line.strip()
        if bare.startswith("#"):
            bare = bare.lstrip("#").strip()
            # a comment, unless it does nothing but name columns
            if header or not set(_units(re.split(r"[\s,;]+", bare.lower()))[0]) <= set(COLUMNS):
                continue
        if not bare or re.fullmatch(r"sep=.", bare):
            continue
        if not header:
            separator = next((mark for mark in _SEPARATORS if mark in bare), _BLANKS)
            names, factors = _units([cell.lower() for cell in _cells(bare, separator, where)])
            header = _header(names, where)
            continue
        cells = _cells(line, separator, where)
        if len(cells) != len(header):
            hint = "; numbers with a decimal comma need another separator" if separator == "," else ""
            raise InputError(f"{where}: {len(cells)} values for {len(header)} columns; give one for each{hint}.")
        if separator != ",":
            cells = [re.sub(r"(?<=\d),(?=\d)", ".", cell) if "." not in cell else cell for cell in cells]
        restraints.append(_row(dict(zip(header, cells, strict=True)), factors, where))
    if not restraints:
        raise InputError(f"{source} has no restraints; give a header line and at least one row.")
    return DistanceRestraints(source, tuple(restraints), Wildcards.NEF)


def _cells(line: str, separator: str, where: str) -> list[str]:
    if separator == _BLANKS:
        return line.split()
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, strict=True))]
    except (csv.Error, StopIteration) as error:
        what = {",": "comma", ";": "semicolon", "\t": "tab"}[separator]
        raise InputError(f"{where}: this is not a {what}-separated row ({error}).") from error


def _units(names: list[str]) -> tuple[list[str], dict[str, float]]:
    """Names of columns without their units, and what their values are to be multiplied by."""
    plain, factors = [], {}
    for name in names:
        found = _UNIT.fullmatch(name)
        plain.append(found.group(1) if found else name)
        if found:
            factors[found.group(1)] = 10.0 if found.group(2) == "nm" else 1.0
    return plain, factors


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


def _row(row: dict[str, str], factors: dict[str, float], where: str) -> DistanceRestraint:
    ends = []
    for end in ("1", "2"):
        number, code = parse_residue_number(row[f"residue{end}"], where)
        atom = row.get(f"atom{end}", "").upper() or "CA"
        ends.append(AtomLabel(row.get(f"chain{end}", ""), number, code, "", atom))
    values = {name: factors.get(name, 1.0) * _number(row.get(name, ""), name, where) for name in _LENGTHS}
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
