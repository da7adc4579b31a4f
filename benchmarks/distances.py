"""Fold held-out proteins from random CA-CA distances.

Usage: ``python benchmarks/distances.py --data FOLDER [--out FOLDER] [--replicas 8] [--steps 60] ...``.
Writes ``distances.csv`` (protein x m x prior) and ``summary.csv`` as it goes, then ``distances.png``.

The proteins are those of `held_out.held_out_proteins` and 8ok3. Each of m
pairs of CA atoms, drawn without repetition, has its exact distance measured. `adp3d.solver.folding.fold`
decides the hand without the truth: replicas fold, then fold again beside their mirror images, and the
ranking keeps as many as there were. RMSDs are over all backbone atoms after superposition. A structure
counts as a mirror image if reflecting it brings its CA atoms nearer to the truth; the rate ``before`` is
that of the first stage, ``after`` that of the replicas kept. Without a prior nothing tells the hands
apart, so the rates of the Gaussian chain are those of a coin.

``dps`` and ``langevin`` sample the posterior with the default prior, guided by the gradient of the residual through the
denoiser (no linear constraint can hold a distance), with as many calls of the network in one descent; they have one
stage, so their rates of mirror images are the same before and after.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import asdict, fields
from pathlib import Path

import matplotlib
import numpy as np
import torch
from command import begin, benchmark_parser, run_command
from completion import SAMPLERS
from completion import proteins as completion_proteins
from final_model import Geometry, finish, geometry_figures
from held_out import Protein
from numpy.typing import NDArray
from parallel import add_options, compute
from report import Row, Table, column, replica_figures, write_table
from torch import Tensor

from adp3d.ensemble.denoising_energy import denoising_energy
from adp3d.ensemble.ranking import SCALES, rank_replicas
from adp3d.likelihood.distances import DistanceLikelihood
from adp3d.physics.distances import DistanceOperator
from adp3d.prior.protocol import Prior
from adp3d.prior.registry import load_prior
from adp3d.prior.schedule import step_times
from adp3d.solver.choose_updates import Pull, choose_updates
from adp3d.solver.constrained_langevin import constrained_langevin
from adp3d.solver.folding import fold, plain_sampler, planned_runs
from adp3d.solver.likelihood_potential import LikelihoodPotential
from adp3d.solver.noise import ReplicaNoise
from adp3d.solver.posterior import Posterior
from adp3d.solver.posterior_sampling import posterior_sampling
from adp3d.validation.superpose import rmsd

matplotlib.use("Agg")
import matplotlib.pyplot as plt

COUNTS = (250, 500, 1000, 2000)
PRIORS = ("builtin", "gaussian", *SAMPLERS)
DPS_GUIDANCE = 0.03
LANGEVIN_MOBILITY, LANGEVIN_GUIDANCE = 4.0, 0.03
HELD_OUT = 21
SIGMA = 0.5
"""Standard deviation in angstrom that the likelihood takes, the package's own default."""
GOAL_COUNT, GOAL = 500, 1.77
"""The paper's accuracy, in angstrom, from this many distances for proteins near 127 residues."""
NEAR = (100, 155)
"""Residues of the proteins that count as near 127."""
GEOMETRY = tuple(field.name for field in fields(Geometry))
LABELS = {
    "builtin": "prior",
    "gaussian": "no prior",
    "dps": "posterior sampling (DPS)",
    "langevin": "Langevin, guided",
}
COLOURS = {"builtin": "C0", "gaussian": "C7", "dps": "C5", "langevin": "C6"}


def measure(protein: Protein, count: int, seed: int) -> DistanceLikelihood:
    """Exact distances of random CA pairs; with one seed, few pairs are among the many."""
    first, second = np.triu_indices(protein.n_residues, 1)
    order = np.random.default_rng(seed).permutation(len(first))[:count]
    pairs = torch.as_tensor(np.stack([first[order], second[order]], 1))
    operator = DistanceOperator.between_ca(pairs)
    return DistanceLikelihood.harmonic(operator, operator(protein.x[None])[0], SIGMA)


def fold_protein(protein: Protein, count: int, name: str, options: argparse.Namespace) -> Row:
    """Fold one protein with one prior; RMSDs and hands of its replicas in a row."""
    torch.set_num_threads(options.threads)
    start = time.perf_counter()
    prior = load_prior("builtin" if name in SAMPLERS else name, protein.polymer, torch.device("cpu"))
    likelihood = measure(protein, count, options.seed)
    first, found = (
        sample_posterior(prior, likelihood, name, options)
        if name in SAMPLERS
        else fold_replicas(prior, likelihood, options)
    )
    final = finish(found, protein.polymer)
    seconds = time.perf_counter() - start
    truth = protein.x.double().numpy()
    mirrored_before = is_mirrored(first, truth)
    mirrored_after = is_mirrored(final, truth)
    x = final.double().numpy().reshape(len(final), -1, 3)
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
        "satisfied": float(likelihood.satisfied(final[:1])[0]),
        **asdict(geometry_figures(final[0], protein.polymer)),
        "seconds": seconds,
    }


def fold_replicas(prior: Prior, likelihood: DistanceLikelihood, options: argparse.Namespace) -> tuple[Tensor, Tensor]:
    """Structures (replica, N, 4, 3) after the first stage, and those kept after the second, best first."""
    pull, origin = Pull(potentials=[LikelihoodPotential("distances", likelihood)]), torch.zeros(3)
    updates = choose_updates("proximal", prior.correlation, pull, origin)
    plain = plain_sampler(Posterior(prior, updates, origin), options.seed)
    stages: list[Tensor] = []

    def sample(stage: str, times: NDArray[np.float64], replicas: int, origin: Tensor | None) -> Tensor:
        stages.append(plain(stage, times, replicas, origin))
        return stages[-1]

    found = fold(sample, likelihood, lambda x: energy(prior, x, options.seed), options.steps, options.replicas)
    return stages[0], found.x


def sample_posterior(
    prior: Prior, likelihood: DistanceLikelihood, name: str, options: argparse.Namespace
) -> tuple[Tensor, Tensor]:
    """Samples (replica, N, 4, 3), and the same best first; as many calls of the network as `fold` takes."""
    calls = sum(run.steps * run.replicas for run in planned_runs(options.steps, options.replicas))
    times, noise = step_times(calls // options.replicas), ReplicaNoise(options.seed, 0, options.replicas)

    def gap(x: Tensor) -> Tensor:
        return (likelihood.operator(x) - likelihood.lower).square().sum(1).sqrt()

    if name == "dps":
        x = posterior_sampling(prior, gap, times, noise, torch.zeros(3), DPS_GUIDANCE)
    else:
        how = {"mobility": LANGEVIN_MOBILITY, "guidance": LANGEVIN_GUIDANCE}
        x = constrained_langevin(prior, times, noise, torch.zeros(3), misfit=gap, **how)
    terms = {"log_likelihood": likelihood(x), "energy": -energy(prior, x, options.seed)}
    return x, x[list(rank_replicas(terms, SCALES).order)]


def energy(prior: Prior, x: Tensor, seed: int) -> Tensor:
    """Denoising energy of structures (replica, N, 4, 3), (replica,)."""
    return denoising_energy(prior, x, torch.Generator().manual_seed(seed))


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
                    "fraction_below_goal": float((chosen < GOAL).mean()),
                    "rmsd_chosen_near_127_residues": _near(part),
                    "mirrored_before": float(column(part, "mirrored_before").mean()),
                    "mirrored_after": float(column(part, "mirrored_after").mean()),
                    "proteins_with_mirrored_choice": int(column(part, "chosen_is_mirrored").sum()),
                    **{name: float(column(part, name).mean()) for name in GEOMETRY},
                    "seconds_per_protein": float(column(part, "seconds").mean()),
                }
            )
    return summary


def _near(rows: list[Row]) -> float:
    """Mean RMSD of the chosen replicas of proteins near 127 residues."""
    residues = column(rows, "residues")
    near = (residues >= NEAR[0]) & (residues <= NEAR[1])
    return float(column(rows, "rmsd_chosen")[near].mean()) if near.any() else math.nan


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
        one.sort(key=lambda row: int(str(row["m"])))
        left.plot(column(one, "m"), column(one, "rmsd_chosen"), "-", color="C2", linewidth=0.6, alpha=0.5)
    left.axhline(GOAL, color="k", linestyle="--", linewidth=0.8, label=f"{GOAL} Å")
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
    parser.add_argument("--priors", nargs="+", default=PRIORS, choices=PRIORS, metavar="PRIOR")
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS, choices=COUNTS, metavar="M")
    add_options(parser)
    options = parser.parse_args()
    begin(options)
    table = Table(options.out / "distances.csv")
    if options.resume:
        table.restore(text=("protein", "prior"))
    done = {(row["protein"], int(str(row["m"])), row["prior"]) for row in table.rows}
    chosen = list(completion_proteins(options.data, options.proteins))
    waiting = [
        (protein, count, name, options)
        for count in options.counts
        for name in options.priors
        for protein in chosen
        if (protein.name, count, name) not in done
    ]
    for row in compute(fold_protein, waiting, options.processes):
        table.add(row)
        print(
            f"{row['protein']} ({row['residues']} residues), m = {row['m']}, {LABELS[str(row['prior'])]}: "
            f"chosen {row['rmsd_chosen']:.2f}, best {row['rmsd_best']:.2f}, "
            f"mean {row['rmsd_mean']:.2f} A, mirror images {row['mirrored_before']:.0%} before and "
            f"{row['mirrored_after']:.0%} after, {row['seconds']:.0f} s",
            flush=True,
        )
        write_table(options.out / "summary.csv", summarise(table.rows))
    summary = summarise(table.rows)
    write_table(options.out / "summary.csv", summary)
    draw(options.out / "distances.png", table.rows, summary)
    for row in summary:
        goal = f" (goal: below {GOAL} A)" if row["m"] == GOAL_COUNT and row["prior"] == "builtin" else ""
        print(
            f"m = {row['m']}, {LABELS[str(row['prior'])]}: chosen {row['rmsd_chosen']:.2f}, "
            f"{row['fraction_below_goal']:.0%} of proteins below {GOAL} A, "
            f"near 127 residues {row['rmsd_chosen_near_127_residues']:.2f}{goal}"
        )


if __name__ == "__main__":
    run_command(main)
