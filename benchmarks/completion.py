"""Complete held-out proteins of which every k-th residue is known.

Usage: ``python benchmarks/completion.py --data FOLDER [--out FOLDER] [--replicas 8] [--steps 100] ...``.
Writes ``completion.csv`` (protein x k x method), ``summary.csv`` and ``completion.png`` as it goes;
``--resume`` keeps the rows that are there, ``--processes 2`` computes two rows at a time.

The proteins are those of `held_out.held_out_proteins` and 8ok3. All four backbone atoms of each
known residue are measured with 0.02 A, so the frame is fixed and RMSDs are taken without superposition,
over all backbone atoms (``rmsd``) and over those of unknown residues (``missing``). The same solver runs
with the default prior, with and without the sequence, without showing it the known atoms
(``builtin-plain``: they act through the likelihood only, as in the paper), and with the Gaussian chain,
which is the run without a learned prior; ``dps`` and ``langevin`` sample the posterior with the default prior
(diffusion posterior sampling, and unadjusted Langevin dynamics with the known atoms as a hard constraint). Models are
finished as `adp3d complete` finishes them. ``best`` needs the truth; ``chosen`` is the replica that likelihood
and denoising energy prefer, and the geometry in the table is its own.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path

import matplotlib
import numpy as np
import torch
from command import begin, benchmark_parser, run_command
from final_model import Geometry, finish, geometry_figures
from held_out import Protein, held_out_proteins, target_protein
from parallel import add_options, compute
from report import Row, Table, column, replica_figures, write_table
from torch import Tensor

from adp3d.ensemble.denoising_energy import denoising_energy
from adp3d.ensemble.ranking import SCALES, rank_replicas
from adp3d.prior.evidence import Evidence, KnownAtoms
from adp3d.prior.protocol import Prior
from adp3d.prior.registry import load_prior
from adp3d.prior.schedule import step_times
from adp3d.solver.completion import complete as run_completion
from adp3d.solver.completion import total_steps
from adp3d.solver.constrained_langevin import constrained_langevin
from adp3d.solver.folding import plain_sampler
from adp3d.solver.noise import ReplicaNoise
from adp3d.solver.posterior import Posterior
from adp3d.solver.posterior_sampling import posterior_sampling
from adp3d.solver.updates import ProximalUpdate

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

SPACINGS = (2, 4, 8, 16)
SAMPLERS = ("dps", "langevin")
"""Ways to sample the posterior with the default prior, which take the place of Algorithm 1."""
PRIORS = ("builtin", "builtin-nosequence", "builtin-plain", "gaussian", *SAMPLERS)
HELD_OUT = 21
DPS_GUIDANCE = 0.03
LANGEVIN_MOBILITY = 4.0
TARGET = "8ok3"
TARGET_CHAIN = "8ok3_A"
SIGMA = 0.02
RESOLUTION = 1.5
GEOMETRY = tuple(field.name for field in fields(Geometry))
GOALS = {2: 0.5, 4: 1.0, 8: 1.5, 16: 4.0}
LABELS = {
    "builtin": "prior with sequence",
    "builtin-nosequence": "prior without sequence",
    "builtin-plain": "prior not shown the known atoms",
    "gaussian": "no prior",
    "dps": "posterior sampling (DPS)",
    "langevin": "Langevin, hard constraint",
}
COLOURS = {
    "builtin": "C0",
    "builtin-nosequence": "C1",
    "builtin-plain": "C4",
    "gaussian": "C7",
    "dps": "C5",
    "langevin": "C6",
}


def proteins(data: Path, count: int) -> Iterator[Protein]:
    """Give the held-out proteins by name, the last of the default number being the paper's public target."""
    first = min(count, HELD_OUT)
    yield from held_out_proteins(data, first)[:first]
    if count > HELD_OUT:
        yield target_protein(data, TARGET)


def complete(protein: Protein, k: int, name: str, options: argparse.Namespace) -> Row:
    """Complete one protein with one prior; RMSDs of all replicas in a row."""
    torch.set_num_threads(options.threads)
    start = time.perf_counter()
    prior = load_prior("builtin" if name in SAMPLERS else name, protein.polymer, torch.device("cpu"))
    x, chosen = complete_with(prior, protein, k, options, name if name in SAMPLERS else None)
    geometry = geometry_figures(x[chosen], protein.polymer)
    return {
        "protein": protein.name,
        "residues": protein.n_residues,
        "k": k,
        "prior": name,
        "replicas": options.replicas,
        "steps": options.steps,
        **rmsd_figures(x, protein, k, chosen),
        **asdict(geometry),
        "seconds": time.perf_counter() - start,
    }


def complete_with(
    prior: Prior, protein: Protein, k: int, options: argparse.Namespace, sampler: str | None = None
) -> tuple[Tensor, int]:
    """Complete models (replica, N, 4, 3) from every k-th residue, and the index of the one chosen.

    A sampler gets as many calls of the network as Algorithm 1 takes with its last descent.
    """
    known = known_atoms(protein, k)
    model = KnownAtoms.measured(protein.x, known, torch.full(known.shape, SIGMA))
    origin = model.observe(model.target).mean(0)
    noise = ReplicaNoise(options.seed, 0, options.replicas)
    times = step_times(total_steps(options.steps, options.replicas))
    if sampler == "dps":
        x = posterior_sampling(prior, model.gap, times, noise, origin, DPS_GUIDANCE)
    elif sampler == "langevin":
        x = constrained_langevin(prior, times, noise, origin, model, mobility=LANGEVIN_MOBILITY)
    else:
        update = ProximalUpdate(prior.correlation, model)
        sample = plain_sampler(Posterior(prior, [update], origin, Evidence(model)), options.seed)
        x = run_completion(sample, options.steps, options.replicas).x
    energy = denoising_energy(prior, x, torch.Generator().manual_seed(options.seed))
    ranking = rank_replicas({"log_likelihood": -0.5 * model.misfit(x), "energy": -energy}, SCALES)
    return finish(x, protein.polymer, model), ranking.chosen


def rmsd_figures(x: Tensor, protein: Protein, k: int, chosen: int) -> dict[str, float]:
    """RMSD over all residues and over those that had to be built."""
    return {
        **replica_figures(rmsd(x, protein.x), chosen, "rmsd"),
        **replica_figures(rmsd(x, protein.x, ~known_atoms(protein, k)), chosen, "missing"),
    }


def known_atoms(protein: Protein, k: int) -> Tensor:
    """Atoms (N, 4) of every k-th residue."""
    known = torch.zeros(protein.n_residues, 4, dtype=torch.bool)
    known[::k] = True
    return known


def rmsd(x: Tensor, truth: Tensor, atoms: Tensor | None = None) -> np.ndarray:
    """RMSD in place of the selected atoms (N, 4), for each replica, in angstrom."""
    square = (x - truth).double().square().sum(-1)
    chosen = square.flatten(1) if atoms is None else square[:, atoms]
    return chosen.mean(1).sqrt().numpy()


def summarise(rows: list[Row]) -> list[Row]:
    """Averages over proteins for each k and prior, and how often the prior beats the run without one."""
    without = {(row["protein"], row["k"]): float(str(row["rmsd_mean"])) for row in rows if row["prior"] == "gaussian"}
    summary: list[Row] = []
    for k in SPACINGS:
        for name in PRIORS:
            part = [row for row in rows if row["k"] == k and row["prior"] == name]
            if not part:
                continue
            mean = column(part, "rmsd_mean")
            bars = [without.get((row["protein"], k), np.inf) for row in part]
            summary.append(
                {
                    "k": k,
                    "prior": name,
                    "proteins": len(part),
                    "rmsd_mean": float(mean.mean()),
                    "rmsd_std_of_proteins": float(mean.std(ddof=1)) if len(part) > 1 else 0.0,
                    "rmsd_std_of_replicas": float(column(part, "rmsd_std").mean()),
                    "rmsd_best": float(column(part, "rmsd_best").mean()),
                    "rmsd_chosen": float(column(part, "rmsd_chosen").mean()),
                    "rmsd_worst_protein": float(mean.max()),
                    "missing_mean": float(column(part, "missing_mean").mean()),
                    "missing_chosen": float(column(part, "missing_chosen").mean()),
                    "proteins_better_than_no_prior": int((mean < bars).sum()),
                    **{name: float(column(part, name).mean()) for name in GEOMETRY},
                    "seconds_per_protein": float(column(part, "seconds").mean()),
                }
            )
    return summary


def draw(path: Path, rows: list[Row], summary: list[Row]) -> None:
    """RMSD against k: averages over the proteins, and the last protein alone as in the paper."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), sharey=True, layout="constrained")
    count = max(int(str(row["proteins"])) for row in summary)
    _panel(left, summary, "rmsd_std_of_proteins", f"Mean of {count} proteins (bars: $\\pm$1 std of proteins)")
    last = TARGET_CHAIN if any(row["protein"] == TARGET_CHAIN for row in rows) else rows[-1]["protein"]
    one = [row for row in rows if row["protein"] == last]
    _panel(right, one, "rmsd_std", f"{last} (bars: $\\pm$1 std of {rows[-1]['replicas']} replicas)")
    left.set_ylabel("backbone RMSD (Å)")
    left.legend(fontsize=8)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _panel(axes: Axes, rows: list[Row], spread: str, title: str) -> None:
    for name in PRIORS:
        part = sorted((row for row in rows if row["prior"] == name), key=lambda row: int(str(row["k"])))
        if not part:
            continue
        k, mean = column(part, "k"), column(part, "rmsd_mean")
        # a bar may reach below zero, which a log axis cannot show
        below = np.minimum(column(part, spread), 0.9 * mean)
        axes.errorbar(
            k,
            mean,
            np.stack([below, column(part, spread)]),
            color=COLOURS[name],
            capsize=3,
            marker="o",
            label=LABELS[name] + ", mean",
        )
        if name == "builtin":
            axes.plot(k, column(part, "rmsd_chosen"), "s--", color="C2", label="  chosen without the truth")
            axes.plot(k, column(part, "rmsd_best"), "^:", color="C3", label="  best replica (by the truth)")
    axes.axhline(RESOLUTION, color="k", linestyle="--", linewidth=0.8, label=f"{RESOLUTION} Å")
    axes.set(xscale="log", yscale="log", xlabel="subsampling factor k", title=title)
    axes.set_xticks(SPACINGS, [str(k) for k in SPACINGS])
    axes.set_yticks([0.2, 0.5, 1, 2, 5, 10], ["0.2", "0.5", "1", "2", "5", "10"])
    axes.minorticks_off()


def main() -> None:
    """Run all proteins and write tables and picture."""
    parser = benchmark_parser("completion", __doc__, steps=100, proteins=HELD_OUT + 1)
    parser.add_argument("--priors", nargs="+", default=PRIORS, choices=PRIORS, metavar="PRIOR")
    parser.add_argument("--spacings", type=int, nargs="+", default=SPACINGS, choices=SPACINGS, metavar="K")
    add_options(parser)
    options = parser.parse_args()
    begin(options)
    table = Table(options.out / "completion.csv")
    if options.resume:
        table.restore(text=("protein", "prior"))
    done = {(row["protein"], int(str(row["k"])), row["prior"]) for row in table.rows}
    chosen = list(proteins(options.data, options.proteins))
    waiting = [
        (protein, k, name, options)
        for k in options.spacings
        for name in options.priors
        for protein in chosen
        if (protein.name, k, name) not in done
    ]
    for row in compute(complete, waiting, options.processes):
        table.add(row)
        print(
            f"{row['protein']} ({row['residues']} residues), k = {row['k']}, {LABELS[str(row['prior'])]}: "
            f"mean {row['rmsd_mean']:.2f}, best {row['rmsd_best']:.2f}, "
            f"chosen {row['rmsd_chosen']:.2f} A, {row['seconds']:.0f} s",
            flush=True,
        )
        write_table(options.out / "summary.csv", summarise(table.rows))
    summary = summarise(table.rows)
    write_table(options.out / "summary.csv", summary)
    draw(options.out / "completion.png", table.rows, summary)
    for row in summary:
        goal = GOALS.get(int(str(row["k"]))) if row["prior"] in ("builtin", "builtin-nosequence") else None
        print(
            f"k = {row['k']}, {LABELS[str(row['prior'])]}: mean {row['rmsd_mean']:.2f}, "
            f"chosen {row['rmsd_chosen']:.2f}, best {row['rmsd_best']:.2f} A"
            + (f" (goal for the chosen replica: below {goal} A)" if goal else "")
        )


if __name__ == "__main__":
    run_command(main)
