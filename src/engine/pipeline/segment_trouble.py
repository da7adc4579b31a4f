"""How much of a stretch is to be looked at: points for what validation, map and replicas say against it."""

from __future__ import annotations

from dataclasses import replace

from ..contract.segments import Segment

__all__ = ["WEIGHTS", "with_trouble"]

WEIGHTS = {
    "register": 10.0,
    "break": 5.0,
    "contradicted": 5.0,
    "confidence": 5.0,
    "ramachandran": 2.0,
    "peptide": 2.0,
    "rotamer": 1.0,
    "clash": 1.0,
}
"""Points. Each outlier, peptide, clash and break counts; of the map, the share of residues that it contradicts; of the
confidence, what is missing to 70 of 70. Chosen by hand, by what is to be done about it: a shifted register or a break
means building anew, a backbone outlier a flip, a rotamer or a clash a turn of a side chain."""

CONFIDENT = 70.0
"""Confidence from which a path is right (docs/guide/results.md)."""


def with_trouble(segment: Segment, contradicted: float = 0.0) -> Segment:
    """The segment with its trouble and the reasons for it.

    Parameters
    ----------
    segment : Segment
    contradicted : float
        Share of its residues that the map contradicts, 0 to 1.
    """
    lacking = max(0.0, CONFIDENT - segment.confidence) / CONFIDENT
    steps = abs(segment.register)
    found = [
        (
            WEIGHTS["register"] * bool(steps),
            f"may be out of register by {_counted(steps, 'residue')} "
            f"(looks like those {'further on' if segment.register > 0 else 'back'})",
        ),
        (WEIGHTS["break"] * segment.breaks, _counted(segment.breaks, "chain break")),
        (WEIGHTS["contradicted"] * contradicted, f"the map contradicts {100 * contradicted:.0f} % of it"),
        (WEIGHTS["confidence"] * lacking, f"confidence {segment.confidence:.0f} of 100"),
        (WEIGHTS["ramachandran"] * segment.ramachandran, _counted(segment.ramachandran, "Ramachandran outlier")),
        (WEIGHTS["peptide"] * segment.peptides, _counted(segment.peptides, "cis or twisted peptide")),
        (WEIGHTS["rotamer"] * (segment.rotamers or 0), _counted(segment.rotamers or 0, "rotamer outlier")),
        (WEIGHTS["clash"] * (segment.clashes or 0), _counted(segment.clashes or 0, "clash", "clashes")),
    ]
    counted = sorted(((points, text) for points, text in found if points > 0), key=lambda one: -one[0])
    total = sum(points for points, _ in counted)
    return replace(segment, trouble=round(total, 1), reasons=tuple(text for _, text in counted))


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
