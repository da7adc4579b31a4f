"""One job with a map, distances and a scattering curve, beside jobs with one of them.

Usage: ``python benchmarks/combination.py --data FOLDER [--proteins 4] [--resolution 7] [--processes N] [--resume]``.
Writes ``jobs.csv`` and ``combination.png``; the job folders stay in ``OUT/runs``.

Held-out proteins lose 35 % of their residues as in ``gaps.py``. What is measured of each is poor: a map at 7 A with
noise of 0.3 of its signal; ten distances for each hundred residues between CA atoms of which one or both are missing,
8 to 30 A apart and with errors of 1 A; and a scattering curve to q = 0.3 1/A, Debye's sum over all atoms in water
(hydrogens on their residue's carbon and nitrogen atoms), with errors of 1 % and more at wide angles. `adp3d complete`
takes the known residues with nothing else, with distances, and with the curve; `adp3d refine` takes the map, and all
three together.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from command import begin, benchmark_parser, run_command
from gaps import TEXT, remove_segments, run_job, said, write_simulated, write_start
from held_out import Protein, add_split, proteins_of_split
from numpy.typing import NDArray
from parallel import add_options, compute
from report import Row, Table, column
from scipy.spatial import cKDTree

from adp3d.contract.specification import CompleteSpec, RefineSpec
from adp3d.measurement.saxs_beads import HYDROGENS, contrast
from adp3d.training.dataset import ELEMENTS

matplotlib.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]

DISTANCES = 0.1
"""Measured for each residue of the protein."""
APART = (8.0, 30.0)
"""Angstrom between residues whose distance is measured: what cross-links and spin labels tell."""
ERROR = 1.0
"""Standard deviation of a distance in angstrom."""
NOISE = 0.3
"""Of the map, in its signal."""
Q = np.linspace(0.01, 0.3, 60)
"""1/angstrom."""
COUNTING = 0.01
"""Relative error of the curve where it is strongest; it grows as counts fall."""
WAYS = ("none", "distances", "scattering", "map", "all three")


def write_distances(path: Path, protein: Protein, known: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """Distances between CA atoms, at least one of each two missing, as ``adp3d`` reads them."""
    ca = protein.x[:, 1].double().numpy()
    first, second = np.triu_indices(len(ca), 4)
    apart = np.linalg.norm(ca[first] - ca[second], axis=1)
    usable = np.flatnonzero((apart > APART[0]) & (apart < APART[1]) & ~(known[first] & known[second]))
    chosen = rng.choice(usable, min(round(DISTANCES * len(ca)), len(usable)), replace=False)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("residue1", "residue2", "distance", "sigma"))
        for pair in chosen:
            measured = max(apart[pair] + ERROR * rng.standard_normal(), 3.0)
            writer.writerow((first[pair] + 1, second[pair] + 1, f"{measured:.2f}", ERROR))


def scattering(protein: Protein) -> Array:
    """Intensity at `Q` of a protein's own atoms in water, by Debye's sum."""
    assert protein.atoms is not None
    cloud = protein.atoms
    # rows of the archive's chain that the run consists of: an entry may show more than is taken here
    _, nearest = cKDTree(cloud.xyz).query(protein.x[:, 1].numpy())
    rows = cloud.residue[nearest]
    types = dict(zip(rows.tolist(), protein.polymer.sequence, strict=True))
    own = np.flatnonzero(np.isin(cloud.residue, rows))
    heavy = [ELEMENTS[kind] for kind in cloud.element[own]]
    bearing = np.array([element in "CN" for element in heavy])
    shares = np.bincount(cloud.residue[own], weights=bearing)
    factors = {element: contrast(element, Q) for element in (*ELEMENTS, "H")}
    amplitude = np.stack([factors[element] for element in heavy])
    for i, row in enumerate(cloud.residue[own].tolist()):
        if bearing[i]:
            hydrogens = HYDROGENS.get(types[row], HYDROGENS["A"]) + 2  # those of N and CA
            amplitude[i] += hydrogens / shares[row] * factors["H"]
    xyz = cloud.xyz[own].astype(np.float64)
    apart = np.linalg.norm(xyz[:, None] - xyz, axis=-1)
    return np.array([f @ np.sinc(q * apart / math.pi) @ f for q, f in zip(Q, amplitude.T, strict=True)])


def write_curve(path: Path, protein: Protein, rng: np.random.Generator) -> None:
    """Scattering curve with errors, as ``adp3d`` reads it."""
    exact = scattering(protein)
    sigma = COUNTING * np.sqrt(exact * exact.max())
    measured = exact + sigma * rng.standard_normal(len(exact))
    rows = (f"{q:.5f} {i:.6e} {s:.6e}\n" for q, i, s in zip(Q, measured, sigma, strict=True))
    path.write_text("# q in 1/A\n" + "".join(rows), encoding="utf-8")


@dataclass(frozen=True)
class Effort:
    """What all jobs have in common."""

    resolution: float
    folder: str
    replicas: int
    steps: int
    seed: int


def run_one(number: int, protein: Protein, way: str, effort: Effort) -> Row:
    """One job with what one of `WAYS` takes."""
    place = Path(effort.folder)
    place.mkdir(parents=True, exist_ok=True)
    stem = f"{protein.name}_{way.replace(' ', '_')}"
    # the same in all jobs of a protein, whichever are run
    rng = np.random.default_rng([effort.seed, number])
    known = remove_segments(protein.n_residues, rng)
    model, volume, pairs, curve = (place / f"{stem}{end}" for end in ("_start.cif", ".mrc", ".csv", ".dat"))
    write_start(model, protein, known, rng)
    write_distances(pairs, protein, known, rng)
    write_curve(curve, protein, rng)
    write_simulated(volume, protein, effort.resolution, rng, NOISE)
    common = {
        "output": str(place / stem), "model": str(model), "sequence": protein.polymer.sequence,
        "replicas": effort.replicas, "steps": effort.steps, "seed": effort.seed, "trajectory_interval": 0,
        "side_chains": "none", "distance_restraints": str(pairs) if way in ("distances", "all three") else None,
        "saxs": str(curve) if way in ("scattering", "all three") else None,
    }  # fmt: skip
    if way in ("map", "all three"):
        spec = RefineSpec(map=str(volume), resolution=effort.resolution, unseen="build", **common)
        row = run_job(spec, protein, known)
    else:
        row = run_job(CompleteSpec(**common), protein, known)
    volume.unlink()
    return {"protein": protein.name, "way": way, **row}


def draw(path: Path, rows: Sequence[Row]) -> None:
    """RMSD of what was missing by what was measured, a line for each protein."""
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for k, protein in enumerate(dict.fromkeys(str(row["protein"]) for row in rows)):
        own = {row["way"]: row for row in rows if row["protein"] == protein}
        shown = [way for way in WAYS if way in own]
        axes.plot(
            [WAYS.index(way) for way in shown],
            column([own[way] for way in shown], "missing_rmsd"),
            "o-",
            color=f"C{k}",
            label=protein,
        )
    axes.set(xticks=range(len(WAYS)), xticklabels=WAYS, ylabel="CA RMSD of what was missing (Å)", yscale="log")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    """Run the jobs and write table and picture."""
    parser = benchmark_parser("combination", __doc__, steps=30, replicas=4, proteins=4)
    parser.add_argument("--resolution", type=float, default=7.0)
    add_split(parser)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    add_options(parser)
    options = parser.parse_args()
    begin(options)
    usable = [p for p in proteins_of_split(options.data, options.split) if p.atoms is not None][: options.proteins]
    table = Table(options.out / "jobs.csv")
    if options.resume:
        table.restore(("protein", "way", *TEXT))
    done = {(row["protein"], row["way"]) for row in table.rows}
    effort = Effort(options.resolution, str(options.out / "runs"), options.replicas, options.steps, options.seed)
    tasks = [(i, p, way, effort) for i, p in enumerate(usable) for way in options.ways if (p.name, way) not in done]
    for row in compute(run_one, tasks, options.processes):
        table.add(row)
        print(f"{row['protein']} {row['way']}: {said(row)}", flush=True)
    for way in options.ways:
        own = [row for row in table.rows if row["way"] == way]
        print(f"{way}: missing {column(own, 'missing_rmsd').mean():.2f} A, mean of {len(own)} proteins")
    draw(options.out / "combination.png", table.rows)


if __name__ == "__main__":
    run_command(main)
