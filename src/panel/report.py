"""The report of ``adp3d check`` as text for the panel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["report_text", "validation_text"]


def report_text(report: Mapping[str, Any] | None) -> str:
    """Problems first, then advice, then what was found; empty if there is nothing to tell.

    Parameters
    ----------
    report : mapping or None
        What the command returned: ``ok``, ``problems``, ``advice`` and ``lines``.
    """
    if not report:
        return ""
    verdicts = {True: ["The job can run."], None: []}
    lines = verdicts.get(report.get("ok"), ["The job cannot run like this."])
    for name in ("problems", "advice", "lines"):
        lines += [str(line) for line in report.get(name, ()) if str(line) not in lines]
    return "\n".join(lines)


def validation_text(report: Mapping[str, Any] | None) -> str:
    """The main figures of a validation in a sentence; empty without one."""
    if not report:
        return ""
    figures = report["figures"]
    shown = [
        f"{name} {figures[key]:g}{unit}"
        for name, key, unit in (
            ("clashscore", "clashscore", ""),
            ("MolProbity score", "molprobity_score", ""),
            ("Ramachandran outliers", "ramachandran_outliers_percent", " %"),
            ("rotamer outliers", "rotamer_outliers_percent", " %"),
            ("Q-score", "q_score", ""),
        )
        if figures.get(key) is not None
    ]
    told = ", ".join(shown)
    return f"{told[:1].upper()}{told[1:]}; the Log has the residues with something wrong."
