"""Refine bent models of held-out proteins in simulated maps.

Usage: ``python benchmarks/bent_models.py --data DATA [--bends 1 2 4 hinge] [--resolutions 3 4] [--split test]
[--processes N] [--resume]``. Writes ``jobs.csv``, ``summary.csv`` and ``bent_models.png``; the job folders stay in
``OUT/runs``.

Each true backbone is bent as a prediction may be: by a smooth random field (twelve waves of 25 to 50 A) of the given
size, or by a turn of its second part about a hinge in its middle third, by 10 to 40 degrees. Two stretches of ten
residues are pushed aside by up to 4 A besides, and the B-factor column holds a confidence as of a prediction: 90
and more, 40 to 70 in those stretches. The map is that of ``gaps.py``. Each job runs through
`adp3d.job.execute.execute` as the command line would run it. CA RMSDs are in the frame of the map, of all residues;
the correlation of the true backbone is over the same voxels as that of the result.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gemmi
import matplotlib
import numpy as np
import torch
from command import begin, benchmark_parser, run_command
from gaps import write_simulated
from held_out import Protein, add_split, proteins_of_split
from numpy.typing import NDArray
from parallel import add_options, compute
from report import Row, Table, column, write_table
from scipy.spatial.transform import Rotation
from starting_models import smooth_field

from adp3d.contract.specification import RefineSpec
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.measurement.density import bind_map
from adp3d.measurement.whole_map import MapFiles, read_whole_map
from adp3d.pipeline.outcome import describe_geometry
from adp3d.pipeline.problem import load_problem

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HINGE = "hinge"
ANGLES = (10.0, 40.0)
"""Degrees by which a hinge turns, least and most."""
WAVE_LENGTHS = (25.0, 50.0)
"""Angstrom: waves of smooth fields."""
SPOILED, STRETCH, PUSH = 2, 10, 4.0
"""Stretches that are pushed aside besides, their residues, and how far in the middle, in angstrom."""
SURE, UNSURE = (90.0, 98.0), (40.0, 70.0)
"""Ranges of the confidence of residues, elsewhere and in those stretches."""
SPAN = (0.3, 10.0)
"""Angstrom: ends of the line in the picture on which nothing has changed."""
GOALS = {(3.0, "1"): 0.5, (3.0, "2"): 0.7, (3.0, "4"): 1.0, (4.0, "1"): 0.8, (4.0, "2"): 1.0, (4.0, "4"): 1.5}
"""CA RMSD in angstrom by resolution and bend."""


def bent_backbone(x: NDArray[np.float64], bend: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """Bend a backbone (N, 4, 3): ``hinge``, or the size of a smooth field in angstrom."""
    if bend != HINGE:
        return x + smooth_field(x.reshape(-1, 3), float(bend), rng, WAVE_LENGTHS).reshape(x.shape)
    n = len(x)
    hinge = int(rng.integers(n // 3, 2 * n // 3))
    axis = rng.normal(size=3)
    turn = Rotation.from_rotvec(np.radians(rng.uniform(*ANGLES)) * axis / np.linalg.norm(axis)).as_matrix()
    bent = x.copy()
    bent[hinge:] = (x[hinge:] - x[hinge, 0]) @ turn.T + x[hinge, 0]
    return bent


def spoiled_stretches(
    x: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Push stretches of a backbone aside, most in their middles; and which residues that concerns."""
    out, wrong = x.copy(), np.zeros(len(x), bool)
    size = PUSH * np.sin(np.pi * (np.arange(STRETCH) + 1) / (STRETCH + 1)) ** 2
    for part in range(SPOILED):
        low = 5 + part * (len(x) // SPOILED)
        first = int(rng.integers(low, low + len(x) // SPOILED - STRETCH - 10))
        direction = rng.normal(size=3)
        out[first : first + STRETCH] += size[:, None, None] * direction / np.linalg.norm(direction)
        wrong[first : first + STRETCH] = True
    return out, wrong


def write_model(path: Path, x: NDArray[np.float64], sequence: str, b_factor: NDArray[np.float64]) -> None:
    """Backbone (N, 4, 3) of one chain, with a B-factor for each residue."""
    structure, model, chain = gemmi.Structure(), gemmi.Model(1), gemmi.Chain("A")
    for i, letter in enumerate(sequence):
        residue = gemmi.Residue()
        residue.name = gemmi.expand_one_letter(letter, gemmi.ResidueKind.AA) or "UNK"
        residue.seqid = gemmi.SeqId(i + 1, " ")
        for name, position in zip(("N", "CA", "C", "O"), x[i], strict=True):
            atom = gemmi.Atom()
            atom.name, atom.element, atom.occ, atom.b_iso = name, gemmi.Element(name[0]), 1.0, float(b_factor[i])
            atom.pos = gemmi.Position(*position)
            residue.add_atom(atom)
        chain.add_residue(residue)
    model.add_chain(chain)
    structure.add_model(model)
    structure.setup_entities()
    structure.make_mmcif_document().write_file(str(path))


def run_one(
    number: int, protein: Protein, resolution: float, bend: str, confidence: str, folder: str,
    replicas: int, steps: int, seed: int,
) -> Row:  # fmt: skip
    """One job and its figures."""
    rng = np.random.default_rng([seed, number])
    truth = protein.x.numpy().astype(np.float64)
    start, wrong = spoiled_stretches(bent_backbone(truth, bend, rng), rng)
    stated = np.where(wrong, rng.uniform(*UNSURE, len(truth)), rng.uniform(*SURE, len(truth)))
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    name = f"{protein.name}_{resolution:g}_{bend}"
    model, volume, true_model = place / f"{name}_start.cif", place / f"{name}.mrc", place / f"{protein.name}_true.cif"
    write_model(model, start, protein.polymer.sequence, stated)
    write_model(true_model, truth, protein.polymer.sequence, stated)
    write_simulated(volume, protein, resolution, rng)
    spec = RefineSpec(
        output=str(place / name), map=str(volume), model=str(model), sequence=protein.polymer.sequence,
        resolution=resolution, confidence=confidence, replicas=replicas, steps=steps, seed=seed, trajectory_interval=0,
    )  # fmt: skip
    metrics = execute(JobFolder.create(spec, overwrite=True), NullEvents(), Control())
    chain = gemmi.read_structure(str(place / name / "result.cif"))[0][0]
    x = np.array([[residue.sole_atom(atom).pos.tolist() for atom in ("N", "CA", "C", "O")] for residue in chain])
    fit = _correlations(spec, true_model, np.stack([start, x, truth]))
    volume.unlink()

    def rmsd(positions: NDArray[np.float64]) -> float:
        return float(np.sqrt(np.square(positions[:, 1] - truth[:, 1]).sum(-1).mean()))

    return {
        "protein": protein.name,
        "residues": protein.n_residues,
        "resolution": resolution,
        "bend": bend,
        "rmsd_start": rmsd(start),
        "rmsd": rmsd(x),
        "median_error": float(np.median(np.linalg.norm(x[:, 1] - truth[:, 1], axis=-1))),
        "correlation_start": fit[0],
        "correlation": fit[1],
        "correlation_true": fit[2],
        "favoured": metrics["geometry"]["ramachandran_favoured_percent"],
        "favoured_true": describe_geometry(truth, protein.polymer)["ramachandran_favoured_percent"],
        "seconds": metrics["seconds"],
    }


def _correlations(spec: RefineSpec, true_model: Path, x: NDArray[np.float64]) -> list[float]:
    """Map-model correlation of backbones (K, N, 4, 3) over the voxels around the true one."""
    problem = load_problem(RefineSpec(output="none", map=spec.map, model=str(true_model)), NullEvents())
    scene = problem.scene(NullEvents())
    whole = read_whole_map(MapFiles(spec.map, None, spec.resolution), scene.points, scene.events)
    likelihood = bind_map(whole, scene).likelihood
    return [float(value) for value in likelihood.correlation(torch.as_tensor(x, dtype=torch.float32))]


def summary_of(rows: list[Row]) -> list[Row]:
    """Means, medians and worst for each resolution and bend."""
    out: list[Row] = []
    for resolution, bend in dict.fromkeys((float(str(r["resolution"])), str(r["bend"])) for r in rows):
        own = [r for r in rows if (r["resolution"], r["bend"]) == (resolution, bend)]
        rmsd = column(own, "rmsd")
        out.append(
            {
                "resolution": resolution,
                "bend": bend,
                "proteins": len(own),
                "rmsd_start": float(np.mean(column(own, "rmsd_start"))),
                "rmsd_mean": float(rmsd.mean()),
                "rmsd_median": float(np.median(rmsd)),
                "rmsd_worst": float(rmsd.max()),
                "goal": GOALS.get((resolution, bend)),
                "correlation": float(np.mean(column(own, "correlation"))),
                "correlation_true": float(np.mean(column(own, "correlation_true"))),
                "favoured": float(np.mean(column(own, "favoured"))),
                "favoured_true": float(np.mean(column(own, "favoured_true"))),
                "seconds": float(np.median(column(own, "seconds"))),
            }
        )
    return out


def draw(path: Path, rows: list[Row]) -> None:
    """CA RMSD after against before, a panel for each resolution."""
    resolutions = sorted({float(str(r["resolution"])) for r in rows})
    figure, panels = plt.subplots(
        1, len(resolutions), figsize=(4.5 * len(resolutions), 4.2), sharey=True, squeeze=False, layout="constrained"
    )
    for axes, resolution in zip(panels[0], resolutions, strict=True):
        for k, bend in enumerate(dict.fromkeys(str(r["bend"]) for r in rows)):
            own = [r for r in rows if (r["resolution"], r["bend"]) == (resolution, bend)]
            label = bend if bend == HINGE else f"bent by {bend} Å"
            axes.plot(column(own, "rmsd_start"), column(own, "rmsd"), ".", color=f"C{k}", label=label)
        axes.plot(SPAN, SPAN, color="C7", linewidth=0.8)
        axes.set(title=f"{resolution:g} Å", xlabel="CA RMSD of the start (Å)", xscale="log", yscale="log")
    panels[0, 0].set_ylabel("CA RMSD of the result (Å)")
    panels[0, 0].legend(fontsize=8)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Run the jobs and write tables and picture."""
    parser = benchmark_parser("bent_models", __doc__, steps=40, replicas=4, proteins=20)
    parser.add_argument("--resolutions", nargs="+", type=float, default=[3.0, 4.0])
    parser.add_argument("--bends", nargs="+", default=["1", "2", "4", HINGE], help="sizes in angstrom, or hinge")
    parser.add_argument("--confidence", default="plddt", help="what the job is told of the B-factor column")
    add_split(parser)
    add_options(parser)
    options = parser.parse_args()
    begin(options)
    table = Table(options.out / "jobs.csv")
    if options.resume:
        table.restore(("protein", "bend"))
    done = {(r["protein"], r["bend"], float(str(r["resolution"]))) for r in table.rows}
    proteins = proteins_of_split(options.data, options.split)
    usable = [p for p in proteins if p.atoms is not None]
    for row in compute(run_one, tasks(usable[: options.proteins], options, done), options.processes):
        table.add(row)
        print(
            f"{row['protein']} bent by {row['bend']}, {row['resolution']} A: {row['rmsd_start']:.2f} -> "
            f"{row['rmsd']:.2f} A (median {row['median_error']:.2f}), correlation {row['correlation_start']:.3f} -> "
            f"{row['correlation']:.3f} (true {row['correlation_true']:.3f}), Ramachandran {row['favoured']:.0f} % "
            f"(true {row['favoured_true']:.0f}); {row['seconds']:.0f} s",
            flush=True,
        )
        write_table(options.out / "summary.csv", summary_of(table.rows))
    draw(options.out / "bent_models.png", table.rows)
    for line in summary_of(table.rows):
        print(line)


def tasks(
    proteins: list[Protein], options: argparse.Namespace, done: set[tuple[object, object, float]]
) -> list[tuple[object, ...]]:
    """Jobs to do, protein by protein."""
    return [
        (i, p, d, bend, options.confidence, str(options.out / "runs"), options.replicas, options.steps, options.seed)
        for i, p in enumerate(proteins)
        for d in options.resolutions
        for bend in options.bends
        if (p.name, bend, d) not in done
    ]


if __name__ == "__main__":
    run_command(main)
