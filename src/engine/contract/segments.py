"""The list of stretches that a job rebuilt, moved or left in doubt: what one row says, and how it is shown.

One table of columns serves the command line, the Log and the tool of ChimeraX, and the report.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

__all__ = [
    "COLUMNS",
    "CONTRADICTED",
    "LEFT",
    "LEFT_OUT",
    "MOVED",
    "MOVED_BY",
    "REBUILT",
    "VERSION",
    "Alternative",
    "Column",
    "Segment",
    "columns_shown",
    "from_text",
    "summary",
    "to_text",
]

VERSION = 1
"""Of the file; another one is not read."""

REBUILT, MOVED, CONTRADICTED, LEFT = "rebuilt", "moved", "contradicted", "left"
"""Built anew, what was missing included; moved as it was; contradicted by the map, in the backbone that the user holds
or in side chains that look out of register; contradicted by the map, and left as given, because it fits no better
anywhere else."""
LEFT_OUT = "left out"
"""Missing in the model, and in the result as well: the map does not show it."""

MOVED_BY = 0.5
"""Angstrom from which a CA atom counts as moved: refinement and relaxation move 99 % of the residues of a right model
by less than 0.3 A (the example at 1.75 A), and `adp3d displacement` draws arrows from the same way on."""


@dataclass(frozen=True)
class Alternative:
    """A stretch as one of the replicas has it.

    Parameters
    ----------
    replica : int
        Its place in ``ensemble.cif``, from 1; 1 is the result.
    fit : float or None
        Mean local correlation with the map; None without one.
    energy : float or None
        Mean denoising energy of its residues: lower for what the prior finds more natural.
    away : float
        CA RMSD to the result, in angstrom.
    """

    replica: int
    fit: float | None
    energy: float | None
    away: float


@dataclass(frozen=True)
class Segment:
    """One stretch of residues, of which the list has one row.

    Parameters
    ----------
    chain : str
    residues : tuple of str
        Numbers with insertion codes, in the order of the chain, such as ``39``, ``40`` and ``40A``.
    kind : str
        One of `REBUILT`, `MOVED`, `CONTRADICTED`, `LEFT` and `LEFT_OUT`; of the last kind the result has nothing, and
        all that follows but ``new`` and ``reasons`` is empty.
    new : int
        Residues that the model lacked.
    trouble : float
        How much is to be looked at (see `adp3d.pipeline.segment_trouble`): 0 for nothing.
    reasons : tuple of str
        What the trouble is made of, in words, the most of it first.
    confidence : float
        Mean, 0 to 100.
    fit, fit_before : float or None
        Mean local correlation with the map of the result, and of the starting model where that shows the stretch.
    q_score : float or None
        Mean Q-score of the residues.
    displacement : float or None
        Farthest way of a CA atom from where the model has it, in angstrom; None if the model lacks all of them.
    ramachandran : int
        Outliers.
    rotamers, clashes : int or None
        Outliers, and overlaps of 0.4 A and more of atoms of the stretch; None where there are no side chains.
    peptides : int
        Twisted peptides, and cis ones before other residues than proline.
    breaks : int
        Neighbours that are not bonded, those at the ends of the stretch included.
    register : int
        By how many residues along the sequence the side-chain density fits better; 0 for in register.
    alternatives : tuple of Alternative
        All replicas, the result first; empty for a job of one replica.
    """

    chain: str
    residues: tuple[str, ...]
    kind: str
    new: int = 0
    trouble: float = 0.0
    reasons: tuple[str, ...] = ()
    confidence: float = 0.0
    fit: float | None = None
    fit_before: float | None = None
    q_score: float | None = None
    displacement: float | None = None
    ramachandran: int = 0
    rotamers: int | None = None
    clashes: int | None = None
    peptides: int = 0
    breaks: int = 0
    register: int = 0
    alternatives: tuple[Alternative, ...] = ()

    @property
    def there(self) -> bool:
        """Whether the result has it."""
        return self.kind != LEFT_OUT

    @property
    def length(self) -> int:
        """Number of residues."""
        return len(self.residues)

    @property
    def span(self) -> str:
        """First and last residue, such as ``39-48``."""
        first, last = self.residues[0], self.residues[-1]
        return first if first == last else f"{first}-{last}"

    @property
    def name(self) -> str:
        """What it is called in sentences, such as ``A 39-48``."""
        return f"{self.chain} {self.span}"


@dataclass(frozen=True)
class Column:
    """One column of the list.

    Parameters
    ----------
    name : str
        In CSV files and JSON.
    heading : str
        Short, for tables.
    tip : str
        What it is.
    value : callable
        Of a segment: text, number, or None.
    digits : int
        Digits after the point of numbers that are no integers.
    worst_high : bool or None
        Whether high values are the bad ones; None where no value is bad.
    """

    name: str
    heading: str
    tip: str
    value: Callable[[Segment], str | float | None]
    digits: int = 0
    worst_high: bool | None = None

    def text(self, segment: Segment) -> str:
        """The value as it is shown; empty for none."""
        value = self.value(segment)
        if value is None:
            return ""
        return value if isinstance(value, str) else f"{value:.{self.digits}f}"


COLUMNS = (
    Column("chain", "Chain", "Chain", lambda s: s.chain),
    Column("residues", "Residues", "First and last residue", lambda s: s.span),
    Column("length", "Length", "Number of residues", lambda s: s.length),
    Column(
        "kind",
        "Kind",
        "rebuilt: built anew; moved: by 0.5 \u00c5 or more; contradicted: by the map, but held, or out of register; "
        "left: contradicted by the map, and left as given; left out: missing, and not shown by the map",
        lambda s: s.kind,
    ),
    Column("trouble", "Trouble", "How much is to be looked at; 0 for nothing", lambda s: s.trouble, 1, True),
    Column("confidence", "Conf.", "Mean confidence, 0 to 100", lambda s: s.confidence if s.there else None, 0, False),
    Column("fit", "CC", "Mean local correlation with the map", lambda s: s.fit, 2, False),
    Column("fit_before", "CC before", "The same of the starting model", lambda s: s.fit_before, 2),
    Column("q_score", "Q", "Mean Q-score of the residues", lambda s: s.q_score, 2, False),
    Column("displacement", "Moved", "Farthest way of a CA atom, in \u00c5", lambda s: s.displacement, 1),
    Column("ramachandran", "Rama.", "Ramachandran outliers", lambda s: s.ramachandran if s.there else None, 0, True),
    Column("rotamers", "Rota.", "Rotamer outliers", lambda s: s.rotamers, 0, True),
    Column("clashes", "Clash", "Overlaps of 0.4 \u00c5 and more", lambda s: s.clashes, 0, True),
    Column(
        "peptides",
        "Pept.",
        "Twisted peptides, and cis ones not before proline",
        lambda s: s.peptides if s.there else None,
        0,
        True,
    ),
    Column("breaks", "Breaks", "Neighbours that are not bonded", lambda s: s.breaks if s.there else None, 0, True),
    Column(
        "register",
        "Register",
        "By how many residues along the sequence the side chains fit better",
        lambda s: f"{s.register:+d}" if s.register else "",
        worst_high=True,
    ),
)
"""In the order in which they are shown."""


_KINDS = (REBUILT, MOVED, CONTRADICTED, LEFT, LEFT_OUT)


def columns_shown(segments: Sequence[Segment]) -> tuple[Column, ...]:
    """Columns that say something of these segments."""
    return tuple(column for column in COLUMNS if any(column.text(segment) for segment in segments))


def summary(segments: Sequence[Segment]) -> str:
    """What a list holds, in one sentence."""
    if not segments:
        return "Nothing was rebuilt, moved or contradicted."
    counts = [(kind, [s for s in segments if s.kind == kind]) for kind in _KINDS]
    parts = [f"{len(found)} {kind} ({sum(s.length for s in found)} residues)" for kind, found in counts if found]
    troubled = sum(segment.trouble > 0 for segment in segments)
    stretches = "stretch" if len(segments) == 1 else "stretches"
    looked = "none of them needs a look" if not troubled else f"{troubled} to be looked at"
    return f"{len(segments)} {stretches}: {', '.join(parts)}; {looked}."


def to_text(segments: Sequence[Segment]) -> str:
    """JSON of the file in a job folder."""
    rows = [json.dumps(asdict(segment), ensure_ascii=False, allow_nan=False) for segment in segments]
    return f'{{"version": {VERSION}, "segments": [\n' + ",\n".join(rows) + "\n]}\n"


def from_text(text: str) -> tuple[Segment, ...]:
    """What `to_text` wrote.

    Raises
    ------
    ValueError
        If it is something else, or of another version.
    """
    given = json.loads(text)
    if not isinstance(given, dict) or given.get("version") != VERSION or not isinstance(given.get("segments"), list):
        raise ValueError("it is no list of segments of this version")
    try:
        return tuple(_segment(row) for row in given["segments"])
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"a row of it is damaged ({error})") from error


def _segment(row: Mapping[str, Any]) -> Segment:
    known = {field.name for field in fields(Segment)}
    values = {name: value for name, value in row.items() if name in known}
    residues = tuple(str(number) for number in values["residues"])
    if not residues:
        raise TypeError("a segment without residues")
    values |= {
        "residues": residues,
        "reasons": tuple(str(reason) for reason in values.get("reasons", ())),
        "alternatives": tuple(Alternative(**one) for one in values.get("alternatives", ())),
    }
    return Segment(**values)
