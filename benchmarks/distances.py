"""Fold held-out proteins from random CA-CA distances.

Usage: ``python benchmarks/distances.py --data FOLDER [--out FOLDER] [--replicas 8] [--steps 60] ...``.
Writes ``distances.csv`` (protein x m x prior), ``summary.csv`` and ``distances.png`` after each protein.

The proteins are the three of `held_out.held_out_proteins` nearest to 100 residues, and 8ok3. Each of m
pairs of CA atoms, drawn without repetition, has its exact distance measured. `adp3d.solver.folding.fold`
decides the hand without the truth: replicas fold, then fold again beside their mirror images, and the
ranking keeps as many as there were. RMSDs are over all backbone atoms after superposition. A structure
counts as a mirror image if reflecting it brings its CA atoms nearer to the truth; the rate ``before`` is
that of the first stage, ``after`` that of the replicas kept. Without a prior nothing tells the hands
apart, so the rates of the Gaussian chain are those of a coin.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import matplotlib
import numpy as np
import torch
from command import begin, benchmark_parser, run_command
from held_out import Protein, held_out_proteins, target_protein
from numpy.typing import NDArray
from report import Row, Table, column, replica_figures, write_table
from torch import Tensor

from adp3d.likelihood.distances import DistanceLikelihood
from adp3d.physics.distances import DistanceOperator
from adp3d.pipeline.distances import distance_updates
from adp3d.prior.registry import load_prior
from adp3d.solver.folding import fold, plain_sampler
from adp3d.solver.selection import denoising_energy
from adp3d.validation.superpose import rmsd

matplotlib.use("Agg")
import matplotlib.pyplot as plt

COUNTS = (250, 500, 1000, 2000)
PRIORS = ("builtin", "gaussian")
HELD_OUT = 3
LENGTH = 100
TARGET = "8ok3"
SIGMA = 0.5
"""Standard deviation in angstrom that the likelihood takes, the package's own default."""
GOAL_COUNT, GOAL = 500, 2.5
RESOLUTION = 1.5
LABELS = {"builtin": "prior", "gaussian": "no prior"}
COLOURS = {"builtin": "C0", "gaussian": "C7"}


def proteins(data: Path, count: int) -> list[Protein]:
    """Held-out proteins by their distance from 100 residues, then the paper's public target."""
    near = sorted(held_out_proteins(data, min(count, HELD_OUT)), key=lambda p: (abs(p.n_residues - LENGTH), p.name))
    chosen = near[: min(count, HELD_OUT)]
    return [*chosen, target_protein(data, TARGET)] if count > HELD_OUT else chosen


def measure(protein: Protein, count: int, seed: int) -> DistanceLikelihood:
    """Exact distances of random CA pairs; with one seed, few pairs are among the many."""
    first, second = np.triu_indices(protein.n_residues, 1)
    order = np.random.default_rng(seed).permutation(len(first))[:count]
    pairs = torch.as_tensor(np.stack([first[order], second[order]], 1))
    operator = DistanceOperator.between_ca(pairs)
    return DistanceLikelihood.harmonic(operator, operator(protein.x[None])[0], SIGMA)


def fold_protein(protein: Protein, count: int, name: str, options: argparse.Namespace) -> Row:
    """Fold one protein with one prior; RMSDs and hands of its replicas in a row."""
    start = time.perf_counter()
    prior = load_prior(name, protein.polymer, torch.device("cpu"))
    likelihood = measure(protein, count, options.seed)
    plain = plain_sampler(prior, distance_updates(prior.correlation, likelihood), torch.zeros(3), options.seed)
    stages: list[Tensor] = []

    def sample(stage: str, times: NDArray[np.float64], replicas: int, origin: Tensor | None) -> Tensor:
        stages.append(plain(stage, times, replicas, origin))
        return stages[-1]

    def energy(x: Tensor) -> Tensor:
        return denoising_energy(prior, x, torch.Generator().manual_seed(options.seed))

    found = fold(sample, likelihood, energy, options.steps, options.replicas)
    seconds = time.perf_counter() - start
    truth = protein.x.double().numpy()
    mirrored_before = is_mirrored(stages[0], truth)
    mirrored_after = is_mirrored(found.x, truth)
    x = found.x.double().numpy().reshape(len(found.x), -1, 3)
    return {
        "protein": protein.name,
        "residues": protein.n_residues,
        "m": count,
        "prior": name,
        "replicas": options.replicas,
        "steps": options.steps,
        # best first: the replica chosen without the truth is number 0
        **replica_figures(rmsd(x, np.broadcast_to(truth.reshape(-1, 3), x.shape), superposed=True), 0, "rmsd"),
        "mirrored_before": float(mirrored_before.mean()),
        "mirrored_after": float(mirrored_after.mean()),
        "chosen_is_mirrored": int(mirrored_after[0]),
        "satisfied": float(likelihood.satisfied(found.x[:1])[0]),
        "seconds": seconds,
    }


def is_mirrored(x: Tensor, truth: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the mirror image of each structure's CA trace lies nearer to the truth, (replica,)."""
    ca = x[:, :, 1].double().numpy()
    goal = np.broadcast_to(truth[:, 1], ca.shape)
    return rmsd(ca, goal, superposed=True, mirror=True) < rmsd(ca, goal, superposed=True)


def summarise(rows: list[Row]) -> list[Row]:
    """Averages over proteins for each m and prior."""
    summary: list[Row] = []
    for count in COUNTS:
        for name in PRIORS:
            part = [row for row in rows if row["m"] == count and row["prior"] == name]
            if not part:
                continue
            chosen = column(part, "rmsd_chosen")
            summary.append(
                {
                    "m": count,
                    "prior": name,
                    "proteins": len(part),
                    **{key: float(column(part, key).mean()) for key in ("rmsd_mean", "rmsd_best", "rmsd_chosen")},
                    "rmsd_chosen_std_of_proteins": float(chosen.std(ddof=1)) if len(part) > 1 else 0.0,
                    "rmsd_chosen_worst": float(chosen.max()),
                    "mirrored_before": float(column(part, "mirrored_before").mean()),
                    "mirrored_after": float(column(part, "mirrored_after").mean()),
                    "proteins_with_mirrored_choice": int(column(part, "chosen_is_mirrored").sum()),
                    "seconds_per_protein": float(column(part, "seconds").mean()),
                }
            )
    return summary


def draw(path: Path, rows: list[Row], summary: list[Row]) -> None:
    """RMSD against the number of distances, and the rates of mirror images."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    for name in PRIORS:
        part = [row for row in summary if row["prior"] == name]
        m = column(part, "m")
        left.plot(
            m,
            column(part, "rmsd_best"),
            "^-",
            color=COLOURS[name],
            label=f"{LABELS[name]}, best (by the truth)",
        )
        left.plot(m, column(part, "rmsd_mean"), "o:", color=COLOURS[name], label=f"{LABELS[name]}, mean of replicas")
    part = [row for row in summary if row["prior"] == "builtin"]
    chosen, spread = column(part, "rmsd_chosen"), column(part, "rmsd_chosen_std_of_proteins")
    bars = np.stack([np.minimum(spread, 0.9 * chosen), spread])
    label = "prior, chosen without the truth"
    left.errorbar(column(part, "m"), chosen, bars, fmt="s--", color="C2", capsize=3, label=label)
    for protein in dict.fromkeys(str(row["protein"]) for row in rows):
        one = [row for row in rows if row["protein"] == protein and row["prior"] == "builtin"]
        left.plot(column(one, "m"), column(one, "rmsd_chosen"), "-", color="C2", linewidth=0.6, alpha=0.5)
    left.axhline(RESOLUTION, color="k", linestyle="--", linewidth=0.8, label=f"{RESOLUTION} Å")
    count = max(int(str(row["proteins"])) for row in summary)
    left.set(xscale="log", yscale="log", ylabel="backbone RMSD (Å)", title=f"Mean over proteins: {count}")
    left.set_yticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
    left.legend(fontsize=8)
    right.plot(column(part, "m"), 100 * column(part, "mirrored_before"), "o-", color="C3", label="after folding")
    right.plot(column(part, "m"), 100 * column(part, "mirrored_after"), "s-", color="C0", label="kept")
    right.set(xscale="log", ylim=(-3, 103), ylabel="mirror images (%)", title="Hand, recognised without the truth")
    right.legend(fontsize=8)
    for axes in (left, right):
        axes.set_xlabel("CA-CA distances m")
        axes.minorticks_off()
        axes.set_xticks(COUNTS, [str(m) for m in COUNTS])
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Fold all proteins and write tables and picture."""
    parser = benchmark_parser("distances", __doc__, steps=60, proteins=HELD_OUT + 1)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS, choices=COUNTS, metavar="M")
    options = parser.parse_args()
    begin(options)
    table = Table(options.out / "distances.csv")
    summary: list[Row] = []
    for protein in proteins(options.data, options.proteins):
        for count in options.counts:
            for name in PRIORS:
                row = fold_protein(protein, count, name, options)
                table.add(row)
                print(
                    f"{protein.name} ({protein.n_residues} residues), m = {count}, {LABELS[name]}: "
                    f"chosen {row['rmsd_chosen']:.2f}, best {row['rmsd_best']:.2f}, "
                    f"mean {row['rmsd_mean']:.2f} A, mirror images {row['mirrored_before']:.0%} before and "
                    f"{row['mirrored_after']:.0%} after, {row['seconds']:.0f} s",
                    flush=True,
                )
        summary = summarise(table.rows)
        write_table(options.out / "summary.csv", summary)
        draw(options.out / "distances.png", table.rows, summary)
    for row in summary:
        goal = f" (goal: below {GOAL} A)" if row["m"] == GOAL_COUNT and row["prior"] == "builtin" else ""
        print(
            f"m = {row['m']}, {LABELS[str(row['prior'])]}: chosen {row['rmsd_chosen']:.2f}{goal}, "
            f"best {row['rmsd_best']:.2f}, mean {row['rmsd_mean']:.2f} A"
        )


if __name__ == "__main__":
    run_command(main)
