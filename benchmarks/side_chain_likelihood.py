"""Build missing segments in simulated maps with average side chains in the likelihood, and with sampled ones.

Usage: ``python benchmarks/side_chain_likelihood.py --data FOLDER [--resolutions 2.5 3.5] [--proteins 3] [--resume]``.
Writes ``jobs.csv`` and ``summary.csv``; the job folders stay in ``OUT/runs``.

Chains of the validation split lose segments and get maps as in ``gaps.py``; each job runs twice through
`adp3d.job.execute.execute`, with all but ``density_side_chains`` alike. The weight of the map is fixed, and the results
are not relaxed, so that what differs is the likelihood. A residue that was missing is out of register if the CA nearest
to its own in the true chain is another residue's, and less than 1.9 A away (half of what lies between two of them).
"""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
from command import begin, benchmark_parser, run_command
from gaps import write_case
from held_out import Protein, validation_proteins
from numpy.typing import NDArray
from parallel import add_options, compute
from report import Row, Table, column, write_table

from adp3d.contract.specification import RefineSpec
from adp3d.contract.specs.refine import DENSITY_SIDE_CHAINS
from adp3d.ensemble.recombination import missing_segments
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder

NEAR = 1.9
"""Angstrom from a CA of the true chain within which a residue lies on it."""


def out_of_register(ca: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Residues (N,) that lie on the true chain (N, 3), but on another residue's place."""
    apart = np.linalg.norm(ca[:, None] - truth[None], axis=-1)
    return np.asarray((apart.argmin(1) != np.arange(len(ca))) & (apart.min(1) < NEAR))


def run_one(
    number: int, protein: Protein, resolution: float, which: str, folder: str, weight: float, replicas: int,
    steps: int, seed: int,
) -> Row:  # fmt: skip
    """One job and its figures."""
    name = f"{protein.name}_{resolution:g}_{which}"
    job = Path(folder) / name
    known, model, volume = write_case(Path(folder), name, number, protein, resolution, seed)
    spec = RefineSpec(
        output=str(job), map=str(volume), model=str(model), sequence=protein.polymer.sequence, resolution=resolution,
        density_side_chains=which, density_weight=weight, replicas=replicas, steps=steps, seed=seed, relax=False,
        device="cpu", trajectory_interval=0, unseen="build",
    )  # fmt: skip
    metrics = execute(JobFolder.create(spec, overwrite=True), NullEvents(), Control())
    volume.unlink()
    built = {r.seqid.num: r for r in gemmi.read_structure(str(job / "result.cif"))[0][0]}
    ca = np.array([built[i + 1].sole_atom("CA").pos.tolist() for i in range(protein.n_residues)])
    truth = protein.x[:, 1].double().numpy()
    error = np.linalg.norm(ca - truth, axis=1)
    segments = missing_segments(known, protein.polymer.chain_index)
    rmsds = [float(np.sqrt(np.square(error[s]).mean())) for s in segments]
    validated = metrics["validation"]["after"]
    return {
        "protein": protein.name,
        "resolution": resolution,
        "side_chains": which,
        "residues": protein.n_residues,
        "missing": int((~known).sum()),
        "missing_rmsd": float(np.sqrt(np.square(error[~known]).mean())),
        "median_segment": float(np.median(rmsds)),
        "segments_within_2": sum(rmsd < 2.0 for rmsd in rmsds),
        "segments": len(rmsds),
        "median_error": float(np.median(error[~known])),
        "out_of_register": int((out_of_register(ca, truth) & ~known).sum()),
        "known_rmsd": float(np.sqrt(np.square(error[known]).mean())),
        "favoured": metrics["geometry"]["ramachandran_favoured_percent"],
        "q_score": validated["q_score"],
        "correlation": metrics["map_cc_after"],
        "seconds": metrics["seconds"],
    }


def summary_of(rows: list[Row]) -> list[Row]:
    """One row for each resolution and kind of side chains."""
    out: list[Row] = []
    for resolution, which in dict.fromkeys((float(str(r["resolution"])), str(r["side_chains"])) for r in rows):
        own = [r for r in rows if (r["resolution"], r["side_chains"]) == (resolution, which)]
        missing = column(own, "missing")
        squares = np.square(column(own, "missing_rmsd"))
        out.append(
            {
                "resolution": resolution,
                "side_chains": which,
                "proteins": len(own),
                "missing": int(missing.sum()),
                "missing_rmsd": float(np.sqrt((squares * missing).sum() / missing.sum())),
                "median_error": float(np.mean(column(own, "median_error"))),
                "segments_within_2": int(column(own, "segments_within_2").sum()),
                "segments": int(column(own, "segments").sum()),
                "out_of_register": int(column(own, "out_of_register").sum()),
                "known_rmsd": float(np.mean(column(own, "known_rmsd"))),
                "favoured": float(np.mean(column(own, "favoured"))),
                "q_score": float(np.mean(column(own, "q_score"))),
                "seconds": float(np.sum(column(own, "seconds"))),
            }
        )
    return out


def main() -> None:
    """Run the jobs and write the tables."""
    parser = benchmark_parser("side_chain_likelihood", __doc__, steps=20, replicas=2, proteins=3)
    parser.add_argument("--resolutions", nargs="+", type=float, default=[2.5, 3.5])
    parser.add_argument("--weight", type=float, default=1.0, help="of the map")
    add_options(parser)
    options = parser.parse_args()
    begin(options)
    usable = [p for p in validation_proteins(options.data, 30) if p.atoms is not None]
    table = Table(options.out / "jobs.csv")
    if options.resume:
        table.restore(("protein", "side_chains"))
    done = {(r["protein"], float(str(r["resolution"])), r["side_chains"]) for r in table.rows}
    tasks = [
        (i, p, d, which, str(options.out / "runs"), options.weight, options.replicas, options.steps, options.seed)
        for i, p in enumerate(usable[: options.proteins])
        for d in options.resolutions
        for which in DENSITY_SIDE_CHAINS
        if (p.name, d, which) not in done
    ]
    for row in compute(run_one, tasks, options.processes):
        table.add(row)
        print(
            f"{row['protein']} {row['resolution']} A, {row['side_chains']}: missing {row['missing_rmsd']:.2f} A, "
            f"median error {row['median_error']:.2f} A, out of register {row['out_of_register']} of {row['missing']}; "
            f"{row['seconds']:.0f} s",
            flush=True,
        )
        write_table(options.out / "summary.csv", summary_of(table.rows))
    for line in summary_of(table.rows):
        print(line)


if __name__ == "__main__":
    run_command(main)
