"""All-atom results of refinements in experimental maps, beside the deposited models.

Usage: ``python benchmarks/all_atoms_in_maps.py --data DATA [--entries demo demo-shifted emd-30342]``. Writes
``all_atoms_in_maps.csv`` row by row, up to four for each entry, and prints them with the goals; job folders stay in
``OUT/runs``. The rows are the deposited model, the result, and those parts of the result that the deposited and the
starting model have, each by itself: a sequence may go on where no map shows anything.

- ``demo``: the bundled example (EMD-20026, 1.75 A), whose missing residues are built;
- ``demo-shifted``: the deposited model of the example with 17 residues traced one residue too early, without side
  chains, and two residues missing at either end of them, as such traces come;
- ``emd-30342``: 3.9 A, the deposited model without segments of 6 to 20 residues.

``chi1_40``: percentage of residues whose chi 1 is within 40 degrees of the deposited model, of those that the starting
model lacks (or has without a side chain) and of the others. ``ca_rmsd``: in the frame of the map, over the same.
``register``: stretches that look out of register at the end, ``tried`` and ``taken``: those that were built again in
another one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
from all_atom_figures import fidelity
from command import begin, benchmark_parser, run_command
from make_demo import without
from refinement import apart, run_job
from report import Row, Table
from starting_models import segments_to_remove

import adp3d
from adp3d.contract.specification import RefineSpec
from adp3d.density.read import read_map
from adp3d.placing.target import build_target
from adp3d.sidechain.templates import BACKBONE, TEMPLATES
from adp3d.structure.read import read_structure
from adp3d.validation.validate import validate_model

DEMO = Path(adp3d.__file__).parent / "pipeline" / "demo"
FIGURES = (
    "clashscore", "rotamer_outliers_percent", "ramachandran_favoured_percent", "bond_rmsz", "angle_rmsz", "q_score",
    "q_score_side_chains", "cc_mask",
)  # fmt: skip
GOALS = {
    "clashscore": (0.0, 8.0),
    "rotamer_outliers_percent": (0.0, 1.5),
    "ramachandran_favoured_percent": (95.0, 100.0),
    "bond_rmsz": (0.0, 1.0),
    "angle_rmsz": (0.0, 1.0),
}
"""Range that a result should be in."""
SHIFTED = (60, 76)
"""Residue numbers of the example's stretch that is traced too early."""

Label = tuple[str, str]


@dataclass(frozen=True)
class Entry:
    """A map, its deposited model and the one to start from; all are files."""

    name: str
    map: Path
    deposited: Path
    resolution: float
    start: Path


def entries(options: argparse.Namespace) -> Iterable[Entry]:
    """The entries that are asked for, their starting models written."""
    folder = options.out / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    volume, truth = DEMO / "emd_20026_protomer.map.gz", DEMO / "emd_20026_deposited.cif.gz"
    for name in options.entries:
        start = folder / f"{name}_start.cif"
        if name == "demo":
            yield Entry(name, volume, truth, 1.75, DEMO / "emd_20026_incomplete.cif.gz")
        elif name == "demo-shifted":
            shifted(read_structure(truth), *SHIFTED, -1).make_mmcif_document().write_file(str(start))
            yield Entry(name, volume, truth, 1.75, start)
        else:
            deposited = options.data / "maps" / name / "deposited.cif"
            structure = read_structure(deposited)
            numbers = [int(residue.seqid.num or 0) for residue in structure[0][0].get_polymer()]
            without(structure, segments_to_remove(numbers)).make_mmcif_document().write_file(str(start))
            yield Entry(name, options.data / "maps" / name / "map.mrc", deposited, 3.9, start)


def shifted(structure: gemmi.Structure, first: int, last: int, shift: int) -> gemmi.Structure:
    """Copy in which residues of the first chain have the backbones of those ``shift`` further on, and no side chains.

    Two residues are missing at either end: those whose places are taken, or that would have to bridge twice as much.
    """
    copy = structure.clone()
    chain = copy[0][0]
    places = {r.seqid.num: {atom.name: gemmi.Position(atom.pos) for atom in r} for r in chain}
    for residue in chain:
        if first <= residue.seqid.num <= last:
            for k in range(len(residue) - 1, -1, -1):
                if residue[k].name not in BACKBONE:
                    del residue[k]
            for atom in residue:
                atom.pos = places[residue.seqid.num + shift][atom.name]
    return without(copy, ((first - 2, first - 1), (last + 1, last + 2)))


def rows_of(entry: Entry, job: Path, metrics: dict[str, Any]) -> list[Row]:
    """Figures of the deposited model and of a result."""
    truth, start, result = (read_structure(path) for path in (entry.deposited, entry.start, job / "result.cif"))
    own, given, made = (residues_of(one) for one in (truth, start, result))
    bare = {label for label, r in given.items() if r.name != "GLY" and "CB" not in r}
    kept = [label for label in made if label in own and label in given and label not in bare]
    built = [label for label in made if label in own and (label not in given or label in bare)]
    models = {"deposited": truth, "result": result}
    if set(made) != set(own):
        models["result, as far as deposited"] = limited(result, set(own))
    models["result, what was given"] = limited(result, set(kept))
    rows = []
    for kind, structure in models.items():
        ours = kind == "result"
        figures = metrics["validation"]["after"] if ours else metrics_of(structure, entry)
        row: dict[str, object] = {"entry": entry.name, "model": kind, "residues": figures["residues"]}
        for group, labels in (("built", built), ("kept", kept)):
            row |= {
                f"residues_{group}": len(labels),
                f"chi1_40_{group}": fidelity(part(made, labels), part(own, labels))["chi1_40"] if ours else None,
                f"ca_rmsd_{group}": ca_rmsd(made, own, labels) if ours else None,
            }
        row |= {name: figures[name] for name in FIGURES}
        row |= {
            "register": len(metrics["register"]) if ours else None,
            "tried": len(metrics["register_tried"]) if ours else None,
            "taken": sum(one["taken"] for one in metrics["register_tried"]) if ours else None,
            "seconds": metrics["seconds"] if ours else None,
        }
        rows.append(row)
    return rows


def metrics_of(structure: gemmi.Structure, entry: Entry) -> dict[str, Any]:
    """Validation of a model in the map, as jobs do it."""
    return validate_model(structure, read_map(entry.map), entry.resolution).figures()


def residues_of(structure: gemmi.Structure) -> dict[Label, gemmi.Residue]:
    """Amino acids of the first model by chain and number."""
    return {
        (chain.name, str(residue.seqid)): residue
        for chain in structure[0]
        for residue in chain
        if residue.name in TEMPLATES
    }


def limited(structure: gemmi.Structure, labels: set[Label]) -> gemmi.Structure:
    """Copy with these residues only."""
    copy = structure.clone()
    for chain in copy[0]:
        for k in reversed(range(len(chain))):
            if (chain.name, str(chain[k].seqid)) not in labels:
                del chain[k]
    return copy


def part(residues: dict[Label, gemmi.Residue], labels: list[Label]) -> gemmi.Model:
    """Some of the residues, in this order."""
    chain = gemmi.Chain("A")
    for label in labels:
        chain.add_residue(residues[label])
    model = gemmi.Model(1)
    model.add_chain(chain)
    return model


def ca_rmsd(made: dict[Label, gemmi.Residue], own: dict[Label, gemmi.Residue], labels: list[Label]) -> float | None:
    """In angstrom, without superposition."""
    ways = [made[label]["CA"][0].pos.dist(own[label]["CA"][0].pos) for label in labels]
    return float(np.sqrt(np.square(ways).mean())) if ways else None


def missed(row: Row) -> list[str]:
    """Goals that a row does not reach, in words."""
    found = []
    for name, (least, most) in GOALS.items():
        value = row[name]
        if not isinstance(value, float | int) or not least <= value <= most:
            found.append(f"{name} {value} is not within {least:g} and {most:g}")
    return found


def main() -> None:
    options = _options()
    begin(options)
    table = Table(options.out / "all_atoms_in_maps.csv")
    for entry in entries(options):
        spec = RefineSpec(
            output=str(options.out / "runs" / entry.name),
            map=str(entry.map),
            model=str(entry.start),
            sequence=build_target(read_structure(entry.deposited), None).polymer.sequence,
            reference=str(entry.deposited),
            resolution=entry.resolution,
            replicas=options.replicas,
            steps=options.steps,
            seed=options.seed,
            trajectory_interval=0,
            density_side_chains=options.density_side_chains,
        )
        metrics = apart(run_job, spec)
        for row in rows_of(entry, Path(spec.output), metrics):
            table.add(row)
            print("  ".join(f"{key} {_said(value)}" for key, value in row.items() if value is not None), flush=True)
            if row["model"] == "result":
                print(f"{entry.name}: " + ("; ".join(missed(row)) or "all goals are reached"), flush=True)


def _said(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _options() -> argparse.Namespace:
    parser = benchmark_parser("all_atoms_in_maps", __doc__, steps=30, replicas=2)
    names = ("demo", "demo-shifted", "emd-30342")
    parser.add_argument("--entries", nargs="+", choices=names, default=list(names))
    parser.add_argument(
        "--density-side-chains",
        choices=("average", "sampled"),
        default="average",
        help="in the likelihood of late steps",
    )
    return parser.parse_args()


if __name__ == "__main__":
    run_command(main)
