"""Distance restraints as a file states them, whatever its format."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from enum import Enum

from ..contract.errors import InputError

__all__ = [
    "AtomLabel",
    "DistanceRestraint",
    "DistanceRestraints",
    "Skipped",
    "Wildcards",
    "parse_residue_number",
]


class Wildcards(Enum):
    """What ``%``, ``#``, ``*``, ``+`` and final ``x``, ``y`` in an atom name stand for."""

    NEF = "nef"
    XPLOR = "xplor"


@dataclass(frozen=True)
class AtomLabel:
    """One atom, or several by a wildcard or pseudo-atom name, as the file names it.

    Parameters
    ----------
    chain : str
        Chain or segment name; empty if the file gives none.
    residue : int
        Residue number.
    insertion : str
        Insertion code; empty for none.
    residue_name : str
        Three-letter name in upper case; empty if the file gives none.
    atom : str
        Atom name in upper case, possibly with wildcards.
    """

    chain: str
    residue: int
    insertion: str
    residue_name: str
    atom: str

    def __str__(self) -> str:
        place = f"{self.residue_name or 'residue'} {self.residue}{self.insertion}"
        return f"{place} {self.atom}" + (f" of chain {self.chain}" if self.chain else "")


@dataclass(frozen=True)
class DistanceRestraint:
    """One measured distance.

    Parameters
    ----------
    name : str
        Where it comes from, for messages (list and number, or line).
    alternatives : tuple of (AtomLabel, AtomLabel)
        Atom pairs that may have caused the measurement; more than one makes it ambiguous.
    lower, upper : float
        Bounds in A; 0 and infinity where none is given.
    target : float
        Best value in A; NaN where none is given.
    sigma : float
        Standard deviation of the target in A; NaN where none is given.
    """

    name: str
    alternatives: tuple[tuple[AtomLabel, AtomLabel], ...]
    lower: float
    target: float
    upper: float
    sigma: float

    def __post_init__(self) -> None:
        if not self.alternatives:
            raise ValueError("a restraint needs at least one pair of atoms")
        if not 0 <= self.lower <= self.upper or not self.upper > 0:
            raise ValueError(f"bounds {self.lower:g} to {self.upper:g} A are not a range of distances")
        if not (math.isnan(self.target) or (self.target > 0 and math.isfinite(self.target))):
            raise ValueError(f"the distance {self.target:g} A is not positive")
        if not (math.isnan(self.sigma) or (self.sigma > 0 and math.isfinite(self.sigma))):
            raise ValueError(f"the standard deviation {self.sigma:g} A is not positive")
        if math.isnan(self.target) and self.upper == math.inf and self.lower == 0:
            raise ValueError("neither a distance nor a bound is given")


@dataclass(frozen=True)
class Skipped:
    """A part of the file that was left out: where and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class DistanceRestraints:
    """All distance restraints of one file.

    Parameters
    ----------
    source : str
        Name of the file.
    restraints : tuple of DistanceRestraint
        In the file's order.
    wildcards : Wildcards
        Convention of the atom names.
    skipped : tuple of Skipped
        What was left out.
    """

    source: str
    restraints: tuple[DistanceRestraint, ...]
    wildcards: Wildcards
    skipped: tuple[Skipped, ...] = ()

    def lines(self) -> list[str]:
        """Readable summary: how many were read, and what was left out for which reason."""
        ambiguous = sum(len(r.alternatives) > 1 for r in self.restraints)
        text = [f"{self.source}: {len(self.restraints)} distance restraints, {ambiguous} of them ambiguous"]
        first = {item.reason: item.name for item in reversed(self.skipped)}
        for reason, count in Counter(item.reason for item in self.skipped).most_common():
            text.append(f"skipped {count}: {reason} (first: {first[reason]})")
        return text


def parse_residue_number(text: str, where: str) -> tuple[int, str]:
    """Split ``"127"`` or ``"127B"`` into number and insertion code.

    Raises
    ------
    InputError
        If the text is not a number with at most one letter after it.
    """
    text = text.strip()
    digits, code = (text[:-1], text[-1]) if text[-1:].isalpha() else (text, "")
    unsigned = digits[1:] if digits[:1] in ("-", "+") else digits
    if not (unsigned.isascii() and unsigned.isdigit() and len(unsigned) <= 9):
        raise InputError(f"{where}: '{text[:20]}' is not a residue number; give one such as 42 or 42A.")
    return int(digits), code
