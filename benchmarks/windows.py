"""Missing segments of large complexes, sampled in windows and as a whole: right or wrong, time and memory.

Usage: ``python benchmarks/windows.py --data DATA [--chains 1 4 16] [--regions windows all] [--resolution 3]``.
Writes ``jobs.csv``, ``segments.csv``, ``exponents.csv`` and ``windows.png``; the job folders stay in ``OUT/runs``.

The complex is the model of all four chains of 3isr (289 residues each) in ``maps/3isr-5A``, or one chain of it, or
several of it side by side. All its atoms are bent by 0.2 A, and five segments of 6 to 20 residues are missing from
every two chains (three from a single one). The map is simulated from all heavy atoms of the true model, as that of
``gaps.py``. Each job runs in a process of its own, through `adp3d.job.execute.execute` as the command line would run
it, so that peak memory (program and libraries included) is its own. ``unmoved_residues`` have all atoms where the
starting model has them, bit for bit.
"""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass
from pathlib import Path

import gemmi
import matplotlib
import numpy as np
import torch
from command import begin, benchmark_parser, positive, run_command
from report import Row, Table, column, write_table
from starting_models import smooth_field

from adp3d.contract.specification import RefineSpec
from adp3d.density.map import DensityMap
from adp3d.density.write import write_map
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.job.memory import PeakMemory
from adp3d.prior.standard_map import SPACING
from adp3d.structure.read import read_structure
from adp3d.training.dataset import ELEMENTS
from adp3d.training.simulated_map import simulate_map
from adp3d.training.surroundings import Scatterers, join, ordered_waters
from adp3d.training.validation import ordinary_conditions

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import NullLocator

SOURCE = Path("maps") / "3isr-5A" / "alphafold.pdb"
MARGIN, ERROR = 12.0, 0.2
LENGTHS = (6, 8, 10, 12, 14, 16, 20)
PER_PAIR = (3, 2)
"""Segments missing from the first, second, first ... chain."""
BETWEEN, END = 25, 15
"""Residues between two segments, and between one and an end of the chain, at least."""
APART = 8.0
"""Angstrom between complexes side by side."""


@dataclass(frozen=True)
class Case:
    """One job."""

    chains: int
    region: str
    data: Path
    folder: Path
    resolution: float
    segments: int | None
    backbone: bool
    replicas: int
    steps: int
    seed: int
    device: str = "cpu"


def complex_of(data: Path, chains: int) -> gemmi.Structure:
    """The first chains of the model, or several of it along x, y and x again; heavy atoms only."""
    source = read_structure(data / SOURCE)
    structure, model = gemmi.Structure(), gemmi.Model(1)
    xyz = np.array([atom.pos.tolist() for chain in source[0] for residue in chain for atom in residue])
    size = np.ptp(xyz, axis=0) + APART
    names = [chain.name for chain in source[0]]
    for number in range(chains):
        copy, which = divmod(number, len(names))
        chain = source[0][names[which]].clone()
        chain.name = f"{chain.name}{copy or ''}"
        shift = gemmi.Position(*(size * np.array([copy % 2, copy // 2 % 2, copy // 4])))
        for residue in chain:
            residue.subchain = f"{chain.name}xp"
            for atom in residue:
                atom.pos, atom.b_iso = atom.pos + shift, 30.0
        model.add_chain(chain)
    structure.add_model(model)
    structure.remove_hydrogens()
    structure.setup_entities()
    return structure


def segments_of_chain(n: int, count: int, rng: np.random.Generator) -> list[slice]:
    """Missing segments of a chain of n residues."""
    while True:
        lengths = rng.choice(LENGTHS, count, replace=False).tolist()
        starts = np.sort(rng.integers(END, n - END, count)).tolist()
        found = [slice(start, start + length) for start, length in zip(starts, lengths, strict=True)]
        ends = [0, *(one.stop for one in found[:-1])]
        if found[-1].stop <= n - END and all(
            one.start - end >= BETWEEN for one, end in zip(found[1:], ends[1:], strict=True)
        ):
            return found


def write_case(case: Case) -> tuple[Path, Path, Path, list[tuple[str, slice]]]:
    """True and starting model, map, and the missing segments by chain."""
    rng = np.random.default_rng(case.seed)
    true = complex_of(case.data, case.chains)
    place = case.folder / f"{case.chains}"
    truth, start = place.with_name(f"{place.name}_true.cif"), place.with_name(f"{place.name}_start.cif")
    volume = place.with_name(f"{place.name}.mrc")
    case.folder.mkdir(parents=True, exist_ok=True)
    atoms = [(atom, i) for i, r in enumerate(r for c in true[0] for r in c) for atom in r]
    xyz = np.array([atom.pos.tolist() for atom, _ in atoms])
    own = Scatterers(
        xyz.astype(np.float32),
        np.array([ELEMENTS.index(atom.element.name) for atom, _ in atoms], np.uint8),
        np.array([i for _, i in atoms], np.int64),
        np.ones(len(atoms), np.float32),
    )
    conditions = ordinary_conditions(case.resolution)
    residues = sum(len(chain) for chain in true[0])
    everything = join([own, ordered_waters(own, round(conditions.waters * residues), rng)])
    generator = torch.Generator().manual_seed(case.seed)
    made = simulate_map(everything, xyz.min(0) - MARGIN, xyz.max(0) + MARGIN, conditions, own.xyz, generator)
    write_map(DensityMap(made.values.numpy(), made.origin.astype(np.float64), SPACING * np.eye(3)), volume)
    true.make_mmcif_document().write_file(str(truth))
    missing: list[tuple[str, slice]] = []
    for (atom, _), way in zip(atoms, smooth_field(xyz, ERROR, rng), strict=True):
        atom.pos += gemmi.Position(*way)
    for number, chain in enumerate(true[0]):
        count = PER_PAIR[number % 2]
        if case.segments is not None:
            count = min(count, case.segments - len(missing))
        for gap in reversed(segments_of_chain(len(chain), count, rng)) if count else ():
            missing.append((chain.name, gap))
            del chain[gap]
    for entity in true.entities:
        entity.full_sequence = []
    true.make_mmcif_document().write_file(str(start))
    return truth, start, volume, missing


def places(path: Path) -> dict[tuple[str, int], dict[str, list[float]]]:
    """Atoms of each residue of a model."""
    return {
        (chain.name, residue.seqid.num or 0): {atom.name: atom.pos.tolist() for atom in residue}
        for chain in gemmi.read_structure(str(path))[0]
        for residue in chain
    }


def measure(case: Case) -> tuple[Row, list[Row]]:
    """One job: its figures, and those of its segments."""
    torch.set_num_threads(1)
    truth, start, volume, missing = write_case(case)
    fasta = case.folder / "sequences.fasta"
    chain = gemmi.read_structure(str(truth))[0][0]
    fasta.write_text(">3isr\n" + gemmi.one_letter_code([residue.name for residue in chain]) + "\n", encoding="utf-8")
    spec = RefineSpec(
        output=str(case.folder / f"{case.chains}_{case.region}"), map=str(volume), model=str(start),
        sequence=str(fasta), resolution=case.resolution, replicas=case.replicas, steps=case.steps, seed=case.seed,
        region=case.region, trajectory_interval=0, unseen="build", device=case.device,
        side_chains="none" if case.backbone else "auto", relax=not case.backbone,
    )  # fmt: skip
    job = JobFolder.create(spec, overwrite=True)
    began = time.process_time()
    with PeakMemory() as memory:
        metrics = execute(job, NullEvents(), Control())
    spent = time.process_time() - began
    right, before, after = places(truth), places(start), places(job.result)
    rows: list[Row] = []
    for name, gap in missing:
        numbers = [key for key in right if key[0] == name][gap]
        ways = [np.subtract(after[key]["CA"], right[key]["CA"]) for key in numbers]
        rows.append(
            {
                "chains": case.chains,
                "region": case.region,
                "chain": name,
                "first": numbers[0][1],
                "length": len(numbers),
                "rmsd": float(np.sqrt(np.square(ways).sum(-1).mean())),
            }
        )
    moved = np.array([max(np.abs(np.subtract(after[k][a], p)).max() for a, p in before[k].items()) for k in before])
    known = np.array([np.linalg.norm(np.subtract(after[k]["CA"], right[k]["CA"])) for k in before])
    rmsd = np.array([row["rmsd"] for row in rows], float)
    return {
        "chains": case.chains,
        "region": case.region,
        "residues": len(right),
        "missing": len(right) - len(before),
        "segments": len(rows),
        "sampled": metrics["residues_sampled"],
        "seconds": metrics["seconds"],
        "cpu_seconds": spent,
        "peak_memory_gb": memory.bytes / 1e9,
        "device_memory_gb": memory.device_bytes / 1e9,
        "median_rmsd": float(np.median(rmsd)),
        "within_2": int((rmsd < 2.0).sum()),
        "known_rmsd": float(np.sqrt(np.square(known).mean())),
        "unmoved_residues": int((moved == 0).sum()),
        "reported_segments": len(metrics["segments"]),
    }, rows


def measure_apart(case: Case) -> tuple[Row, list[Row]]:
    """Measure in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return pool.apply(measure, (case,))


def exponents(rows: list[Row]) -> list[Row]:
    """Exponents with which seconds and memory grow with residues, for each way of sampling."""
    found: list[Row] = []
    for region in dict.fromkeys(str(row["region"]) for row in rows):
        own = [row for row in rows if row["region"] == region]
        if len(own) > 1:
            n = np.log(column(own, "residues"))
            found.append({"region": region, **{
                key: float(np.polyfit(n, np.log(column(own, key)), 1)[0]) for key in ("cpu_seconds", "peak_memory_gb")
            }})  # fmt: skip
    return found


def draw(path: Path, rows: list[Row]) -> None:
    """Seconds and memory against residues."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for k, region in enumerate(dict.fromkeys(str(row["region"]) for row in rows)):
        own = [row for row in rows if row["region"] == region]
        left.loglog(column(own, "residues"), column(own, "cpu_seconds"), "o-", color=f"C{k}", label=region)
        right.semilogx(column(own, "residues"), column(own, "peak_memory_gb"), "o-", color=f"C{k}", label=region)
    left.set(ylabel="CPU seconds")
    right.set(ylabel="peak memory (GB)", ylim=(0, None))
    sizes = sorted({int(str(row["residues"])) for row in rows})
    for axes in (left, right):
        # labels of a logarithmic axis of little more than a decade would lie on each other
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set(xlabel="residues")
    left.legend(title="region")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Run the jobs and write tables and picture."""
    parser = benchmark_parser("windows", __doc__, steps=40, proteins=None)
    parser.add_argument("--chains", type=positive, nargs="+", default=[1, 4, 16])
    parser.add_argument("--regions", nargs="+", choices=("auto", "windows", "all"), default=["windows", "all"])
    parser.add_argument("--largest-whole", type=positive, default=4, help="chains up to which 'all' is run")
    parser.add_argument("--resolution", type=float, default=3.0)
    parser.add_argument("--segments", type=positive, help="missing segments, fewer than five for every two chains")
    parser.add_argument("--backbone", action="store_true", help="without side chains and relaxation")
    options = parser.parse_args()
    begin(options)
    table, segments = Table(options.out / "jobs.csv"), Table(options.out / "segments.csv")
    for chains in options.chains:
        for region in options.regions:
            if region == "all" and chains > options.largest_whole:
                continue
            folder = options.out / "runs"
            case = Case(
                chains, region, options.data, folder, options.resolution, options.segments, options.backbone,
                options.replicas, options.steps, options.seed,
            )  # fmt: skip
            row, found = measure_apart(case)
            table.add(row)
            for one in found:
                segments.add(one)
            print(row, [round(float(str(one["rmsd"])), 2) for one in found], flush=True)
    write_table(options.out / "exponents.csv", exponents(table.rows))
    draw(options.out / "windows.png", table.rows)
    for line in exponents(table.rows):
        print(line)


if __name__ == "__main__":
    run_command(main)
