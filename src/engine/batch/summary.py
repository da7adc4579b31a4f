"""What a batch leaves behind: a table of all jobs as CSV and as text, and a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..contract.errors import InputError
from ..job.folder import JobFolder
from ..job.storage import write_text
from ..pipeline.plots import new_figure, save_figure, tidy_axes
from .drive import Entry

__all__ = ["PICTURE", "TABLE", "TEXT", "figures_of", "text_table", "write_summary"]

TABLE, TEXT, PICTURE = "summary.csv", "summary.txt", "summary.png"

_SHOWN = (
    "completeness_after",
    "map_cc_after",
    "ca_rmsd_all",
    "ca_rmsd_missing",
    "tm_score",
    "mean_confidence",
    "seconds",
)
"""Figures of the text table, as far as there are any."""

_PANELS = {
    "seconds": "computing time (s)",
    "completeness_after": "completeness (%)",
    "map_cc_after": "map-model correlation",
    "ca_rmsd_all": "CA RMSD (Å)",
    "mean_confidence": "mean confidence",
}
"""Figures of the picture, a panel each, and what stands at their axes."""

_COLOURS = {"finished": "#1f5fa8", "failed": "#d9761b", "stopped": "#8a8f98"}
_MOST_BARS = 200
"""Jobs that the picture shows: thinner bars could not be told apart."""


def write_summary(entries: Sequence[Entry], folder: Path) -> str:
    """Write table and picture into the folder of a batch, and return the table as text.

    Raises
    ------
    InputError
        If the disk is full or refuses.
    """
    figures = [figures_of(entry.folder) if entry.state == "finished" else {} for entry in entries]
    text = text_table(entries, figures)
    write_text(folder / TABLE, _csv(entries, figures))
    write_text(folder / TEXT, text)
    _draw(entries, figures, folder / PICTURE)
    return text


def figures_of(folder: Path) -> dict[str, float | int | str | bool]:
    """Figures of a finished job that are single values, those of its validation among them."""
    try:
        metrics = JobFolder.open(folder).read_metrics() or {}
    except InputError:
        return {}
    validation = metrics.get("validation")
    after = validation.get("after") if isinstance(validation, Mapping) else None
    found = {name: value for name, value in metrics.items() if isinstance(value, int | float | str)}
    if isinstance(after, Mapping):
        found |= {name: value for name, value in after.items() if isinstance(value, int | float) and name not in found}
    return found


def text_table(entries: Sequence[Entry], figures: Sequence[Mapping[str, Any]]) -> str:
    """Table for people: state, attempts and the figures that matter most, and below it why jobs failed."""
    names = [name for name in _SHOWN if any(name in each for each in figures)]
    header = ["job", "kind", "state", "attempts", *names]
    lines = [header]
    for entry, each in zip(entries, figures, strict=True):
        shown = [_short(each.get(name)) for name in names]
        lines.append([entry.row.name, entry.row.spec.kind, entry.state, _attempts(entry), *shown])
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    text = "\n".join(
        "  ".join(
            cell.ljust(w) if i < 3 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )
    failed = [entry for entry in entries if entry.state == "failed"]
    counts = ", ".join(
        f"{sum(entry.state == state for entry in entries)} {state}"
        for state in _COLOURS
        if any(entry.state == state for entry in entries)
    )
    reasons = "".join(f"{entry.row.name}: {entry.error}\n" for entry in failed)
    return f"{text}\n\n{len(entries)} jobs: {counts}.\n{reasons}"


def _csv(entries: Sequence[Entry], figures: Sequence[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(name for each in figures for name in each))
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["name", "kind", "state", "attempts", "worker", "folder", "error", *names])
    for entry, each in zip(entries, figures, strict=True):
        own = [
            entry.row.name,
            entry.row.spec.kind,
            entry.state,
            entry.attempts,
            entry.worker,
            entry.folder,
            entry.error,
        ]
        writer.writerow([*own, *(each.get(name, "") for name in names)])
    return stream.getvalue()


def _attempts(entry: Entry) -> str:
    return str(entry.attempts) if entry.attempts else "-"


def _short(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or "-"
    return f"{value}" if isinstance(value, bool | int) else f"{value:.4g}"


def _draw(entries: Sequence[Entry], figures: Sequence[Mapping[str, Any]], path: Path) -> None:
    """One panel for each figure, with a bar for each job; those that did not finish have none, and a name in colour."""
    shown = list(zip(entries, figures, strict=True))[:_MOST_BARS]
    names = [name for name in _PANELS if any(isinstance(each.get(name), int | float) for _, each in shown)]
    panels = names[:4] or ["seconds"]
    height = max(2.5, 0.9 + 0.22 * len(shown))
    figure = new_figure(1.8 + 2.4 * len(panels), min(height, 40.0))
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, name in zip(axes, panels, strict=True):
        values = [each.get(name) for _, each in shown]
        lengths = [float(value) if isinstance(value, int | float) else 0.0 for value in values]
        colours = [_COLOURS.get(entry.state, _COLOURS["stopped"]) for entry, _ in shown]
        axis.barh(range(len(shown)), lengths, color=colours, height=0.7)
        axis.set_xlabel(_PANELS[name])
        tidy_axes(axis)
        axis.grid(False, axis="y")
        axis.grid(axis="x", color="#e3e5e8", linewidth=0.7)
    axes[0].set_yticks(range(len(shown)), [entry.row.name for entry, _ in shown], fontsize=7)
    for label, (entry, _) in zip(axes[0].get_yticklabels(), shown, strict=True):
        label.set_color("#222222" if entry.state == "finished" else _COLOURS.get(entry.state, _COLOURS["stopped"]))
    axes[0].invert_yaxis()
    more = f", the first {_MOST_BARS} of {len(entries)}" if len(entries) > _MOST_BARS else ""
    finished = sum(entry.state == "finished" for entry in entries)
    figure.suptitle(f"{finished} of {len(entries)} jobs finished{more}", fontsize=10)
    save_figure(figure, path)
