"""Accuracy of a completion against the number of denoising steps.

Usage: ``python benchmarks/steps.py --data FOLDER [--out FOLDER] [--proteins 4] [--counts 25 50 100 200 1000]``.
Writes ``steps.csv`` and ``steps.png``: backbone RMSD and seconds for each number of steps of the first
descent, over validation proteins, because the default is chosen from this curve.
"""

from __future__ import annotations

import time
from pathlib import Path

import matplotlib
import numpy as np
import torch
from command import begin, benchmark_parser, positive, run_command
from completion import complete_with, rmsd_figures
from held_out import validation_proteins
from report import Row, Table, column

from adp3d.prior.registry import load_prior

matplotlib.use("Agg")
import matplotlib.pyplot as plt

COUNTS = (25, 50, 100, 200, 1000)
SPACINGS = (4, 8)


def main() -> None:
    """Run all numbers of steps and write table and picture."""
    parser = benchmark_parser("steps", __doc__, steps=1, replicas=4, proteins=4)
    parser.add_argument("--counts", nargs="+", type=positive, default=COUNTS)
    options = parser.parse_args()
    begin(options)
    table = Table(options.out / "steps.csv")
    proteins = validation_proteins(options.data, options.proteins)
    for count in options.counts:
        options.steps = count
        for k in SPACINGS:
            start = time.perf_counter()
            figures = []
            for protein in proteins:
                prior = load_prior("builtin", protein.polymer, torch.device("cpu"))
                x, chosen = complete_with(prior, protein, k, options)
                figures.append(rmsd_figures(x, protein, k, chosen))
            table.add(
                {
                    "steps": count,
                    "k": k,
                    "proteins": len(proteins),
                    "replicas": options.replicas,
                    "rmsd_mean": float(np.mean([f["rmsd_mean"] for f in figures])),
                    "rmsd_chosen": float(np.mean([f["rmsd_chosen"] for f in figures])),
                    "seconds_per_protein": (time.perf_counter() - start) / len(proteins),
                }
            )
            print(", ".join(f"{name} {value:.4g}" for name, value in table.rows[-1].items()), flush=True)
    draw(options.out / "steps.png", table.rows)


def draw(path: Path, rows: list[Row]) -> None:
    """RMSD of the chosen replica against steps, for each k."""
    figure, axes = plt.subplots(figsize=(5.5, 3.8), layout="constrained")
    for k in SPACINGS:
        part = [row for row in rows if row["k"] == k]
        axes.plot(column(part, "steps"), column(part, "rmsd_chosen"), "o-", label=f"every {k}th residue known")
    axes.set(xscale="log", xlabel="denoising steps of the first descent", ylabel="backbone RMSD (Å)", ylim=(0, None))
    axes.set_xticks(column(rows, "steps"), [str(int(n)) for n in column(rows, "steps")])
    axes.minorticks_off()
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    run_command(main)
