"""Distance restraints from NMR-STAR and NEF files."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pynmrstar

from ..contract.errors import InputError
from .restraint import (
    AtomLabel,
    DistanceRestraint,
    DistanceRestraints,
    Skipped,
    Wildcards,
    parse_residue_number,
)

__all__ = ["read_star"]

_MISSING = ("", ".", "?")


@dataclass(frozen=True)
class _Dialect:
    """Tag names of a restraint loop; of tags with several names the first one with a value is taken."""

    category: str
    restraint: str
    logic: str
    chain: tuple[str, ...]
    number: tuple[str, ...]
    residue_name: tuple[str, ...]
    atom: tuple[str, ...]
    target: tuple[str, ...]
    uncertainty: str
    lower: str
    upper: str


_NEF = _Dialect(
    "_nef_distance_restraint",
    "restraint_id",
    "",
    ("chain_code",),
    ("sequence_code",),
    ("residue_name",),
    ("atom_name",),
    ("target_value",),
    "target_value_uncertainty",
    "lower_limit",
    "upper_limit",
)
_STAR = _Dialect(
    "_Gen_dist_constraint",
    "ID",
    "Member_logic_code",
    ("Auth_asym_ID", "Entity_assembly_ID"),
    ("Auth_seq_ID", "Comp_index_ID", "Seq_ID"),
    ("Comp_ID", "Auth_comp_ID"),
    ("Atom_ID", "Auth_atom_ID"),
    ("Target_val", "Distance_val"),
    "Target_val_uncertainty",
    "Distance_lower_bound_val",
    "Distance_upper_bound_val",
)
_Row = dict[str, str]


def read_star(text: str, source: str) -> DistanceRestraints:
    """Read every distance restraint list of an NMR-STAR 3 or NEF file.

    Rows with the same restraint number are alternatives of one ambiguous restraint. NEF combinations
    (alternatives that hold together) are loosened to plain alternatives; NMR-STAR members joined by
    ``AND`` become restraints of their own. Without bounds, target and uncertainty give them. Where NMR-STAR has no
    ``Target_val``, ``Distance_val`` is the target.

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
        If the file cannot be parsed or holds no distance restraints.
    """
    with _quiet():
        try:
            entry = pynmrstar.Entry.from_string(text)
        except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
            reason = " ".join(str(error).split())[:160]
            raise InputError(f"{source} is not a readable NMR-STAR or NEF file: {reason}") from error
    restraints: list[DistanceRestraint] = []
    skipped: list[Skipped] = []
    for frame in entry.frame_list:
        for loop in frame.loops:
            for dialect in (_NEF, _STAR):
                if str(loop.category).lower() == dialect.category.lower():
                    _read_loop(loop, dialect, f"{source}, {frame.name}", restraints, skipped)
    if not restraints:
        why = f" ({skipped[0].reason})" if skipped else ""
        raise InputError(f"{source} holds no usable distance restraints{why}; give a file with some.")
    return DistanceRestraints(source, tuple(restraints), Wildcards.NEF, tuple(skipped))


def _read_loop(
    loop: pynmrstar.Loop,
    dialect: _Dialect,
    where: str,
    restraints: list[DistanceRestraint],
    skipped: list[Skipped],
) -> None:
    """Add what one loop holds to `restraints`, and what cannot be used to `skipped`."""
    names = [str(tag).lower() for tag in loop.tags]
    groups: dict[str, list[_Row]] = {}
    for index, values in enumerate(loop.data):
        row = dict(zip(names, (str(value) for value in values), strict=False))
        key = _text(row, (dialect.restraint,)) or f"row {index + 1}"
        if dialect.logic and _text(row, (dialect.logic,)).upper() == "AND":
            key += f".{index}"
        groups.setdefault(key, []).append(row)
    for key, rows in groups.items():
        name = f"{where}, restraint {key.split('.')[0]}"
        try:
            restraints.append(_restraint(rows, dialect, name))
        except ValueError as error:
            skipped.append(Skipped(name, str(error).removeprefix(f"{name}: ")))


def _restraint(rows: Sequence[_Row], dialect: _Dialect, name: str) -> DistanceRestraint:
    ends = ("_1", "_2")
    pairs = [tuple(_label(row, dialect, end, name) for end in ends) for row in rows]
    alternatives = tuple((first, second) for first, second in dict.fromkeys(pairs))
    target, uncertainty, low, high = (
        next((v for v in (_value(row, tags) for row in rows) if not math.isnan(v)), math.nan)
        for tags in (dialect.target, (dialect.uncertainty,), (dialect.lower,), (dialect.upper,))
    )
    if math.isnan(low) and math.isnan(high) and not math.isnan(uncertainty + target):
        low, high = max(target - uncertainty, 0.0), target + uncertainty
    return DistanceRestraint(
        name,
        alternatives,
        lower=0.0 if math.isnan(low) else low,
        target=target,
        upper=math.inf if math.isnan(high) else high,
        sigma=uncertainty if uncertainty > 0 else math.nan,
    )


def _label(row: _Row, dialect: _Dialect, end: str, name: str) -> AtomLabel:
    number, code = parse_residue_number(_text(row, [tag + end for tag in dialect.number]), name)
    atom = _text(row, [tag + end for tag in dialect.atom]).upper()
    if not atom:
        raise ValueError("an atom name is missing")
    chain = _text(row, [tag + end for tag in dialect.chain])
    residue_name = _text(row, [tag + end for tag in dialect.residue_name]).upper()
    return AtomLabel(chain, number, code, residue_name, atom)


def _text(row: _Row, tags: Sequence[str]) -> str:
    """First value that is present, or an empty string."""
    return next((row[tag.lower()] for tag in tags if row.get(tag.lower(), "") not in _MISSING), "")


def _value(row: _Row, tags: Sequence[str]) -> float:
    text = _text(row, tags)
    if not text:
        return math.nan
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the distance {text} is not a number")
    return value


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the parser's own log messages (about odd files) off the terminal while it reads."""
    logger = logging.getLogger("pynmrstar")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
