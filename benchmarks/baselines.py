"""The tables of the paper's Figures 2 and 4: MAP estimation beside sampling of the posterior and no prior.

Usage: ``python benchmarks/baselines.py --data FOLDER [--proteins 10] [--replicas 4] [--steps 40] [--resume] ...``.
Writes ``completion.csv`` and ``distances.csv`` as it goes, their summaries and ``baselines.png`` at the end, and prints
both tables. The smallest held-out proteins come first, each with all of its rows, so a stopped run has whole proteins.

Figure 2: every k-th residue is known. Figure 4: m random CA-CA distances are known. All rows of a table take the same
number of network calls with the same weights and seeds:

- ``builtin``: Algorithm 1 with a prior that is shown the known atoms, the package's default;
- ``builtin-plain``: Algorithm 1 as in the paper, where known atoms act through their likelihood alone;
- ``dps``: diffusion posterior sampling (Chung et al. 2023), whose calls also go backwards through the network;
- ``langevin``: unadjusted Langevin dynamics with the known atoms as a hard constraint, the scheme of Chroma's
  ``SubstructureConditioner``; no linear constraint holds a distance, so there it is guided as DPS is;
- ``gaussian``: Algorithm 1 without a learned prior.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import completion
import distances
import matplotlib
import numpy as np
from command import begin, benchmark_parser, positive, run_command
from parallel import add_options, compute
from report import Row, Table, column, write_table

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

METHODS = ("builtin", "builtin-plain", "dps", "langevin", "gaussian")
WITH_DISTANCES = ("builtin", "dps", "langevin", "gaussian")
"""Nothing is shown to the prior there, so the default is the paper's way."""
SAMPLERS = completion.SAMPLERS
COUNTS = (250, 500, 1000)
AXES = {"completion": "k", "distances": "m"}
LABELS = {
    "builtin": "MAP",
    "builtin-plain": "MAP, known atoms not shown",
    "dps": "DPS",
    "langevin": "Langevin",
    "gaussian": "no prior",
}
COLOURS = completion.COLOURS


def calculate(figure: str, protein: completion.Protein, size: int, name: str, options: argparse.Namespace) -> Row:
    """One row of the table that belongs to a figure, ``completion`` or ``distances``."""
    work = completion.complete if figure == "completion" else distances.fold_protein
    return work(protein, size, name, options)


def summarise(figure: str, rows: list[Row]) -> list[Row]:
    """Means over proteins for each method and amount of data, over those proteins that have all of their rows.

    ``wins`` counts proteins on which the method's mean over replicas is better than that of DPS and of Langevin.
    """
    axis = AXES[figure]
    value = {(row["protein"], row[axis], row["prior"]): row for row in rows}
    methods = [name for name in METHODS if any(row["prior"] == name for row in rows)]
    summary: list[Row] = []
    for size in sorted({int(str(row[axis])) for row in rows}):
        names = {row["protein"] for row in rows if row[axis] == size}
        whole = sorted(n for n in names if all((n, size, method) in value for method in methods))
        for method in methods if whole else []:
            part = [value[n, size, method] for n in whole]
            mean = column(part, "rmsd_mean")
            rivals = [
                column([value[n, size, rival] for n in whole], "rmsd_mean") for rival in methods if rival in SAMPLERS
            ]
            summary.append(
                {
                    "figure": figure,
                    axis: size,
                    "method": method,
                    "proteins": len(part),
                    "rmsd_mean": float(mean.mean()),
                    "rmsd_std_of_proteins": float(mean.std(ddof=1)) if len(part) > 1 else 0.0,
                    "rmsd_std_of_replicas": float(column(part, "rmsd_std").mean()),
                    "rmsd_best": float(column(part, "rmsd_best").mean()),
                    "rmsd_chosen": float(column(part, "rmsd_chosen").mean()),
                    "wins": int(np.all([mean < rival for rival in rivals], axis=0).sum()) if rivals else 0,
                    "favoured_percent": float(column(part, "favoured_percent").mean()),
                    "seconds_per_protein": float(column(part, "seconds").mean()),
                }
            )
    return summary


def table_text(summary: list[Row], axis: str) -> str:
    """A table in Markdown: a row for each amount of data, RMSD of mean (best, chosen) for each method."""
    methods = [name for name in METHODS if any(row["method"] == name for row in summary)]
    lines = [f"| {axis} | proteins | " + " | ".join(LABELS[name] for name in methods) + " |"]
    lines.append("|---|---|" + "---|" * len(methods))
    for size in sorted({int(str(row[axis])) for row in summary}):
        at = {row["method"]: row for row in summary if row[axis] == size}
        cells = [f"{at[m]['rmsd_mean']:.2f} ({at[m]['rmsd_best']:.2f}, {at[m]['rmsd_chosen']:.2f})" for m in methods]
        lines.append(f"| {size} | {at[methods[0]]['proteins']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(path: Path, tables: dict[str, list[Row]]) -> None:
    """RMSD against k and against m, bars for the spread of proteins."""
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    _panel(panels[0], tables["completion"], "k", "rmsd_mean", "every k-th residue known, mean of replicas")
    _panel(panels[1], tables["distances"], "m", "rmsd_best", "CA-CA distances m, best replica (by the truth)")
    panels[0].set_ylabel("backbone RMSD (Å)")
    panels[0].legend(fontsize=8)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _panel(axes: Axes, summary: list[Row], axis: str, key: str, label: str) -> None:
    for name in METHODS:
        part = [row for row in summary if row["method"] == name]
        if part:
            axes.plot(column(part, axis), column(part, key), "o-", color=COLOURS[name], label=LABELS[name])
    sizes = sorted({int(str(row[axis])) for row in summary})
    axes.set(xscale="log", yscale="log", xlabel=label)
    axes.minorticks_off()
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.set_yticks([0.2, 0.5, 1, 2, 5, 10, 20], ["0.2", "0.5", "1", "2", "5", "10", "20"])


def main() -> None:
    """Run all rows, write tables and picture, print the tables."""
    parser = benchmark_parser("baselines", __doc__, steps=40, replicas=4, proteins=10)
    parser.add_argument("--spacings", type=int, nargs="*", default=completion.SPACINGS, metavar="K")
    parser.add_argument("--counts", type=positive, nargs="*", default=COUNTS, metavar="M")
    add_options(parser)
    options = parser.parse_args()
    begin(options)
    stored = {figure: Table(options.out / f"{figure}.csv") for figure in AXES}
    if options.resume:
        for table in stored.values():
            table.restore(text=("protein", "prior"))
    done = {
        (figure, row["protein"], int(str(row[axis])), row["prior"])
        for figure, axis in AXES.items()
        for row in stored[figure].rows
    }
    everyone = sorted(
        completion.proteins(options.data, completion.HELD_OUT + 1),
        key=lambda protein: (protein.n_residues, protein.name),
    )
    tasks = [
        (figure, protein, size, name, options)
        for protein in everyone[: options.proteins]
        for figure, sizes, names in (
            ("completion", options.spacings, METHODS),
            ("distances", options.counts, WITH_DISTANCES),
        )
        for size in sizes
        for name in names
        if (figure, protein.name, size, name) not in done
    ]
    for row in compute(calculate, tasks, options.processes):
        figure = "completion" if "k" in row else "distances"
        stored[figure].add(row)
        size = f"k = {row['k']}" if "k" in row else f"m = {row['m']}"
        print(
            f"{row['protein']} ({row['residues']} residues), {size}, {LABELS[str(row['prior'])]}: "
            f"mean {row['rmsd_mean']:.2f}, best {row['rmsd_best']:.2f}, chosen {row['rmsd_chosen']:.2f} A, "
            f"{row['seconds']:.0f} s",
            flush=True,
        )
    tables = {figure: summarise(figure, table.rows) for figure, table in stored.items()}
    for figure, axis in AXES.items():
        write_table(options.out / f"{figure}_summary.csv", tables[figure])
        print(f"\n{figure}: backbone RMSD in A, mean of replicas (best by the truth, chosen without it)\n")
        print(table_text(tables[figure], axis))
    if all(tables.values()):
        draw(options.out / "baselines.png", tables)


if __name__ == "__main__":
    run_command(main)
