"""Compare network designs for the default prior at equal training time.

Usage: ``python benchmarks/designs.py --data FOLDER [--out FOLDER] [--minutes 10] [--designs NAME ...]``.
Each design trains from scratch for the same processor time on one thread, with the same seed and data;
writes ``denoising.csv`` (validation loss by noise level) and ``completion.csv`` (backbone RMSD with every
8th and 16th residue known) over validation proteins, never held-out ones.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from command import begin, benchmark_parser, run_command
from completion import complete_with, rmsd_figures
from held_out import Protein, validation_proteins
from report import Row, Table, write_table

from adp3d.prior.builtin.network import DenoiserConfig
from adp3d.prior.builtin.prior import BuiltinPrior
from adp3d.prior.builtin.weights_file import load_denoiser
from adp3d.training.command import train_prior
from adp3d.training.descent import TrainingSpec

DESIGNS: dict[str, tuple[DenoiserConfig, bool]] = {
    "attention, one look": (DenoiserConfig(stages=(7,)), False),
    "attention, two looks": (DenoiserConfig(stages=(3, 4)), False),
    "graph network, two looks": (DenoiserConfig(stages=(3, 4), block="messages"), False),
    "attention, two looks, shown known atoms": (DenoiserConfig(stages=(3, 4)), True),
}
"""Sizes of each network and whether it learns to be shown known atoms. The last is the one shipped."""

SPACINGS = (8, 16)


def main() -> None:
    """Train and judge each design."""
    parser = benchmark_parser("designs", __doc__, steps=40, replicas=4, proteins=6)
    parser.add_argument("--minutes", type=float, default=10.0, help="processor time for each design")
    parser.add_argument("--designs", nargs="+", default=list(DESIGNS), choices=list(DESIGNS), metavar="NAME")
    options = parser.parse_args()
    begin(options)
    proteins = validation_proteins(options.data, options.proteins)
    denoising: list[Row] = []
    completion = Table(options.out / "completion.csv")
    for name in options.designs:
        folder = options.out / "runs" / name.replace(", ", "-").replace(" ", "_")
        weights = _train(name, folder, options)
        denoising += _last_validation(name, folder)
        write_table(options.out / "denoising.csv", denoising)
        for row in _complete(name, weights, proteins, options):
            completion.add(row)
            print(f"{name}, k = {row['k']}: mean {row['rmsd_mean']:.2f} A over {row['proteins']} proteins", flush=True)


def _train(name: str, folder: Path, options: argparse.Namespace) -> Path:
    config, show_known = DESIGNS[name]
    spec = TrainingSpec(
        minutes=options.minutes,
        seed=options.seed,
        cpu_time=True,
        show_known=show_known,
        validation_minutes=2 * options.minutes,
    )
    return train_prior(options.data / "structures", folder, spec=spec, config=config, device=torch.device("cpu"))


def _last_validation(name: str, folder: Path) -> list[Row]:
    """Losses at the end of a run, by noise level."""
    with (folder / "validation.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    last = [row for row in rows if row["step"] == rows[-1]["step"]]
    return [{"design": name, **row} for row in last]


def _complete(name: str, weights: Path, proteins: list[Protein], options: argparse.Namespace) -> list[Row]:
    network = load_denoiser(weights)
    rows: list[Row] = []
    for k in SPACINGS:
        figures = []
        for protein in proteins:
            prior = BuiltinPrior(network, protein.polymer, show_known=DESIGNS[name][1])
            x, chosen = complete_with(prior, protein, k, options)
            figures.append(rmsd_figures(x, protein, k, chosen))
        rows.append(
            {
                "design": name,
                "k": k,
                "proteins": len(proteins),
                "replicas": options.replicas,
                "steps": options.steps,
                **{key: float(np.mean([f[key] for f in figures])) for key in ("rmsd_mean", "rmsd_chosen")},
            }
        )
    return rows


if __name__ == "__main__":
    run_command(main)
