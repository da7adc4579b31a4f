"""Tables and pictures of energies."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..contract.specs.score import ScoreSettings
from ..job.storage import replace_atomically, storage_errors
from .plots import new_figure, save_figure, tidy_axes
from .score import Score

__all__ = ["FILES", "remarks", "rows_of", "settings_of", "write_scores"]

FILES = ("scores.csv", "scores.json", "residues.csv", "residues.png", "funnel.png")
"""All that may be written."""
_LONGEST_NAME = 36
"""Letters of a file's name beside a picture."""


def rows_of(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """A row for each model: name, group, residues, energy and its excess over the lowest of the group."""
    lowest = {group: min(s.energy for s in scores if s.group == group) for group in {s.group for s in scores}}
    return [
        {
            "model": score.model.name,
            "group": score.group + 1,
            "residues": score.model.polymer.n_residues,
            "energy": round(score.energy, 2),
            "standard_error": round(score.standard_error, 2) if np.isfinite(score.standard_error) else None,
            "above_lowest": round(score.energy - lowest[score.group], 2),
            "per_residue": round(score.energy / score.model.polymer.n_residues, 4),
            "ca_rmsd": None if score.ca_rmsd is None else round(score.ca_rmsd, 3),
            "compared": score.compared or None,
        }
        for score in scores
    ]


def remarks(scores: Sequence[Score], compared: bool) -> list[str]:
    """What else a user should know of energies: residues left out, groups, and over what a reference was compared."""
    lines = [
        f"{one.model.name}: {one.model.left_out} residues without N, CA or C were left out."
        for one in scores
        if one.model.left_out
    ]
    if len({score.group for score in scores}) > 1:
        lines.append("Models of different molecules form groups: only energies of one group can be compared.")
    if not compared:
        return lines
    parts: dict[tuple[int, int], list[str]] = {}
    for score in scores:
        parts.setdefault((score.compared, score.model.polymer.n_residues), []).append(score.model.name)
    for (shared, residues), names in parts.items():
        called = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        if shared == 0:
            lines.append(f"{called}: no CA RMSD, as the reference is of another protein.")
        elif shared < residues:
            lines.append(f"{called}: CA RMSD over {shared} of {residues} residues, those that the reference has, too.")
    return lines


def settings_of(settings: ScoreSettings) -> dict[str, Any]:
    """Settings as the files tell them: all that the energies depend on."""
    return {name: value for name, value in asdict(settings).items() if name not in ("device", "reference")}


def write_scores(folder: Path, scores: Sequence[Score], settings: dict[str, Any], per_residue: bool) -> list[Path]:
    """Write ``scores.csv``, ``scores.json``, and what else there is to show; the files that were written.

    ``residues.csv`` and ``residues.png`` if asked for; ``funnel.png``, energy against CA RMSD, if two models or more
    were compared with a reference. What an earlier run wrote and this one does not is removed.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    rows = rows_of(scores)
    written = [_table(folder / "scores.csv", rows)]
    with replace_atomically(folder / "scores.json") as temporary:
        temporary.write_text(json.dumps({"settings": settings, "models": rows}, indent=2), encoding="utf-8")
    written.append(folder / "scores.json")
    if per_residue:
        each = [
            {
                "model": one.model.name,
                "chain": chain,
                "number": number,
                "insertion_code": icode,
                "energy": round(nats, 4),
            }
            for one in scores
            for (chain, number, icode), nats in zip(one.model.labels, one.per_residue.tolist(), strict=True)
        ]
        written += [_table(folder / "residues.csv", each), _residue_picture(folder / "residues.png", scores)]
    compared = [s for s in scores if s.ca_rmsd is not None]
    if len(compared) > 1:
        written.append(_funnel(folder / "funnel.png", compared))
    for path in (folder / name for name in FILES):
        if path not in written:
            path.unlink(missing_ok=True)
    return written


def _table(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    with replace_atomically(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _funnel(path: Path, scores: Sequence[Score]) -> Path:
    figure = new_figure(4.5, 3.6)
    axes = figure.add_subplot()
    tidy_axes(axes)
    groups = sorted({s.group for s in scores})
    for group in groups:
        own = [s for s in scores if s.group == group]
        energies = np.array([s.energy for s in own])
        # only energies of one group can be compared: several get a common zero
        shown = energies - energies.min() if len(groups) > 1 else energies
        axes.plot(np.array([s.ca_rmsd for s in own], float), shown, ".", color=f"C{group % 10}")
    of = "Above the lowest of its group (nats)" if len(groups) > 1 else "Energy (nats)"
    axes.set(xlabel="CA RMSD to the reference (\u00c5)", ylabel=of)
    save_figure(figure, path)
    return path


def _shortened(name: str) -> str:
    """A name that fits beside a picture; both ends tell files of a series apart."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME // 2]}\u2026{name[-_LONGEST_NAME // 2 :]}"


def _residue_picture(path: Path, scores: Sequence[Score]) -> Path:
    figure = new_figure(8.0, 3.2)
    axes = figure.add_subplot()
    tidy_axes(axes)
    for k, score in enumerate(scores[:10]):
        axes.plot(np.arange(1, len(score.per_residue) + 1), score.per_residue, color=f"C{k}")
    axes.set(xlabel="Residue, in the order of the file", ylabel="Energy (nats)")
    names = [_shortened(score.model.name) for score in scores[:10]]
    # lines and names are given, as what begins with an underscore would be left out of a legend
    legend = axes.legend(axes.lines, names, fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    for text in legend.get_texts():
        text.set_parse_math(False)  # a file may have dollar signs in its name
    save_figure(figure, path)
    return path
