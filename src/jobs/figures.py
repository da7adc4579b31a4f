"""Figures of merit of a finished job, and times, as users read them in the log, the status and the panel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["duration", "figures_text"]

_AFTER = (
    ("restraints_satisfied_percent", "{:.0f}% of the restraints satisfied"),
    ("mean_confidence", "mean confidence {:.0f} of 100"),
)


def duration(seconds: float) -> str:
    """Rounded time, such as ``45 s``, ``12 min`` or ``2.5 h``."""
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def figures_text(metrics: Mapping[str, Any]) -> str:
    """What a job has achieved, as parts of a sentence; empty if its metrics tell nothing of it.

    Parameters
    ----------
    metrics : mapping
        Of ``metrics.json``; what is missing there is left out.
    """
    parts = [_built(metrics), _correlation(metrics)]
    parts += [text.format(value) for name, text in _AFTER if (value := _number(metrics, name)) is not None]
    return ", ".join(part for part in parts if part)


def _built(metrics: Mapping[str, Any]) -> str:
    residues, before = _number(metrics, "residues"), _number(metrics, "completeness_before")
    if residues is None or before is None:
        return ""
    built = round(residues * (1 - before / 100))
    return f"{built} of {residues:.0f} residues built" if built else ""


def _correlation(metrics: Mapping[str, Any]) -> str:
    before, after = _number(metrics, "map_cc_before"), _number(metrics, "map_cc_after")
    if after is None:
        return ""
    return f"map correlation {after:.3f}" + ("" if before is None else f" (before {before:.3f})")


def _number(metrics: Mapping[str, Any], name: str) -> float | None:
    value = metrics.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or value != value:
        return None
    return float(value)
