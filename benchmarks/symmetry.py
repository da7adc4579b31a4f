"""Symmetric complexes: one copy computed for all, beside one copy alone and all copies without symmetry.

Usage: ``python benchmarks/symmetry.py --data DATA [--groups C3 D2] [--resolution 4] [--noise 1] [--split test]``.
Writes ``jobs.csv``.

Complexes are made of the smallest held-out crystal structures: copies about an axis, as near to each other as CA
atoms of real interfaces are. Their maps are the density of all atoms with noise of its own at each copy (the given
fraction of the signal, filtered like it). The models lack two stretches and are bent by smooth fields, each copy by
another one. Each is refined four times: ``one`` computes the first chain with the others as they are, ``symmetric``
computes one for all (``--symmetry model``), ``all`` computes each copy for itself, and ``alike`` does so with their
shapes held near each other (``--measure copies``).

Columns: the processor's seconds of the job, and how often those of ``one``; CA RMSD of known and missing residues to
the truth over all copies that were computed, in angstrom; ``apart``, the largest distance of an atom from where the
operators take the first copy's (empty where copies are not equal by design); ``map_cc`` with the map that the job saw,
and the clashscore of the whole file.
"""

from __future__ import annotations

import json
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import gemmi
import numpy as np
from atomic_chains import SPLITS, AtomicChain, atomic_chains
from bent_models import WAVE_LENGTHS
from command import begin, benchmark_parser, run_command
from numpy.typing import NDArray
from report import Row, Table
from scipy.spatial import cKDTree
from starting_models import smooth_field

from adp3d.contract.specification import RefineSpec
from adp3d.contract.symmetry import parse_symmetry
from adp3d.density.map import DensityMap
from adp3d.density.resample import low_pass
from adp3d.density.write import write_map
from adp3d.job.events import Control, NullEvents
from adp3d.job.folder import JobFolder
from adp3d.pipeline.refine import run
from adp3d.placing.symmetric_model import with_copies
from adp3d.structure.symmetric_copies import Orbit
from adp3d.structure.symmetry import apply, symmetry_of_symbol
from adp3d.validation.atoms import heavy_atoms
from adp3d.validation.map_correlation import model_density

LENGTHS = 80, 150
"""Residues of the chains."""
CONTACT = 5.5
"""Angstrom between the nearest CA atoms of neighbouring copies."""
BEND = 0.8
"""Angstrom (rms) by which models are bent."""
GAPS = ((0.3, 8), (0.65, 12))
"""Where stretches are missing, as parts of the chain, and their residues."""
B_FACTOR = 60.0
MARGIN = 8.0
WAYS = ("one", "symmetric", "all", "alike")


def main() -> None:
    """Refine the complexes and write the table."""
    parser = benchmark_parser("symmetry", __doc__, steps=20, replicas=4, proteins=1)
    parser.add_argument("--groups", nargs="+", default=["C3", "D2"])
    parser.add_argument("--resolution", type=float, default=4.0)
    parser.add_argument("--noise", type=float, default=1.0, help="noise over signal in the map, before filtering both")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--split", choices=SPLITS, help="whose chains; both by default, val for choices of settings")
    options = parser.parse_args()
    begin(options)
    table = Table(options.out / "jobs.csv")
    chains = [chain for chain in atomic_chains(options.data) if options.split in (None, chain.split)]
    usable = [chain for chain in chains if LENGTHS[0] <= len(chain.structure[0][0]) <= LENGTHS[1]]
    whole = [chain for chain in usable if not _broken(chain)]
    for number, chain in enumerate(sorted(whole, key=lambda one: len(one.structure[0][0]))[: options.proteins]):
        for group in options.groups:
            for row in jobs(chain, group, options, np.random.default_rng([options.seed, number])):
                table.add(row)
                print(" ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()), flush=True)


def jobs(chain: AtomicChain, group: str, options: Namespace, rng: np.random.Generator) -> Iterator[Row]:
    """Yield a row for each way to refine one complex."""
    truth = assembled(chain, group)
    folder = options.out / "runs" / f"{chain.name}_{group}"
    folder.mkdir(parents=True, exist_ok=True)
    write_map(simulated(truth, options.resolution, options.noise, rng), folder / "map.mrc")
    start = worse(truth, rng)
    start.make_mmcif_document().write_file(str(folder / "start.cif"))
    # what is compiled and read once is no job's cost
    once = refined("one", folder, chain, truth, Namespace(**{**vars(options), "steps": 2, "replicas": 1}))
    base = float("nan")
    for way in options.ways:
        seconds, result, metrics = refined(way, folder, chain, truth, options)
        base = seconds if way == "one" else base
        computed = [result[0][0].name] if way == "one" else [one.name for one in result[0]]
        known, missing = deviations(result, truth, start, computed)
        symmetric = metrics["symmetry"]
        yield {
            "chain": chain.name,
            "residues": len(chain.structure[0][0]),
            "group": group,
            "way": way,
            "warm_up": round(once[0], 1),
            "seconds": seconds,
            "of_one": seconds / base,
            "rmsd_known": known,
            "rmsd_missing": missing,
            "apart": None if symmetric is None else apart(result, np.array(symmetric["operators"])),
            "map_cc": metrics["map_cc_after"],
            "clashscore": (metrics["validation"] or {}).get("after", {}).get("clashscore"),
        }


def refined(
    way: str, folder: Path, chain: AtomicChain, truth: gemmi.Structure, options: Namespace
) -> tuple[float, gemmi.Structure, dict]:
    """Seconds of the processor, result and metrics of one job."""
    spec = RefineSpec(
        output=str(folder / way), map=str(folder / "map.mrc"), model=str(folder / "start.cif"),
        sequence=gemmi.one_letter_code([residue.name for residue in chain.structure[0][0]]),
        resolution=options.resolution, replicas=options.replicas, steps=options.steps, seed=options.seed,
        dock="never", trajectory_interval=0, device="cpu", unseen="build",
        chains=(truth[0][0].name,) if way == "one" else None,
        symmetry="model" if way == "symmetric" else None,
        measure=("copies",) if way == "alike" else None,
    )  # fmt: skip
    job = JobFolder.create(spec, overwrite=True)
    began = time.process_time()  # not the clock's: other programs do not count
    metrics = run(spec, job, NullEvents(), Control())
    seconds = time.process_time() - began
    (folder / way / "metrics.json").write_text(json.dumps(metrics, indent=1, default=float), encoding="utf-8")
    return seconds, gemmi.read_structure(str(job.result)), dict(metrics)


def assembled(chain: AtomicChain, group: str) -> gemmi.Structure:
    """The complex: copies of a chain about the origin, as near to each other as `CONTACT` lets them."""
    single = chain.structure.clone()
    single[0][0].name = "A"
    single.setup_entities()
    single.add_entity_types(True)
    single.assign_subchains(True)
    single.ensure_entities()
    symmetry = symmetry_of_symbol(parse_symmetry(group), (0, 0, 1), (0, 0, 0))
    ca = np.array([atom.pos.tolist() for residue in single[0][0] for atom in residue if atom.name == "CA"])
    direction = np.array([1.0, 0.5, 0.3]) / np.linalg.norm([1.0, 0.5, 0.3])

    def nearest(distance: float) -> float:
        own = ca - ca.mean(0) + distance * direction
        others = np.concatenate([apply(operator, own) for operator in symmetry.operators[1:]])
        return float(cKDTree(others).query(own)[0].min())

    low, high = 0.0, 200.0
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (low, middle) if nearest(middle) > CONTACT else (middle, high)
    _moved(single, high * direction - ca.mean(0))
    made, _ = with_copies(single, [Orbit("A", ("A", *[None] * (len(symmetry) - 1)))], symmetry)
    return made


def simulated(truth: gemmi.Structure, resolution: float, noise: float, rng: np.random.Generator) -> DensityMap:
    """Map of a complex with noise that does not obey its symmetry."""
    atoms = heavy_atoms(truth)
    low, high = atoms.xyz.min(0) - MARGIN, atoms.xyz.max(0) + MARGIN
    step = resolution / 4
    shape = np.ceil((high - low) / step).astype(int) + 1
    empty = DensityMap(np.zeros(shape, np.float32), low, step * np.eye(3))
    signal = model_density(empty, atoms, resolution, np.full(len(atoms), B_FACTOR))
    white = low_pass(empty.with_values(rng.normal(size=shape)), resolution).values
    inside = signal > signal.std()
    return empty.with_values(signal + noise * signal[inside].std() * white / white.std())


def worse(truth: gemmi.Structure, rng: np.random.Generator) -> gemmi.Structure:
    """The model that jobs start from: each copy bent by a field of its own, stretches left out."""
    made = truth.clone()
    for chain in made[0]:
        atoms = [atom for residue in chain for atom in residue]
        places = np.array([atom.pos.tolist() for atom in atoms])
        field = smooth_field(places, BEND, rng, WAVE_LENGTHS)
        for atom, place in zip(atoms, (places + field).tolist(), strict=True):
            atom.pos = gemmi.Position(*place)
        for part, length in reversed(GAPS):
            first = int(part * len(chain))
            for row in reversed(range(first, first + length)):
                del chain[row]
    return made


def deviations(
    result: gemmi.Structure, truth: gemmi.Structure, start: gemmi.Structure, chains: list[str]
) -> tuple[float, float]:
    """CA RMSD of known and missing residues over chains, in angstrom."""
    known, missing = [], []
    for name in chains:
        true, shown, found = (_ca(structure, name) for structure in (truth, start, result))
        for address, place in true.items():
            way = float(np.sum(np.square(found[address] - place)))
            (known if address in shown else missing).append(way)
    return float(np.sqrt(np.mean(known))), float(np.sqrt(np.mean(missing)))


def apart(result: gemmi.Structure, operators: NDArray[np.float64]) -> float:
    """Largest distance of an atom of a copy from the image of the first copy's, in angstrom."""
    own = _places(result[0][0])
    found = zip(result[0], operators, strict=True)
    return max(float(np.linalg.norm(apply(operator, own) - _places(chain), axis=-1).max()) for chain, operator in found)


def _places(chain: gemmi.Chain) -> NDArray[np.float64]:
    return np.array([atom.pos.tolist() for residue in chain for atom in residue])


def _ca(structure: gemmi.Structure, chain: str) -> dict[str, NDArray[np.float64]]:
    return {
        str(residue.seqid): np.array(atom.pos.tolist())
        for residue in structure[0][chain]
        for atom in residue
        if atom.name == "CA"
    }


def _moved(structure: gemmi.Structure, shift: NDArray[np.float64]) -> None:
    for atom in structure[0].all():
        atom.atom.pos += gemmi.Position(*shift.tolist())


def _broken(chain: AtomicChain) -> bool:
    """Whether residues are missing, so that the sequence is not known."""
    numbers = [residue.seqid.num for residue in chain.structure[0][0]]
    return numbers != list(range(numbers[0], numbers[0] + len(numbers)))


if __name__ == "__main__":
    run_command(main)
