"""The same job in maps that differ in what should not matter.

Usage: ``python benchmarks/robustness.py --data FOLDER [--resolution 3] [--proteins N] [--processes N] [--resume]``.
Writes ``jobs.csv`` and ``robustness.png``; the job folders stay in ``OUT/runs``.

Held-out proteins lose 35 % of their residues as in ``gaps.py``, and are built in the map simulated there: as it is, its
values times 1,000, plus a constant, cut at 3 A around the true model, without negative values, sharpened by
B = -100 A^2, and blurred by 100 A^2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib
import numpy as np
from command import begin, benchmark_parser, run_command
from gaps import TEXT, run_job, said, specification, write_case
from held_out import Protein, held_out_proteins
from parallel import add_options, compute
from report import Row, Table, column
from scipy.spatial import cKDTree

from adp3d.density.fourier import filtered
from adp3d.density.map import DensityMap
from adp3d.density.read import read_map
from adp3d.density.write import write_map

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ZONE = 3.0
"""Angstrom around atoms of the true model that a zoned map keeps."""
SHARPENING = 100.0
"""B in A^2."""
REACH = 12.0
"""Angstrom by which a map is extended before it is filtered."""


def zoned(density: DensityMap, atoms: np.ndarray) -> np.ndarray:
    """Values near atoms (M, 3), and nothing elsewhere."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in density.shape), indexing="ij"), -1)
    distance, _ = cKDTree(atoms).query(density.to_points(index.reshape(-1, 3)), distance_upper_bound=ZONE)
    return np.where(np.isfinite(distance).reshape(density.shape), density.values, 0.0)


def blurred(density: DensityMap, b: float) -> np.ndarray:
    """Values with a B-factor, in A^2, more."""
    return filtered(density, lambda s2: np.exp(-0.25 * b * s2), REACH).values


CHANGES: Mapping[str, Callable[[DensityMap, np.ndarray], np.ndarray]] = {
    "as it is": lambda density, atoms: density.values,
    "times 1,000": lambda density, atoms: 1000.0 * density.values,
    "plus a constant": lambda density, atoms: density.values + 5.0 * density.values.std(),
    "zoned at 3 A": zoned,
    "no negative values": lambda density, atoms: np.maximum(density.values, 0.0),
    "sharpened by 100 A^2": lambda density, atoms: blurred(density, -SHARPENING),
    "blurred by 100 A^2": lambda density, atoms: blurred(density, SHARPENING),
}


def run_one(
    number: int, protein: Protein, resolution: float, change: str, folder: str, replicas: int, steps: int, seed: int
) -> Row:
    """One job in one map."""
    assert protein.atoms is not None
    place, name = Path(folder), f"{protein.name}_{list(CHANGES).index(change)}"
    known, model, volume = write_case(place, name, number, protein, resolution, seed)
    density = read_map(volume)
    write_map(density.with_values(CHANGES[change](density, protein.atoms.xyz).astype(np.float32)), volume)
    spec = specification(place, name, model, volume, protein, resolution, replicas, steps, seed)
    row = run_job(spec, protein, known)
    volume.unlink()
    return {"protein": protein.name, "map": change, "resolution": resolution, **row}


def draw(path: Path, rows: list[Row]) -> None:
    """RMSD of what was missing in each map, a line for each protein."""
    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    for k, protein in enumerate(dict.fromkeys(str(row["protein"]) for row in rows)):
        own = sorted((r for r in rows if r["protein"] == protein), key=lambda r: list(CHANGES).index(str(r["map"])))
        axes.plot([str(r["map"]) for r in own], column(own, "missing_rmsd"), "o-", color=f"C{k}", label=protein)
    axes.set(ylabel="CA RMSD of missing residues (Å)", ylim=(0, None))
    axes.tick_params(axis="x", rotation=20)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Run the jobs and write table and picture."""
    parser = benchmark_parser("robustness", __doc__, steps=20, proteins=2)
    parser.add_argument("--resolution", type=float, default=3.0)
    add_options(parser)
    options = parser.parse_args()
    begin(options)
    usable = [p for p in held_out_proteins(options.data, 1) if p.atoms is not None][: options.proteins]
    table = Table(options.out / "jobs.csv")
    if options.resume:
        table.restore(("protein", "map", *TEXT))
    done = {(row["protein"], row["map"]) for row in table.rows}
    tasks = [
        (i, p, options.resolution, change, str(options.out / "runs"), options.replicas, options.steps, options.seed)
        for i, p in enumerate(usable)
        for change in CHANGES
        if (p.name, change) not in done
    ]
    for row in compute(run_one, tasks, options.processes):
        table.add(row)
        print(f"{row['protein']} {row['map']}: {said(row)}", flush=True)
    for protein in dict.fromkeys(str(row["protein"]) for row in table.rows):
        rmsd = column([row for row in table.rows if row["protein"] == protein], "missing_rmsd")
        print(f"{protein}: {rmsd.min():.2f} to {rmsd.max():.2f} A, {rmsd.max() - rmsd.min():.2f} A apart")
    draw(options.out / "robustness.png", table.rows)


if __name__ == "__main__":
    run_command(main)
