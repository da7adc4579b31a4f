"""Refinement over resolution and noise, with half maps and without them.

Usage: ``python benchmarks/noise.py --data DATA [--resolutions 2 3 4 6 8] [--noise 0.1 0.5 1] [--proteins 2]``.
Writes ``jobs.csv`` and ``noise.png``; the job folders stay in ``OUT/runs``.

The smallest held-out proteins lose 35 % of their residues as in ``gaps.py``. Two half maps are simulated from all
heavy atoms with the B-factors of the entry, solvent, and independent noise that is filtered like the signal; their
mean is the map, whose noise is the given fraction of the signal. Each job runs twice: with the map alone, whose noise
is then one number for all frequencies, taken from what the model does not explain; and with ``--half-maps``, which
give the noise of each shell and place, and let the weight of the map be cross-validated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from command import begin, benchmark_parser, run_command
from gaps import TEXT, remove_segments, run_job, said, write_start
from held_out import Protein, held_out_proteins
from map_weight import write_halves
from parallel import add_options, compute
from report import Row, Table, column

from adp3d.contract.specification import RefineSpec

matplotlib.use("Agg")
import matplotlib.pyplot as plt

WAYS = ("one map", "half maps")


@dataclass(frozen=True)
class Effort:
    """What all jobs have in common."""

    folder: str
    replicas: int
    steps: int
    seed: int


def run_one(number: int, protein: Protein, resolution: float, noise: float, way: str, effort: Effort) -> Row:
    """One job."""
    stem = f"{protein.name}_{resolution:g}_{noise:g}_{WAYS.index(way)}"
    place = Path(effort.folder) / stem
    place.mkdir(parents=True, exist_ok=True)
    # the same in both ways
    rng = np.random.default_rng([effort.seed, number])
    known = remove_segments(protein.n_residues, rng)
    model = place / "start.cif"
    write_start(model, protein, known, rng)
    whole, first, second = write_halves(place, protein, resolution, noise, rng)
    spec = RefineSpec(
        output=str(place / "job"), map=whole, half_maps=(first, second) if way == "half maps" else None,
        model=str(model), sequence=protein.polymer.sequence, resolution=resolution, replicas=effort.replicas,
        steps=effort.steps, seed=effort.seed, trajectory_interval=0, unseen="build", side_chains="none",
    )  # fmt: skip
    row = run_job(spec, protein, known)
    for path in (whole, first, second):
        Path(path).unlink()
    return {"protein": protein.name, "resolution": resolution, "noise": noise, "way": way, **row}


def draw(path: Path, rows: Sequence[Row]) -> None:
    """RMSD of what was missing and of what was known against resolution, a line for each noise and way."""
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for axes, key in zip(panels, ("missing", "known"), strict=True):
        for k, noise in enumerate(sorted({float(str(row["noise"])) for row in rows})):
            for way, line in zip(WAYS, ("--", "-"), strict=True):
                own = [row for row in rows if (row["noise"], row["way"]) == (noise, way)]
                shown = sorted({float(str(row["resolution"])) for row in own})
                means = [column([r for r in own if r["resolution"] == d], f"{key}_rmsd").mean() for d in shown]
                axes.plot(shown, means, line, marker="o", color=f"C{k}", label=f"noise {noise:g}, {way}")
        axes.set(xlabel="resolution (Å)", ylabel=f"CA RMSD of what was {key} (Å)", yscale="log")
    panels[0].legend(fontsize=7)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    """Run the jobs and write table and picture."""
    parser = benchmark_parser("noise", __doc__, steps=20, replicas=2, proteins=2)
    parser.add_argument("--resolutions", nargs="+", type=float, default=[2.0, 3.0, 4.0, 6.0, 8.0])
    parser.add_argument("--noise", nargs="+", type=float, default=[0.1, 0.5, 1.0], help="noise over signal in the map")
    add_options(parser)
    options = parser.parse_args()
    begin(options)
    usable = [p for p in held_out_proteins(options.data, 1) if p.atoms is not None]
    usable.sort(key=lambda protein: protein.n_residues)
    table = Table(options.out / "jobs.csv")
    if options.resume:
        table.restore(("protein", "way", *TEXT))
    done = {(r["protein"], float(str(r["resolution"])), float(str(r["noise"])), r["way"]) for r in table.rows}
    effort = Effort(str(options.out / "runs"), options.replicas, options.steps, options.seed)
    tasks = [
        (i, protein, resolution, noise, way, effort)
        for i, protein in enumerate(usable[: options.proteins])
        for resolution in options.resolutions
        for noise in options.noise
        for way in WAYS
        if (protein.name, resolution, noise, way) not in done
    ]
    for row in compute(run_one, tasks, options.processes):
        table.add(row)
        print(f"{row['protein']} {row['resolution']} A, noise {row['noise']}, {row['way']}: {said(row)}", flush=True)
    draw(options.out / "noise.png", table.rows)


if __name__ == "__main__":
    run_command(main)
