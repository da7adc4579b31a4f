"""Fill the training record of a model card: ``python docs/make_model_card.py RUN --hardware WORDS``.

RUN is the folder that ``adp3d train`` wrote. The section between the two markers in ``docs/model_card.md``, or in
``docs/model_card_side_chains.md`` for a run with ``--model sidechain``, is replaced, and its picture in ``docs/images``
drawn. ``--weights FILE`` takes weights that the run has left behind since, with what it had recorded up to them.
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

__all__ = ["draw_curves", "draw_side_chain_curves", "fill", "main", "record", "side_chain_record"]

DOCS = Path(__file__).parent
BEGIN, END = "<!-- training record: begin -->", "<!-- training record: end -->"

CONDITIONS = ("with sequence", "without sequence", "every 8th residue known")
GAPS = -1
"""How ``validation.csv`` marks known stretches with gaps of 6 to 30 residues."""

CASES = {
    "backbone": "backbone",
    "error": "backbone with errors of 0.3 Å",
    "half": "backbone and half of the side chains",
    "trace": "CA trace",
    "map": "backbone and map",
}
"""Ways in which the side-chain model is asked in its validation."""

Row = dict[str, float]


def side_chain_record(run: Path, hardware: str, weights: Path) -> str:
    """Markdown of the training record of the side-chain model.

    Parameters
    ----------
    run : Path
        Folder with ``training.csv`` and ``validation.csv``.
    hardware : str
        What it was trained on.
    weights : Path
        Those of the run at some time.
    """
    told = _told(weights)
    steps = int(told["steps"])
    training = [row for row in _read(run / "training.csv") if row["step"] <= steps]
    rows = [
        ("hardware", hardware),
        ("training time", f"{float(told['minutes']) / 60:.1f} hours"),
        ("updates", f"{steps:,}, of which {int(training[-1]['skipped']):,} skipped"),
        ("loss of the last 100 updates", f"{training[-1]['loss']:.3f} nats for a hidden code"),
        ("network", ", ".join(f"{name} {value}" for name, value in json.loads(told["config"]).items())),
        ("SHA-256 of the weights", f"`{hashlib.sha256(weights.read_bytes()).hexdigest()}`"),
    ]
    with (run / "validation.csv").open(newline="", encoding="utf-8") as handle:
        validation = [row for row in csv.DictReader(handle) if int(row["step"]) <= steps]
    step = max(int(row["step"]) for row in validation)
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""]
    lines += [
        f"Validation after {step:,} updates, with the averaged weights, one sample of each residue: percentage of",
        "residues whose first (first two) torsions are within 20 or 40 degrees, and RMSD of side-chain atoms beyond CB",
        "without superposition. *Codes* is what the decoder makes of the true codes, and so the best that a perfect",
        "diffusion could reach; *used* are codes of 1,000 that occur.",
        "",
        "| given | χ1 20° | χ1 40° | χ1+2 20° | χ1+2 40° | RMSD | codes: χ1 20° | codes: RMSD | nats | used |",
        "|---" * 10 + "|",
    ]
    for row in validation:
        if int(row["step"]) == step:
            cells = [f"{float(row[name]):.1f} %" for name in ("chi1_20", "chi1_40", "chi12_20", "chi12_40")]
            cells += [f"{float(row['rmsd']):.2f} Å", f"{float(row['rebuilt_chi1_20']):.1f} %"]
            cells += [f"{float(row['rebuilt_rmsd']):.2f} Å", f"{float(row['entropy']):.2f}", row["used"]]
            lines.append(f"| {CASES[row['case']]} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", "![Training and validation curves](images/training_side_chains.png)"])


def draw_side_chain_curves(run: Path, weights: Path, picture: Path) -> None:
    """Draw the training loss and how many first torsions are found against time, up to weights."""
    minutes = float(_told(weights)["minutes"])
    training = [row for row in _read(run / "training.csv") if row["minutes"] <= minutes]
    with (run / "validation.csv").open(newline="", encoding="utf-8") as handle:
        validation = [row for row in csv.DictReader(handle) if float(row["minutes"]) <= minutes]
    figure = Figure(figsize=(8.0, 3.4), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([row["minutes"] / 60 for row in training], [row["loss"] for row in training], color="#1f5fa8")
    left.set(xlabel="Hours", ylabel="Training loss: codes, then diffusion")
    for name, words in CASES.items():
        curve = [row for row in validation if row["case"] == name]
        right.plot([float(row["minutes"]) / 60 for row in curve], [float(row["chi1_40"]) for row in curve], label=words)
    right.set(xlabel="Hours", ylabel="First torsions within 40 degrees, %")
    right.legend(frameon=False, fontsize=7)
    for panel in (left, right):
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(picture, format="png", facecolor="white")


def record(run: Path, hardware: str, weights: Path | None = None) -> str:
    """Markdown of the training record.

    Parameters
    ----------
    run : Path
        Folder with ``weights.safetensors``, ``training.csv`` and ``validation.csv``.
    hardware : str
        What it was trained on.
    weights : Path, optional
        Those of the run by default.
    """
    weights = run / "weights.safetensors" if weights is None else weights
    told = _told(weights)
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
    parser.add_argument("--weights", type=Path, help="the run's weights at some time; its present ones by default")
    parser.add_argument("--hardware", required=True, help="what it was trained on, in words")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder of the documentation")
    options = parser.parse_args(arguments)
    weights = options.run / "weights.safetensors" if options.weights is None else options.weights
    images = options.docs / "images"
    images.mkdir(exist_ok=True)
    if _told(weights).get("kind") == "sidechain":
        card = options.docs / "model_card_side_chains.md"
        text = side_chain_record(options.run, options.hardware, weights)
        draw_side_chain_curves(options.run, weights, images / "training_side_chains.png")
    else:
        card = options.docs / "model_card.md"
        text = record(options.run, options.hardware, weights)
        draw_curves(options.run, images / "training.png")
    card.write_text(fill(card.read_text(encoding="utf-8"), text), encoding="utf-8")


def _told(weights: Path) -> dict[str, str]:
    """What a weights file says of itself."""
    with safe_open(weights, "np") as handle:
        return dict(handle.metadata())


def _read(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as handle:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(handle)]


if __name__ == "__main__":
    main()
