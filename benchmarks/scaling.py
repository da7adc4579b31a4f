"""Seconds and peak memory of one solver step for growing proteins.

Usage: ``python benchmarks/scaling.py [--out FOLDER] [--replicas 1] [--steps 5] [--threads 1] ...``.
Writes ``scaling.csv``, ``exponents.csv`` and ``scaling.png``; needs no data.

- ``completion``: the default prior and the exact proximal step, every fourth residue known;
- ``refinement``: two thirds of the residues known, and a density potential as in the refinement pipeline
  on the noisy map of the true structure, made by our own operator. The box grows with the protein.

The protein is a bundle of helices at the density of proteins, as compact for 2,000 residues as for 100.
Every size runs in a process of its own, so that peak memory (program and libraries included) is its own. The
steps span t = 0.7 to 0, as the cost of the density depends on the noise level; the first is not counted.
Exponents are fitted to the CPU seconds of the process, which other work on the machine hardly changes; wall
seconds stand beside them and agree on a free machine with one thread.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import time
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import torch
from command import begin, positive, run_command
from numpy.typing import NDArray
from report import Row, Table, column, write_table

from adp3d.job.memory import PeakMemory
from adp3d.likelihood.density import DensityLikelihood
from adp3d.measurement.density_potential import DensityPotential
from adp3d.physics.grid import Grid
from adp3d.physics.pseudo_atoms import backbone_to_atoms, prepare_atoms
from adp3d.prior.evidence import KnownAtoms
from adp3d.prior.protocol import Correlation
from adp3d.prior.registry import load_prior
from adp3d.prior.schedule import step_times
from adp3d.solver.adp3d import initial_state, solve
from adp3d.solver.noise import ReplicaNoise
from adp3d.solver.protocol import Level, SolverState
from adp3d.solver.updates import ProximalUpdate
from adp3d.structure.polymer import AMINO_ACIDS, Polymer

matplotlib.use("Agg")
import matplotlib.pyplot as plt

SIZES = (100, 200, 500, 1000, 2000)
TASKS = ("completion", "refinement")
START = 0.7
HELIX, PACKING, RISE, TURN = 18, 9.5, 1.5, math.radians(100.0)
# radius, angle and height of N, CA, C and O in an ideal alpha helix, relative to CA
CYLINDER = np.array([[1.55, -0.48, -0.9], [2.29, 0.0, 0.0], [1.66, 0.46, 1.1], [2.0, 0.42, 2.3]])
SPACING, PADDING, RESOLUTION, B_FACTOR = 1.0, 16.0, 3.0, 80.0
BLURS = (0.0, 40.0, 120.0, 400.0)
"""Pyramid of the refinement pipeline."""
GOAL_EXPONENT, GOAL_GIGABYTES = 1.3, 4.0
COLOURS = {"completion": "C0", "refinement": "C3"}


@dataclass(frozen=True)
class Case:
    """What one process measures."""

    task: str
    residues: int
    replicas: int
    steps: int
    seed: int
    threads: int


def helix_bundle(n_residues: int) -> NDArray[np.float64]:
    """Helices side by side and in layers, up and down in turn, about as long as wide; (N, 4, 3)."""
    count = math.ceil(n_residues / HELIX)
    layer_height = HELIX * RISE + 4.0
    # near a cube: count = columns^2 * layers, columns * PACKING = layers * layer_height; no layer nearly empty
    width = PACKING * (count * layer_height / PACKING) ** (1 / 3)
    layers = max(1, round(width / layer_height))
    columns = math.ceil(math.sqrt(count / layers))
    parts = []
    for i in range(count):
        layer, place = divmod(i, columns**2)
        row, column_ = divmod(place, columns)
        column_ = column_ if row % 2 == 0 else columns - 1 - column_
        residue = np.arange(HELIX)[:, None]
        angle = residue * TURN + CYLINDER[:, 1]
        height = residue * RISE + CYLINDER[:, 2] - HELIX * RISE / 2
        xyz = np.stack([CYLINDER[:, 0] * np.cos(angle), CYLINDER[:, 0] * np.sin(angle), height], -1)
        if i % 2:
            xyz *= np.array([1.0, -1.0, -1.0])  # half a turn about x: the hand stays
        parts.append(xyz + np.array([row * PACKING, column_ * PACKING, layer * layer_height]))
    bundle = np.concatenate(parts)[:n_residues]
    return bundle - bundle.mean((0, 1))


def proximal_update(
    case: Case, truth: torch.Tensor, polymer: Polymer, correlation: Correlation
) -> tuple[ProximalUpdate, int]:
    """Measurements of a task, as the pipelines set them up, and the voxels of its map."""
    known = torch.zeros(case.residues, 4, dtype=torch.bool)
    if case.task == "completion":
        known[::4] = True
        return ProximalUpdate(correlation, KnownAtoms.measured(truth, known, torch.full(known.shape, 0.02))), 0
    known[torch.arange(case.residues) % 30 < 20] = True
    model = KnownAtoms.measured(truth, known, torch.full(known.shape, 0.3))
    atoms = prepare_atoms(polymer.aatype, B_FACTOR)
    low = truth.amin((0, 1)) - PADDING
    size = torch.ceil((truth.amax((0, 1)) + PADDING - low) / SPACING).int().tolist()
    grid = Grid(tuple(low.tolist()), (SPACING,) * 3, tuple(size))
    values = atoms.density(grid)(backbone_to_atoms(truth[None], atoms))[0]
    generator = torch.Generator().manual_seed(case.seed)
    sigma = 0.2 * float(values.std())
    values = values + sigma * torch.randn(values.shape, generator=generator)
    likelihood = DensityLikelihood.from_map(values, grid, atoms, RESOLUTION, sigma**2, blurs=BLURS)
    return ProximalUpdate(correlation, model, [DensityPotential(likelihood, "density")]), grid.n_voxels


def measure(case: Case) -> Row:
    """Time of the steps of one case, and the peak memory of this process."""
    torch.set_num_threads(case.threads)
    with PeakMemory() as memory:
        truth = torch.as_tensor(helix_bundle(case.residues), dtype=torch.float32)
        letters = np.random.default_rng(case.seed).choice(list(AMINO_ACIDS), case.residues)
        polymer = Polymer.single_chain("".join(letters))
        prior = load_prior("builtin", polymer, torch.device("cpu"))
        update, voxels = proximal_update(case, truth, polymer, prior.correlation)
        noise = ReplicaNoise(case.seed, 0, case.replicas)
        start = truth.expand(case.replicas, -1, -1, -1)
        state = initial_state(prior, 1, noise, START, torch.zeros(3), start)
        moments = [(time.process_time(), time.perf_counter())]

        def observe(state: SolverState, level: Level) -> bool:
            moments.append((time.process_time(), time.perf_counter()))
            return True

        final = solve(prior, [update], step_times(case.steps + 1, start=START), state, noise, observe)
    if not bool(torch.isfinite(final.estimate).all()):
        raise ArithmeticError(f"{case.task} of {case.residues} residues gave coordinates that are not finite")
    cpu, wall = np.diff(np.array(moments), axis=0)[1:].mean(0)
    return {
        "task": case.task,
        "residues": case.residues,
        "replicas": case.replicas,
        "voxels": voxels,
        "cpu_seconds_per_step": float(cpu),
        "wall_seconds_per_step": float(wall),
        "peak_memory_gb": memory.bytes / 1e9,
        "threads": case.threads,
    }


def measure_apart(case: Case) -> Row:
    """Measure in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return pool.apply(measure, (case,))


def exponents(rows: list[Row]) -> list[Row]:
    """Exponents of the time of a step for each task and number of replicas, over all and large sizes."""
    found: list[Row] = []
    for task, replicas in dict.fromkeys((row["task"], row["replicas"]) for row in rows):
        part = [row for row in rows if (row["task"], row["replicas"]) == (task, replicas)]
        n, seconds = column(part, "residues"), column(part, "cpu_seconds_per_step")
        large = n >= 500
        found.append(
            {
                "task": task,
                "replicas": replicas,
                "exponent": _slope(n, seconds),
                "exponent_from_500_residues": _slope(n[large], seconds[large]),
                "largest": int(n.max()),
                "cpu_seconds_at_largest": float(seconds[n.argmax()]),
                "peak_memory_gb_at_largest": float(column(part, "peak_memory_gb")[n.argmax()]),
            }
        )
    return found


def _slope(n: NDArray[np.float64], seconds: NDArray[np.float64]) -> float:
    return float(np.polyfit(np.log(n), np.log(seconds), 1)[0]) if len(n) > 1 else math.nan


def draw(path: Path, rows: list[Row], fits: list[Row]) -> None:
    """Seconds and memory against residues, logarithmic."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    markers = dict(zip(dict.fromkeys(row["replicas"] for row in rows), "os^v", strict=False))
    for fit in fits:
        part = [row for row in rows if (row["task"], row["replicas"]) == (fit["task"], fit["replicas"])]
        n, seconds = column(part, "residues"), column(part, "cpu_seconds_per_step")
        style = {"color": COLOURS[str(fit["task"])], "marker": markers[fit["replicas"]], "linestyle": "none"}
        name = f"{fit['task']}, {fit['replicas']} replica{'s' if fit['replicas'] != 1 else ''}"
        left.loglog(n, seconds, **style, label=f"{name}: exponent {fit['exponent']:.2f}")
        if len(n) > 1:
            left.loglog(n, np.exp(np.polyval(np.polyfit(np.log(n), np.log(seconds), 1), np.log(n))), "-", color="C7")
        right.semilogx(n, column(part, "peak_memory_gb"), **style, label=name)
    right.axhline(GOAL_GIGABYTES, color="k", linestyle="--", linewidth=0.8, label=f"{GOAL_GIGABYTES:.0f} GB")
    left.set(ylabel="CPU seconds per step")
    right.set(ylabel="peak memory (GB)", ylim=(0, None))
    for axes in (left, right):
        axes.set_xlabel("residues")
        axes.set_xticks(SIZES, [str(n) for n in SIZES])
        axes.minorticks_off()
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Measure all cases and write tables and picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "scaling")
    parser.add_argument("--replicas", type=positive, nargs="+", default=[1])
    parser.add_argument("--sizes", type=positive, nargs="+", default=list(SIZES), help="numbers of residues")
    parser.add_argument("--steps", type=positive, default=5, help="steps that are timed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=positive, default=1)
    options = parser.parse_args()
    begin(options)
    table = Table(options.out / "scaling.csv")
    for replicas in options.replicas:
        for task in TASKS:
            for n in options.sizes:
                row = measure_apart(Case(task, n, replicas, options.steps, options.seed, options.threads))
                table.add(row)
                print(
                    f"{task}, {n} residues, {replicas} replicas, {row['voxels']} voxels: "
                    f"{row['cpu_seconds_per_step']:.3f} CPU s ({row['wall_seconds_per_step']:.3f} s) a step, "
                    f"{row['peak_memory_gb']:.2f} GB",
                    flush=True,
                )
    fits = exponents(table.rows)
    write_table(options.out / "exponents.csv", fits)
    draw(options.out / "scaling.png", table.rows, fits)
    for fit in fits:
        print(
            f"{fit['task']}, {fit['replicas']} replicas: CPU seconds grow as residues^{fit['exponent']:.2f} "
            f"(from 500 residues {fit['exponent_from_500_residues']:.2f}; goal {GOAL_EXPONENT}), "
            f"{fit['largest']} residues take {fit['cpu_seconds_at_largest']:.1f} s and "
            f"{fit['peak_memory_gb_at_largest']:.2f} GB (goal {GOAL_GIGABYTES:.0f} GB)"
        )


if __name__ == "__main__":
    run_command(main)
