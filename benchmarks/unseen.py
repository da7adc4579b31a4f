"""What a map does not show: how much of it is left out, and how much of what it does show.

Usage: ``python benchmarks/unseen.py --data FOLDER [--resolutions 3 4] [--proteins 4] [--resume]``. Writes ``jobs.csv``
and ``summary.csv``; the job folders stay in ``OUT/runs``.

Chains of the validation split lose segments and get maps as in ``gaps.py``, but the maps lack all atoms of every second
segment. Each job runs through `adp3d.job.execute.execute` with ``unseen`` leave, without side chains and relaxation. Of
the residues that the map shows, those count as right whose CA was built within 2 A of the true one, and as wrong those
that are 4 A away or more: leaving out the wrong ones is right, too.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gemmi
import numpy as np
from command import begin, benchmark_parser, run_command
from gaps import RIGHT, write_case
from held_out import Protein, validation_proteins
from numpy.typing import NDArray
from parallel import add_options, compute
from report import Row, Table, column, write_table

from adp3d.contract.specification import RefineSpec
from adp3d.ensemble.recombination import missing_segments
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder

WRONG = 4.0
"""Angstrom from its true place from which a CA counts as wrong: further than its neighbours are."""
COUNTS = ("unseen", "unseen_left", "right", "right_left", "between", "between_left", "wrong", "wrong_left")


def hidden_residues(known: NDArray[np.bool_], chains: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Every second missing segment, the first among them, (N,)."""
    hidden = np.zeros_like(known)
    for segment in missing_segments(known, chains)[::2]:
        hidden[segment] = True
    return hidden


def without_atoms(protein: Protein, hidden: NDArray[np.bool_]) -> Protein:
    """The protein without the atoms of some residues (N,), for its map."""
    cloud = protein.atoms
    assert cloud is not None
    # rows of the cloud count residues without a backbone as well: CA atoms tell which are which
    ca = protein.x[hidden][:, 1].double().numpy()
    apart = np.linalg.norm(cloud.xyz[:, None] - ca[None], axis=-1).min(1)
    gone = np.isin(cloud.residue, cloud.residue[apart < 0.01])
    kept = replace(
        cloud, xyz=cloud.xyz[~gone], element=cloud.element[~gone], residue=cloud.residue[~gone],
        b_factor=cloud.b_factor[~gone],
    )  # fmt: skip
    return replace(protein, atoms=kept)


def run_one(number: int, protein: Protein, resolution: float, folder: str, replicas: int, steps: int, seed: int) -> Row:
    """One job and its counts."""
    name, chains = f"{protein.name}_{resolution:g}", protein.polymer.chain_index
    job = Path(folder) / name
    known, model, volume = write_case(
        job.parent, name, number, protein, resolution, seed,
        lambda whole, known: without_atoms(whole, hidden_residues(known, chains)),
    )  # fmt: skip
    hidden = hidden_residues(known, chains)
    spec = RefineSpec(
        output=str(job), map=str(volume), model=str(model), sequence=protein.polymer.sequence, resolution=resolution,
        unseen="leave", density_weight=1.0, replicas=replicas, steps=steps, seed=seed, relax=False, side_chains="none",
        device="cpu", trajectory_interval=0,
    )  # fmt: skip
    metrics = execute(JobFolder.create(spec, overwrite=True), NullEvents(), Control())
    volume.unlink()
    result = {r.seqid.num for r in gemmi.read_structure(str(job / "result.cif"))[0][0]}
    left = np.array([i + 1 not in result for i in range(protein.n_residues)])
    # the ensemble has all residues
    traced = gemmi.read_structure(str(job / "ensemble.cif"))[0][0]
    ca = np.array([residue.sole_atom("CA").pos.tolist() for residue in traced])
    error = np.linalg.norm(ca - protein.x[:, 1].double().numpy(), axis=1)
    seen = ~known & ~hidden
    groups = {
        "unseen": hidden,
        "right": seen & (error < RIGHT),
        "between": seen & (error >= RIGHT) & (error < WRONG),
        "wrong": seen & (error >= WRONG),
    }
    row: dict[str, object] = {"protein": protein.name, "resolution": resolution, "residues": protein.n_residues}
    for group, mask in groups.items():
        row |= {group: int(mask.sum()), f"{group}_left": int((mask & left).sum())}
    return row | {"known_left": int((known & left).sum()), "seconds": metrics["seconds"]}


def summary_of(rows: list[Row]) -> list[Row]:
    """Sums for each resolution."""
    out: list[Row] = []
    for resolution in dict.fromkeys(float(str(r["resolution"])) for r in rows):
        own = [r for r in rows if float(str(r["resolution"])) == resolution]
        sums = {name: int(column(own, name).sum()) for name in (*COUNTS, "known_left")}
        out.append({"resolution": resolution, "proteins": len(own), **sums})
    return out


def main() -> None:
    """Run the jobs and write the tables."""
    parser = benchmark_parser("unseen", __doc__, steps=20, replicas=2, proteins=4)
    parser.add_argument("--resolutions", nargs="+", type=float, default=[3.0, 4.0])
    add_options(parser)
    options = parser.parse_args()
    begin(options)
    usable = [p for p in validation_proteins(options.data, 30) if p.atoms is not None]
    table = Table(options.out / "jobs.csv")
    if options.resume:
        table.restore(("protein",))
    done = {(r["protein"], float(str(r["resolution"]))) for r in table.rows}
    tasks = [
        (i, p, d, str(options.out / "runs"), options.replicas, options.steps, options.seed)
        for i, p in enumerate(usable[: options.proteins])
        for d in options.resolutions
        if (p.name, d) not in done
    ]
    for row in compute(run_one, tasks, options.processes):
        table.add(row)
        print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    write_table(options.out / "summary.csv", summary_of(table.rows))


if __name__ == "__main__":
    run_command(main)
