"""Refine incomplete models in maps whose answer is known.

Usage: ``python benchmarks/refinement.py --data FOLDER [--quick] [--out FOLDER] [--replicas 8] ...``.
Writes ``refinement.csv``, ``segments.csv`` (CA RMSD of each missing segment), ``curves.csv`` and
``refinement.png`` after each map; the job folders stay in ``OUT/runs``.

- ``emd-20026``: experimental map, deposited model without the segments of the bundled example, and bent;
- ``7pzt``: noise-free simulated map at 2 A, ModelAngelo's own model, to be compared with the deposited one.
  That model was built in another box and is moved into ours by a mere shift, the mean CA offset from the
  deposited model: the one thing here that uses the truth before the result is judged;
- ``emd-30342``: experimental map at 3.9 A, deposited model without segments of 6 to 20 residues, and bent (slow,
  left out with ``--quick``);
- ``3j9s-a``: experimental map at 2.6 A and an AlphaFold model of which one domain was docked; nobody deposited
  a model, so only the map can judge (slow too).

A bent model has every atom moved by a smooth random field (waves of 20 to 40 A) of 0.8 A on average, as if a
related structure had been fitted as a rigid body.

Each job runs through `adp3d.job.execute.execute` in a process of its own, as the command line would
run it, so times and peak memory include everything. The sequence is that of the deposited entry. RMSDs
are in the frame of the map. In the curves of RMSD against completeness residues are ranked by their
error, as in the paper; ``by confidence`` ranks those of the chosen replica without the truth. The
replicas are those that the job leaves in ``ensemble.cif``, the chosen one being the result.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gemmi
import matplotlib
import numpy as np
from command import begin, benchmark_parser, run_command
from make_demo import REMOVED
from numpy.typing import NDArray
from report import Row, Table
from starting_models import incomplete_model, shifted_model

from adp3d.contract.specification import RefineSpec
from adp3d.ensemble.recombination import missing_segments
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.pipeline.problem import Problem, load_problem
from adp3d.placing.confidence_records import read_confidence
from adp3d.placing.target import build_target
from adp3d.structure.read import read_structure
from adp3d.validation.completeness import rmsd_against_completeness

matplotlib.use("Agg")
import matplotlib.pyplot as plt


@dataclass(frozen=True)
class Entry:
    """A map with the model to start from and the model to compare with.

    Attributes
    ----------
    name : str
    map, deposited : str
        Files below the data folder.
    resolution : float
        In angstrom.
    model : str or None
        Starting model; the deposited one without segments if None.
    confidence : str
        How its B-factor column is read.
    elsewhere : bool
        The starting model lies in another box and is shifted onto the deposited one.
    sequence : str or None
        FASTA file; the deposited model's own sequence if None.
    """

    name: str
    map: str
    deposited: str | None
    resolution: float
    model: str | None = None
    confidence: str = "none"
    elsewhere: bool = False
    sequence: str | None = None


ENTRIES = (
    Entry("emd-20026", "maps/emd-20026/map.mrc", "maps/emd-20026/deposited.pdb", 1.75),
    Entry(
        "7pzt",
        "targets/7pzt_simulated_2.0A.mrc.gz",
        "targets/7pzt.cif",
        2.0,
        "targets/7pzt_MA_2.0A.cif",
        "modelangelo",
        elsewhere=True,
    ),
    Entry("emd-30342", "maps/emd-30342/map.mrc", "maps/emd-30342/deposited.cif", 3.9),
    Entry(
        "3j9s-a",
        "maps/3j9s-a/map.mrc",
        None,
        2.6,
        "maps/3j9s-a/alphafold_docked.pdb",
        "plddt",
        sequence="maps/3j9s-a/sequence.fasta",
    ),
)
QUICK = ("emd-20026", "7pzt")


class PrintedEvents(NullEvents):
    """Messages and every tenth step on the standard output."""

    def progress(self, stage: str, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """Print now and then."""
        if step % 10 == 0 or step == total:
            figures = ", ".join(f"{name} {value:.3f}" for name, value in (metrics or {}).items())
            print(f"  {stage}: {step}/{total} {figures}", flush=True)

    def message(self, text: str, level: str = "info") -> None:
        """Print."""
        print(f"  {text}", flush=True)


def specify(entry: Entry, options: argparse.Namespace) -> RefineSpec:
    """Job for an entry, its starting model written first if need be."""
    folder = options.out / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    deposited = None if entry.deposited is None else options.data / entry.deposited
    model = folder / f"{entry.name}_start.cif"
    if deposited is None or (entry.model is not None and not entry.elsewhere):
        model = options.data / str(entry.model)
    elif entry.model is None:
        removed = REMOVED if entry.name == "emd-20026" else None
        incomplete_model(deposited, model, removed, options.seed)
    else:
        shifted_model(options.data / entry.model, deposited, model)
    if entry.sequence is not None:
        sequence = str(options.data / entry.sequence)
    else:
        sequence = build_target(read_structure(options.data / str(deposited)), None).polymer.sequence
    return RefineSpec(
        output=str(folder / entry.name),
        map=str(options.data / entry.map),
        model=str(model),
        sequence=sequence,
        reference=None if deposited is None else str(deposited),
        resolution=entry.resolution,
        confidence=entry.confidence,
        replicas=options.replicas,
        steps=options.steps,
        seed=options.seed,
        unseen="build",
        trajectory_interval=0,
    )


def run_job(spec: RefineSpec) -> dict[str, Any]:
    """Run a job from its beginning; its metrics."""
    return execute(JobFolder.create(spec, overwrite=True), PrintedEvents(), Control())


def apart(work: Callable[[RefineSpec], dict[str, Any]], spec: RefineSpec) -> dict[str, Any]:
    """Do work in a fresh process, whose peak memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return pool.apply(work, (spec,))


def ensemble_ca(path: Path) -> NDArray[np.float64]:
    """CA positions of all models of a file, best first, (replica, N, 3)."""
    models = gemmi.read_structure(str(path))
    return np.array([[r.sole_atom("CA").pos.tolist() for chain in model for r in chain] for model in models])


def summary_row(entry: Entry, metrics: Mapping[str, Any], options: argparse.Namespace) -> Row:
    """The figures of one job."""
    missing = [value for value in metrics.get("ca_rmsd_missing_by_replica", ()) if value is not None]
    return {
        "entry": entry.name,
        "residues": metrics["residues"],
        "resolution": entry.resolution,
        "replicas": options.replicas,
        "steps": options.steps,
        **{
            key: metrics.get(key)
            for key in (
                "completeness_before",
                "completeness_after",
                "ca_rmsd_start",
                "ca_rmsd_known",
                "ca_rmsd_missing",
            )
        },
        "ca_rmsd_missing_mean": float(np.mean(missing)) if missing else None,
        "ca_rmsd_missing_best": float(np.min(missing)) if missing else None,
        "ca_rmsd_all": metrics["ca_rmsd_all"],
        "map_cc_before": metrics["map_cc_before"],
        "map_cc_after": metrics["map_cc_after"],
        **{
            key: metrics["geometry"][key]
            for key in ("bond_rmsz", "angle_rmsz", "ramachandran_favoured_percent", "ca_breaks")
        },
        "seconds": metrics["seconds"],
        "peak_memory_gb": metrics["peak_memory_bytes"] / 1e9,
    }


def shown_figures(
    metrics: Mapping[str, Any], problem: Problem, reference: NDArray[np.float64], ca: NDArray[np.float64]
) -> Row:
    """CA RMSD of missing residues without those that the job says its map does not show: by default it leaves them out.

    Parameters
    ----------
    metrics : mapping
        Of the job.
    problem : Problem
    reference, ca : ndarray, shape (N, 3)
        CA atoms of the deposited model, NaN where it has none, and of the result, in angstrom.

    Returns
    -------
    dict
        ``missing_shown``, how many they are, and ``ca_rmsd_missing_shown`` in angstrom.
    """
    unseen = {(one["chain"], residue) for one in metrics["unseen"] for residue in one["residues"]}
    told = np.array(
        [(chain, f"{number}{icode}".strip()) not in unseen for chain, number, icode in problem.target.labels]
    )
    rows = ~problem.known_residues & told & np.isfinite(reference).all(-1)
    rmsd = float(np.sqrt(np.square(ca - reference)[rows].sum(-1).mean())) if rows.any() else None
    return {"missing_shown": int(rows.sum()), "ca_rmsd_missing_shown": rmsd}


def segment_rows(entry: Entry, problem: Problem, reference: NDArray[np.float64], ca: NDArray[np.float64]) -> list[Row]:
    """CA RMSD of each missing segment, over the residues that the deposited model has."""
    rows: list[Row] = []
    for segment in missing_segments(problem.known_residues, problem.polymer.chain_index):
        square = ((ca[:, segment] - reference[segment]) ** 2).sum(-1)
        seen = np.isfinite(square[0])
        if not seen.any():
            continue
        rmsds = np.sqrt(square[:, seen].mean(1))
        chain, number, icode = problem.target.labels[segment.start]
        rows.append(
            {
                "entry": entry.name,
                "first": f"{chain} {number}{icode}".strip(),
                "length": segment.stop - segment.start,
                "in_reference": int(seen.sum()),
                "rmsd_chosen": float(rmsds[0]),
                "rmsd_best": float(rmsds.min()),
                "rmsd_mean": float(rmsds.mean()),
            }
        )
    return rows


def curve_rows(
    entry: Entry,
    problem: Problem,
    reference: NDArray[np.float64],
    ca: NDArray[np.float64],
    confidence: NDArray[np.float64],
) -> list[Row]:
    """RMSD against completeness of the input and of the replicas."""
    replicas = [rmsd_against_completeness(one, reference) for one in ca]
    best = min(replicas, key=lambda curve: curve.rmsd[-1])
    table = np.array([curve.rmsd for curve in replicas])
    start = rmsd_against_completeness(problem.target.xyz[:, 1], reference)
    trusted = rmsd_against_completeness(ca[0], reference, confidence)
    rows: list[Row] = []
    for i, completeness in enumerate(best.completeness):
        rows.append(
            {
                "entry": entry.name,
                "completeness_percent": 100 * float(completeness),
                "input": float(start.rmsd[i]) if i < len(start.rmsd) else None,
                "chosen": float(table[0, i]),
                "best": float(best.rmsd[i]),
                "mean": float(table[:, i].mean()),
                "std": float(table[:, i].std(ddof=1)) if len(table) > 1 else 0.0,
                "by_confidence": float(trusted.rmsd[i]),
            }
        )
    return rows


def result_confidence(path: Path, problem: Problem) -> NDArray[np.float64]:
    """Confidence of each residue as the result states it, shape (N,)."""
    column = read_confidence(path)
    return np.array([column[chain, number, icode.strip()] for chain, number, icode in problem.target.labels])


def draw(path: Path, curves: list[Row]) -> None:
    """RMSD against completeness for each map."""
    names = list(dict.fromkeys(str(row["entry"]) for row in curves))
    figure, panels = plt.subplots(1, len(names), figsize=(5 * len(names), 4.2), squeeze=False, layout="constrained")
    for axes, name in zip(panels[0], names, strict=True):
        rows = [row for row in curves if row["entry"] == name]

        def values(key: str, rows: list[Row] = rows) -> NDArray[np.float64]:
            return np.array([np.nan if row[key] is None else row[key] for row in rows], dtype=np.float64)

        x, mean, std = values("completeness_percent"), values("mean"), values("std")
        axes.fill_between(x, mean - std, mean + std, color="C0", alpha=0.2, linewidth=0)
        axes.plot(x, mean, color="C0", label="replicas, mean $\\pm$ std")
        axes.plot(x, values("best"), ":", color="C3", label="best replica (by the truth)")
        axes.plot(x, values("chosen"), "--", color="C2", label="result (chosen without the truth)")
        axes.plot(x, values("by_confidence"), "-", color="C2", linewidth=0.8, label="result, by its confidence")
        axes.plot(x, values("input"), color="C7", linewidth=2, label="starting model")
        axes.set(xlabel="completeness (%)", title=name, xlim=(0, 100), ylim=(0, None))
    panels[0, 0].set_ylabel("CA RMSD (Å)")
    panels[0, 0].legend(fontsize=8)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Run the jobs and write tables and picture."""
    parser = benchmark_parser("refinement", __doc__, steps=60)
    parser.add_argument("--quick", action="store_true", help=f"only {' and '.join(QUICK)}")
    parser.add_argument("--entries", nargs="+", choices=[e.name for e in ENTRIES], help="only these")
    options = parser.parse_args()
    begin(options)
    table = Table(options.out / "refinement.csv")
    segments = Table(options.out / "segments.csv")
    curves = Table(options.out / "curves.csv")
    wanted = options.entries or (QUICK if options.quick else [e.name for e in ENTRIES])
    for entry in (e for e in ENTRIES if e.name in wanted):
        print(f"{entry.name}:", flush=True)
        spec = specify(entry, options)
        metrics = apart(run_job, spec)
        problem = load_problem(spec, NullEvents())
        reference = problem.reference
        shown: Row = {"missing_shown": None, "ca_rmsd_missing_shown": None}
        if reference is not None:
            ca = ensemble_ca(Path(spec.output) / "ensemble.cif")
            shown = shown_figures(metrics, problem, reference, ca[0])
            judge(entry, spec, problem, reference, ca, segments, curves)
            draw(options.out / "refinement.png", curves.rows)
        row = {**summary_row(entry, metrics, options), **shown}
        table.add(row)
        print(sentence(row), flush=True)


def judge(
    entry: Entry,
    spec: RefineSpec,
    problem: Problem,
    reference: NDArray[np.float64],
    ca: NDArray[np.float64],
    segments: Table,
    curves: Table,
) -> None:
    """Compare the replicas of a finished job with the deposited model."""
    confidence = result_confidence(Path(spec.output) / "result.cif", problem)
    for one in segment_rows(entry, problem, reference, ca):
        segments.add(one)
    for one in curve_rows(entry, problem, reference, ca, confidence):
        curves.add(one)


def sentence(row: Row) -> str:
    """The figures of a job for the terminal."""

    def figure(key: str, digits: int = 2) -> str:
        return "unknown" if row[key] is None else f"{float(str(row[key])):.{digits}f}"

    count = row["missing_shown"]
    shown = "" if count is None else f" ({figure('ca_rmsd_missing_shown')} A of the {count} that the map shows)"
    return (
        f"  {figure('completeness_before', 0)} % of {row['residues']} residues before, "
        f"{figure('completeness_after', 0)} % after; CA RMSD known {figure('ca_rmsd_start')} -> "
        f"{figure('ca_rmsd_known')}, missing {figure('ca_rmsd_missing')} A{shown}; map-model correlation "
        f"{figure('map_cc_before', 3)} -> {figure('map_cc_after', 3)}; {figure('seconds', 0)} s, "
        f"{figure('peak_memory_gb', 1)} GB"
    )


if __name__ == "__main__":
    run_command(main)
