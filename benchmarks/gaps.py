"""Build missing segments of held-out proteins in simulated maps.

Usage: ``python benchmarks/gaps.py --data FOLDER [--resolutions 2 3 4 6] [--priors builtin builtin-nomap ...]
[--weights NAME=FILE ...] [--split test] [--processes N] [--resume]``. Writes ``jobs.csv``, ``segments.csv``,
``summary.csv`` and ``gaps.png``; the job folders stay in ``OUT/runs``.

Each protein loses segments of 6 to 30 residues, 35 % in all; the rest of its backbone gets an error of 0.2 A. The
map is simulated from all heavy atoms of its chain (electron form factors, B-factors of the entry, bulk solvent,
ordered waters, noise of 0.15 of the signal). Each job runs through `adp3d.job.execute.execute` as the command
line would run it. ``--priors`` are run with the default weights; ``--weights version-3=FILE`` runs ``builtin`` with
other ones beside them.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import gemmi
import matplotlib
import numpy as np
import torch
from command import begin, benchmark_parser, run_command
from held_out import Protein, add_split, proteins_of_split
from numpy.typing import NDArray
from parallel import add_options, compute
from report import Row, Table, column, write_table

from adp3d.contract.specification import CompleteSpec, RefineSpec
from adp3d.density.map import DensityMap
from adp3d.density.write import write_map
from adp3d.ensemble.recombination import missing_segments
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.placing.confidence_records import read_confidence
from adp3d.prior.registry import WEIGHTS_VARIABLE
from adp3d.prior.standard_map import SPACING
from adp3d.training.knowledge import built_and_missing
from adp3d.training.simulated_map import simulate_map
from adp3d.training.surroundings import Scatterers, join, ordered_waters, scatterers_of
from adp3d.training.validation import ordinary_conditions

matplotlib.use("Agg")
import matplotlib.pyplot as plt

MISSING, TOLERANCE = 0.35, 0.05
"""Fraction of residues removed, and how exactly."""
KNOWN_ERROR = 0.2
MARGIN = 12.0
"""Angstrom of the map around the protein."""
CLASSES = ((6, 10), (11, 16), (17, 30))
"""Lengths of segments that are summed up together."""
TEXT = ("lengths", "rmsds", "confidences", "errors")
"""Columns of `run_job` that are not numbers."""
RIGHT = 2.0
"""CA RMSD in angstrom below which a segment counts as found."""


def remove_segments(n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Residues left (n,): stretches of 12 to 40 between gaps of 6 to 30, 35 % of all missing."""
    for _ in range(10_000):
        known = built_and_missing(n, rng)
        if abs((~known).mean() - MISSING) < TOLERANCE and known.any():
            return known
    raise ValueError(f"no pattern of gaps found for {n} residues")


def write_start(path: Path, protein: Protein, known: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """Backbone of the residues that are left, each atom with an error."""
    structure, model, chain = gemmi.Structure(), gemmi.Model(1), gemmi.Chain("A")
    structure.cell = gemmi.UnitCell(1, 1, 1, 90, 90, 90)
    shown = protein.x.numpy() + KNOWN_ERROR * rng.standard_normal(protein.x.shape)
    for i, letter in enumerate(protein.polymer.sequence):
        if not known[i]:
            continue
        residue = gemmi.Residue()
        residue.name = gemmi.expand_one_letter(letter, gemmi.ResidueKind.AA) or "UNK"
        residue.seqid = gemmi.SeqId(i + 1, " ")
        for name, position in zip(("N", "CA", "C", "O"), shown[i], strict=True):
            atom = gemmi.Atom()
            atom.name, atom.element = name, gemmi.Element(name[0])
            atom.pos, atom.occ, atom.b_iso = gemmi.Position(*position), 1.0, 30.0
            residue.add_atom(atom)
        chain.add_residue(residue)
    model.add_chain(chain)
    structure.add_model(model)
    structure.setup_entities()
    structure.make_mmcif_document().write_file(str(path))


def write_simulated(
    path: Path, protein: Protein, resolution: float, rng: np.random.Generator, noise: float | None = None
) -> None:
    """Map of all atoms of the protein's chain, with noise of this fraction of the signal, if it is given."""
    assert protein.atoms is not None
    own = scatterers_of(protein.atoms, rng)
    conditions = ordinary_conditions(resolution)
    conditions = replace(conditions, noise=conditions.noise if noise is None else noise)
    everything: Scatterers = join([own, ordered_waters(own, round(conditions.waters * len(protein.x)), rng)])
    low, high = (protein.x.numpy().min((0, 1)) - MARGIN, protein.x.numpy().max((0, 1)) + MARGIN)
    made = simulate_map(
        everything, low, high, conditions, own.xyz, torch.Generator().manual_seed(int(rng.integers(2**62)))
    )
    write_map(DensityMap(made.values.numpy(), made.origin.astype(np.float64), SPACING * np.eye(3)), path)


def write_case(
    place: Path, name: str, number: int, protein: Protein, resolution: float, seed: int,
    shown: Callable[[Protein, NDArray[np.bool_]], Protein] = lambda protein, known: protein,
) -> tuple[NDArray[np.bool_], Path, Path]:  # fmt: skip
    """Residues that are left, their model and the map, of what ``shown`` says of the protein and of those."""
    rng = np.random.default_rng([seed, number])
    known = remove_segments(protein.n_residues, rng)
    place.mkdir(parents=True, exist_ok=True)
    model, volume = place / f"{name}_start.cif", place / f"{name}.mrc"
    write_start(model, protein, known, rng)
    write_simulated(volume, shown(protein, known), resolution, rng)
    return known, model, volume


def run_one(
    number: int, protein: Protein, resolution: float, variant: str, prior: str, weights: str, folder: str,
    replicas: int, steps: int, seed: int,
) -> Row:  # fmt: skip
    """One job; the figures of its segments are strings of numbers, one for each."""
    place, name = Path(folder), f"{protein.name}_{resolution:g}_{variant}"
    known, model, volume = write_case(place, name, number, protein, resolution, seed)
    if weights:
        os.environ[WEIGHTS_VARIABLE] = weights
    else:
        os.environ.pop(WEIGHTS_VARIABLE, None)
    spec = specification(place, name, model, volume, protein, resolution, replicas, steps, seed, prior)
    row = run_job(spec, protein, known)
    volume.unlink()
    return {"protein": protein.name, "variant": variant, "resolution": resolution, **row}


def specification(
    place: Path, name: str, model: Path, volume: Path, protein: Protein, resolution: float,
    replicas: int, steps: int, seed: int, prior: str = "builtin",
) -> RefineSpec:  # fmt: skip
    """What the command line would be told; residues that the map does not show are built, too."""
    return RefineSpec(
        output=str(place / name), map=str(volume), model=str(model), sequence=protein.polymer.sequence,
        resolution=resolution, prior=prior, replicas=replicas, steps=steps, seed=seed, trajectory_interval=0,
        unseen="build",
    )  # fmt: skip


def run_job(spec: RefineSpec | CompleteSpec, protein: Protein, known: NDArray[np.bool_]) -> Row:
    """Run it and compare its result with the truth."""
    metrics = execute(JobFolder.create(spec, overwrite=True), NullEvents(), Control())
    result = Path(spec.output) / "result.cif"
    models = gemmi.read_structure(str(result))
    built = {r.seqid.num: r for r in models[0][0]}
    ca = np.array([built[i + 1].sole_atom("CA").pos.tolist() for i in range(protein.n_residues)])
    stated = read_confidence(result)
    confidence = np.array([stated[models[0][0].name, i + 1, ""] for i in range(protein.n_residues)])
    error = np.linalg.norm(ca - protein.x[:, 1].numpy(), axis=1)
    segments = missing_segments(known, protein.polymer.chain_index)
    return {
        "residues": protein.n_residues,
        "missing": int((~known).sum()),
        "known_rmsd": float(np.sqrt(np.square(error[known]).mean())),
        "missing_rmsd": float(np.sqrt(np.square(error[~known]).mean())),
        "favoured": metrics["geometry"]["ramachandran_favoured_percent"],
        "correlation": metrics.get("map_cc_after"),
        "seconds": metrics["seconds"],
        "lengths": " ".join(str(s.stop - s.start) for s in segments),
        "rmsds": " ".join(f"{np.sqrt(np.square(error[s]).mean()):.3f}" for s in segments),
        "confidences": " ".join(f"{value:.1f}" for value in confidence[~known]),
        "errors": " ".join(f"{value:.3f}" for value in error[~known]),
    }


def said(row: Row) -> str:
    """The figures of one job in a line."""
    return f"missing {row['missing_rmsd']:.2f} A, known {row['known_rmsd']:.2f} A; {row['seconds']:.0f} s"


def segments_of(rows: list[Row]) -> list[Row]:
    """One row for each missing segment."""
    out: list[Row] = []
    for row in rows:
        lengths, rmsds = (str(row[key]).split() for key in ("lengths", "rmsds"))
        for length, rmsd in zip(lengths, rmsds, strict=True):
            kept = {key: row[key] for key in ("protein", "variant", "resolution")}
            out.append({**kept, "length": int(length), "rmsd": float(rmsd)})
    return out


def summary_of(rows: list[Row]) -> list[Row]:
    """Medians for each variant and resolution."""
    segments = segments_of(rows)
    out: list[Row] = []
    for variant, resolution in dict.fromkeys((str(r["variant"]), float(str(r["resolution"]))) for r in rows):
        own = [s for s in segments if (s["variant"], s["resolution"]) == (variant, resolution)]
        jobs = [r for r in rows if (r["variant"], r["resolution"]) == (variant, resolution)]
        rmsd, length = column(own, "rmsd"), column(own, "length")
        line: dict[str, object] = {"variant": variant, "resolution": resolution, "proteins": len(jobs)}
        for low, high in CLASSES:
            chosen = rmsd[(length >= low) & (length <= high)]
            line[f"segments_{low}_{high}"] = len(chosen)
            line[f"median_{low}_{high}"] = float(np.median(chosen)) if len(chosen) else None
        line["percent_within_2"] = 100 * float((rmsd < RIGHT).mean())
        line["known_rmsd"] = float(np.median(column(jobs, "known_rmsd")))
        line["favoured"] = float(np.mean(column(jobs, "favoured")))
        line["seconds"] = float(np.median(column(jobs, "seconds")))
        out.append(line)
    return out


def draw(path: Path, rows: list[Row]) -> None:
    """CA RMSD of segments against their length, a panel for each resolution."""
    segments = segments_of(rows)
    resolutions = sorted({float(str(s["resolution"])) for s in segments})
    figure, panels = plt.subplots(
        1, len(resolutions), figsize=(4 * len(resolutions), 4), sharey=True, squeeze=False, layout="constrained"
    )
    for axes, resolution in zip(panels[0], resolutions, strict=True):
        for k, variant in enumerate(dict.fromkeys(str(s["variant"]) for s in segments)):
            own = [s for s in segments if (s["variant"], s["resolution"]) == (variant, resolution)]
            shift = 0.15 * k
            axes.plot(column(own, "length") + shift, column(own, "rmsd"), ".", color=f"C{k}", label=variant, alpha=0.7)
        axes.axhline(RIGHT, color="C7", linewidth=0.8)
        axes.set(title=f"{resolution:g} Å", xlabel="residues missing in a row", yscale="log")
    panels[0, 0].set_ylabel("CA RMSD of the segment (Å)")
    panels[0, 0].legend(fontsize=8)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Run the jobs and write tables and picture."""
    parser = benchmark_parser("gaps", __doc__, steps=40, proteins=20)
    parser.add_argument("--resolutions", nargs="+", type=float, default=[2.0, 3.0, 4.0, 6.0])
    parser.add_argument("--priors", nargs="*", default=["builtin", "builtin-nomap"])
    parser.add_argument("--weights", nargs="*", default=[], help="NAME=FILE: builtin with other weights")
    add_split(parser)
    add_options(parser)
    options = parser.parse_args()
    begin(options)
    usable = [p for p in proteins_of_split(options.data, options.split) if p.atoms is not None]
    variants = [(name, name, "") for name in options.priors]
    variants += [(name, "builtin", str(Path(file).resolve())) for name, file in _pairs(options.weights)]
    table = Table(options.out / "jobs.csv")
    if options.resume:
        table.restore(("protein", "variant", *TEXT))
    done = {(r["protein"], r["variant"], float(str(r["resolution"]))) for r in table.rows}
    tasks = [
        (i, p, d, variant, prior, weights, str(options.out / "runs"), options.replicas, options.steps, options.seed)
        for i, p in enumerate(usable[: options.proteins])
        for d in options.resolutions
        for variant, prior, weights in variants
        if (p.name, variant, d) not in done
    ]
    for row in compute(run_one, tasks, options.processes):
        table.add(row)
        print(
            f"{row['protein']} {row['variant']} {row['resolution']} A: missing {row['missing_rmsd']:.2f} A, known "
            f"{row['known_rmsd']:.2f} A, segments {row['lengths']}: {row['rmsds']}; {row['seconds']:.0f} s",
            flush=True,
        )
        _write_summaries(options.out, table.rows)
    _write_summaries(options.out, table.rows)  # also where there was nothing left to do
    draw(options.out / "gaps.png", table.rows)
    for line in summary_of(table.rows):
        print(line)


def _write_summaries(folder: Path, rows: list[Row]) -> None:
    write_table(folder / "segments.csv", segments_of(rows))
    write_table(folder / "summary.csv", summary_of(rows))


def _pairs(values: list[str]) -> list[tuple[str, str]]:
    for value in values:
        if "=" not in value:
            raise argparse.ArgumentTypeError(f"{value} is not NAME=FILE")
    return [(value.split("=", 1)[0], value.split("=", 1)[1]) for value in values]


if __name__ == "__main__":
    run_command(main)
