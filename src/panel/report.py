"""The report of ``adp3d check`` as text for the panel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["report_text"]


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
