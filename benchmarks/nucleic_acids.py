"""Protein segments beside nucleic acid: built with it in the model, and without.

Usage: ``python benchmarks/nucleic_acids.py --complexes FILE:CHAIN:FIRST-LAST ... [--resolutions 3 4]
[--loose 60 200]``.
Writes ``jobs.csv``; the job folders stay in ``OUT/runs``.

Each complex is a file of a protein with DNA or RNA. Its map is simulated from all atoms but waters, nucleic acid
included (B of 60 A^2, noise as the given fraction of the signal, filtered like it). One segment of a protein chain,
whose atoms have a B of their own in the map, is left out of the model, and the chain is refined twice: ``kept`` has the
nucleic acid in the model as it is, ``without`` has not, so that nothing tells what its density is.

Columns: CA RMSD of the segment to the truth, of the result and mean of its replicas; ``nearest``, the least distance of
a CA atom of the segment from an atom of the nucleic acid, in the result and over the replicas, and that of the truth;
``inside``, the backbone atoms of the segment within 2.5 A of one, likewise (mean of the replicas); ``outside``, the
atoms of the model beside the chain, and ``changed``, how many of them differ in anything in the result.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import gemmi
import numpy as np
from command import begin, benchmark_parser, run_command
from numpy.typing import NDArray
from report import Row, Table
from scipy.spatial import cKDTree
from symmetry import B_FACTOR, MARGIN

from adp3d.contract.errors import InputError
from adp3d.contract.specification import RefineSpec
from adp3d.density.map import DensityMap
from adp3d.density.resample import low_pass
from adp3d.density.write import write_map
from adp3d.job.events import Control, NullEvents
from adp3d.job.folder import JobFolder
from adp3d.pipeline.refine import run
from adp3d.structure.read import read_structure
from adp3d.validation.atoms import heavy_atoms
from adp3d.validation.map_correlation import model_density

INSIDE = 2.5
"""Angstrom from an atom of a nucleic acid at which no backbone atom can be: hydrogen bonds are 2.7 A and longer."""
WAYS = ("kept", "without")
BACKBONE = ("N", "CA", "C", "O")


@dataclass(frozen=True)
class Case:
    """A complex, the chain that is computed, and the residues that it is to lack."""

    path: Path
    chain: str
    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> Case:
        """Read ``FILE:CHAIN:FIRST-LAST``."""
        try:
            path, chain, numbers = text.rsplit(":", 2)
            first, last = map(int, numbers.split("-"))
        except ValueError:
            raise InputError(f"Write complexes as FILE:CHAIN:FIRST-LAST, not {text!r}.") from None
        return cls(Path(path), chain, first, last)

    def missing(self, chain: gemmi.Chain) -> list[int]:
        """Rows of a chain that are left out."""
        return [row for row, residue in enumerate(chain) if self.first <= (residue.seqid.num or 0) <= self.last]


def main() -> None:
    """Refine the complexes and write the table."""
    parser = benchmark_parser("nucleic_acids", __doc__, steps=20, replicas=3)
    parser.add_argument("--complexes", nargs="+", required=True, metavar="FILE:CHAIN:FIRST-LAST")
    parser.add_argument("--resolutions", nargs="+", type=float, default=[3.0, 4.0])
    parser.add_argument("--loose", nargs="+", type=float, default=[60.0, 200.0], help="B of the segment, in A^2")
    parser.add_argument("--noise", type=float, default=0.5, help="noise over signal in the map, before filtering both")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    options = parser.parse_args()
    # the shared options know a folder of data, which complexes given as files do without
    begin(options)
    table = Table(options.out / "jobs.csv")
    for text in options.complexes:
        for resolution, loose in product(options.resolutions, options.loose):
            for row in jobs(Case.parse(text), resolution, loose, options):
                table.add(row)
                print(" ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()), flush=True)


def jobs(case: Case, resolution: float, loose: float, options: Namespace) -> Iterator[Row]:
    """Yield a row for each way to refine one complex."""
    truth = read_structure(case.path)
    truth.setup_entities()
    foreign = nucleic_atoms(truth)
    own = truth[0][case.chain]
    segment = [backbone(own[row]) for row in case.missing(own)]
    name = f"{case.path.name.split('.')[0]}_{resolution:g}_{loose:g}"
    folder = options.out / "runs" / name
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(options.seed)
    write_map(simulated(truth, case, resolution, loose, options.noise, rng), folder / "map.mrc")
    for way in options.ways:
        model = truth.clone()
        for row in reversed(case.missing(own)):
            del model[0][case.chain][row]
        if way == "without":
            for chain in [chain.name for chain in truth[0] if is_nucleic(chain)]:
                model[0].remove_chain(chain)
        model.make_mmcif_document().write_file(str(folder / f"{way}.cif"))
        spec = RefineSpec(
            output=str(folder / way), map=str(folder / "map.mrc"),
            model=str(folder / f"{way}.cif"), resolution=resolution, chains=(case.chain,),
            sequence=gemmi.one_letter_code([residue.name for residue in own.get_polymer()]),
            replicas=options.replicas, steps=options.steps, seed=options.seed, dock="never", trajectory_interval=0,
            device="cpu", unseen="build",
        )  # fmt: skip
        job = JobFolder.create(spec, overwrite=True)
        run(spec, job, NullEvents(), Control())
        before, result = read_structure(spec.model), read_structure(job.result)
        found = [segment_of(model[case.chain], case) for model in read_structure(job.path / "ensemble.cif")]
        best = compared(segment_of(result[0][case.chain], case), segment, foreign)
        rows = [compared(one, segment, foreign) for one in found]
        true = compared(segment, segment, foreign)
        yield {
            "complex": case.path.name.split(".")[0],
            "resolution": resolution,
            "b_segment": loose,
            "way": way,
            "residues": len(segment),
            "rmsd": best[0],
            "rmsd_replicas": float(np.mean([row[0] for row in rows])),
            "nearest": best[1],
            "nearest_replicas": min(row[1] for row in rows),
            "nearest_true": true[1],
            "inside": best[2],
            "inside_replicas": float(np.mean([row[2] for row in rows])),
            "inside_true": true[2],
            "outside": len(outside(before, case.chain)),
            "changed": differing(outside(before, case.chain), outside(result, case.chain)),
        }


def simulated(
    truth: gemmi.Structure, case: Case, resolution: float, loose: float, noise: float, rng: np.random.Generator
) -> DensityMap:
    """Map of a complex without its waters, whose segment moves more than the rest."""
    dry = truth.clone()
    dry.remove_waters()
    atoms = heavy_atoms(dry)
    own = truth[0][case.chain]
    segment = np.array([atom.pos.tolist() for row in case.missing(own) for atom in own[row]])
    b_factors = np.where(cKDTree(segment).query(atoms.xyz)[0] < 0.01, loose, B_FACTOR)
    low, high = atoms.xyz.min(0) - MARGIN, atoms.xyz.max(0) + MARGIN
    step = resolution / 4
    shape = np.ceil((high - low) / step).astype(int) + 1
    empty = DensityMap(np.zeros(shape, np.float32), low, step * np.eye(3))
    signal = model_density(empty, atoms, resolution, b_factors)
    white = low_pass(empty.with_values(rng.normal(size=shape)), resolution).values
    inside = signal > signal.std()
    return empty.with_values(signal + noise * signal[inside].std() * white / white.std())


def is_nucleic(chain: gemmi.Chain) -> bool:
    """Whether a chain is DNA or RNA."""
    return any(gemmi.find_tabulated_residue(residue.name).is_nucleic_acid() for residue in chain)


def nucleic_atoms(structure: gemmi.Structure) -> NDArray[np.float64]:
    """Places (K, 3) of the atoms of nucleic acids, in angstrom."""
    return np.array([
        atom.pos.tolist()
        for chain in structure[0]
        for residue in chain
        if gemmi.find_tabulated_residue(residue.name).is_nucleic_acid()
        for atom in residue
    ])  # fmt: skip


def backbone(residue: gemmi.Residue) -> NDArray[np.float64]:
    """N, CA, C and O (4, 3) of a residue."""
    return np.array([next(atom for atom in residue if atom.name == name).pos.tolist() for name in BACKBONE])


def segment_of(chain: gemmi.Chain, case: Case) -> list[NDArray[np.float64]]:
    """Backbones of what was built."""
    return [backbone(chain[row]) for row in case.missing(chain)]


def compared(
    segment: list[NDArray[np.float64]], truth: list[NDArray[np.float64]], foreign: NDArray[np.float64]
) -> tuple[float, float, int]:
    """CA RMSD, least distance of a CA atom from the nucleic acid, and backbone atoms in it."""
    found, wanted, tree = np.array(segment), np.array(truth), cKDTree(foreign)
    way = np.linalg.norm(found[:, 1] - wanted[:, 1], axis=-1)
    nearest = tree.query(found[:, 1])[0].min()
    return float(np.sqrt(np.mean(way**2))), float(nearest), int((tree.query(found.reshape(-1, 3))[0] < INSIDE).sum())


def outside(structure: gemmi.Structure, chain: str) -> list[tuple[object, ...]]:
    """All that a file says of the atoms beside a chain, in its order."""
    return [
        (
            one.name, residue.name, str(residue.seqid), atom.name, atom.altloc, atom.element.name, atom.charge,
            *atom.pos.tolist(), atom.occ, atom.b_iso, *atom.aniso.elements_pdb(),
        )
        for one in structure[0] if one.name != chain
        for residue in one
        for atom in residue
    ]  # fmt: skip


def differing(before: list[tuple[object, ...]], after: list[tuple[object, ...]]) -> int:
    """How many atoms are not the same, missing and added ones among them."""
    return sum(a != b for a, b in zip(before, after, strict=False)) + abs(len(before) - len(after))


if __name__ == "__main__":
    run_command(main)
