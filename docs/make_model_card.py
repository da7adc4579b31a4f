"""Fill the training record of the model card: ``python docs/make_model_card.py RUN --hardware WORDS``.

RUN is the folder that ``adp3d train`` wrote. The section between the two markers in ``docs/model_card.md`` is
replaced, and ``docs/images/training.png`` drawn.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from safetensors import safe_open

__all__ = ["draw_curves", "fill", "main", "record"]

DOCS = Path(__file__).parent
BEGIN, END = "<!-- training record: begin -->", "<!-- training record: end -->"

CONDITIONS = ("with sequence", "without sequence", "every 8th residue known")
GAPS = -1
"""How ``validation.csv`` marks known stretches with gaps of 6 to 30 residues."""

Row = dict[str, float]


def record(run: Path, hardware: str) -> str:
    """Markdown of the training record.

    Parameters
    ----------
    run : Path
        Folder with ``weights.safetensors``, ``training.csv`` and ``validation.csv``.
    hardware : str
        What it was trained on.
    """
    weights = run / "weights.safetensors"
    with safe_open(weights, "np") as handle:
        told = handle.metadata()
    config = json.loads(told["config"])
    training, validation = _read(run / "training.csv"), _read(run / "validation.csv")
    last, final = training[-1], _last_complete(validation)
    rows = [
        ("hardware", hardware),
        ("training time", f"{float(told['minutes']) / 60:.1f} hours"),
        ("updates", f"{int(told['steps']):,}, of which {int(last['skipped']):,} skipped"),
        ("loss of the last 100 updates", f"{last['loss']:.3f}"),
        ("network", ", ".join(f"{name} {value}" for name, value in config.items())),
        ("SHA-256 of the weights", f"`{hashlib.sha256(weights.read_bytes()).hexdigest()}`"),
    ]
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""]
    lines += [
        f"Validation after {int(final[0]['step']):,} updates, with the averaged weights. The error is the root",
        "mean square deviation of an atom from its true place, without superposition; at high noise the unknown place",
        "of the whole chain dominates it.",
        "",
        "| $t$ | " + " | ".join(f"{what}, {name}" for what in ("loss", "error") for name in CONDITIONS) + " |",
        "|---" * (1 + 2 * len(CONDITIONS)) + "|",
    ]
    for t in sorted({row["t"] for row in final}):
        rows_here = [next(row for row in final if row["t"] == t and _condition(row) == name) for name in CONDITIONS]
        cells = [f"{row['loss']:.3f}" for row in rows_here] + [f"{row['rmsd']:.3f} Å" for row in rows_here]
        lines.append(f"| {t:g} | " + " | ".join(cells) + " |")
    lines += _gap_lines(final)
    return "\n".join([*lines, "", "![Training and validation curves](images/training.png)"])


def _last_complete(validation: list[Row]) -> list[Row]:
    """Rows of the last validation that is as long as the longest: the last one of a run that goes on may be cut."""
    steps = Counter(row["step"] for row in validation)
    step = max(step for step, rows in steps.items() if rows == max(steps.values()))
    return [row for row in validation if row["step"] == step]


def _gap_lines(final: list[Row]) -> list[str]:
    """Table of the missing residues' errors without a map and in maps; nothing of a network without eyes for maps."""
    rows = [row for row in final if row["known_every"] == GAPS]
    if not rows:
        return []
    resolutions = sorted({row["resolution"] for row in rows})
    names = [f"map of {d:g} Å" if d else "no map" for d in resolutions]
    lines = [
        "",
        "Error of the missing CA atoms in gaps of 6 to 30 residues between known stretches, in maps with noise of 0.15",
        "of the signal:",
        "",
        "| $t$ | " + " | ".join(names) + " |",
        "|---" * (1 + len(names)) + "|",
    ]
    for t in sorted({row["t"] for row in rows}):
        here = {row["resolution"]: row["missing_ca"] for row in rows if row["t"] == t}
        lines.append(f"| {t:g} | " + " | ".join(f"{here[d]:.2f} Å" for d in resolutions) + " |")
    return lines


def _condition(row: Row) -> str:
    if row["known_every"] == GAPS:
        return f"gaps, {row['resolution']:g}"
    if row["known_every"]:
        return CONDITIONS[2]
    return CONDITIONS[0] if row["sequence"] else CONDITIONS[1]


def fill(card: str, text: str) -> str:
    """Put ``text`` between the markers of a model card.

    Raises
    ------
    ValueError
        If the card does not have both markers once.
    """
    if card.count(BEGIN) != 1 or card.count(END) != 1:
        raise ValueError("the model card must have each of the two markers once")
    before, rest = card.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def draw_curves(run: Path, picture: Path) -> None:
    """Draw the training loss, and the validation loss at each noise level, against time."""
    training, validation = _read(run / "training.csv"), _read(run / "validation.csv")
    figure = Figure(figsize=(8.0, 3.4), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([row["minutes"] / 60 for row in training], [row["loss"] for row in training], color="#1f5fa8")
    left.set(xlabel="Hours", ylabel="Training loss")
    times = sorted({row["t"] for row in validation})
    for k, t in enumerate(times):
        curve = [row for row in validation if row["t"] == t and _condition(row) == CONDITIONS[0]]
        shade = 0.15 + 0.7 * k / max(1, len(times) - 1)
        right.plot(
            [row["minutes"] / 60 for row in curve],
            [row["loss"] for row in curve],
            color=(1 - shade, 0.45, shade),
            label=f"t = {t:g}",
        )
    right.set(xlabel="Hours", ylabel="Validation loss, with sequence")
    right.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for panel in (left, right):
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(picture, format="png", facecolor="white")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: a training run in, the model card and its picture out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="folder written by 'adp3d train'")
    parser.add_argument("--hardware", required=True, help="what it was trained on, in words")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder of the documentation")
    options = parser.parse_args(arguments)
    card = options.docs / "model_card.md"
    filled = fill(card.read_text(encoding="utf-8"), record(options.run, options.hardware))
    (options.docs / "images").mkdir(exist_ok=True)
    draw_curves(options.run, options.docs / "images" / "training.png")
    card.write_text(filled, encoding="utf-8")


def _read(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as handle:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(handle)]


if __name__ == "__main__":
    main()
