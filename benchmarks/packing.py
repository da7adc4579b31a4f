"""Side chains on true backbones of crystal structures, beside FASPR and LigandMPNN's packer.

    python benchmarks/packing.py --data DATA

Every program gets the same backbones, N, CA, C and O. Residues whose side chain is not known whole are given and built,
but only atoms that the entry shows are compared. Programs that are not installed are named, and left out.

Of ours there are two rows: samples of the model, as `adp3d backmap` draws them, and the one answer that a refinement
or completion gives, where the model's probabilities, the rotamer library and clashes choose all residues together.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import gemmi
import numpy as np
import torch
from all_atom_figures import fidelity, mean_of, validity
from all_atom_rivals import PACKERS, RivalError, available
from atomic_chains import SPLITS, AtomicChain, atomic_chains, listed
from command import begin, positive, run_command
from report import Row, Table, write_table

from adp3d.contract.errors import InputError
from adp3d.pipeline.backmap import draw_frame
from adp3d.pipeline.backmap_plan import make_plan
from adp3d.pipeline.backmap_types import chain_ends
from adp3d.rotamers.pack import look_at, pack
from adp3d.rotamers.task import PackingTask
from adp3d.sidechain.network import SideChainModel
from adp3d.sidechain.scene_of_model import scene_of_model
from adp3d.sidechain.templates import RESIDUE_NAMES, TEMPLATES
from adp3d.sidechain.weights_file import default_side_chain_model, load_side_chain_model

__all__ = ["built_by_us", "main", "packed_by_us", "stripped"]

OURS = "ADP-3D"
CHOSEN = "ADP-3D, chosen together"
CRYSTAL = "crystal structure"
EVERY = "all"


def stripped(structure: gemmi.Structure, names: tuple[str, ...]) -> gemmi.Structure:
    """The structure with some atoms of each residue only; residues that lack one of them are left out."""
    copy = structure.clone()
    for model in copy:
        for chain in model:
            for r in reversed(range(len(chain))):
                residue = chain[r]
                if any(name not in residue for name in names):
                    del chain[r]
                    continue
                for k in reversed(range(len(residue))):
                    if residue[k].name not in names:
                        del residue[k]
    return copy


def built_by_us(model: SideChainModel, given: gemmi.Structure, samples: int, seed: int) -> list[gemmi.Structure]:
    """All atoms for the first model of a structure as `adp3d backmap` builds them."""
    structure = given.clone()
    del structure[1:]
    for row, atom in enumerate(a for chain in structure[0] for residue in chain for a in residue):
        atom.serial = row
    xyz = np.array([a.pos.tolist() for chain in structure[0] for residue in chain for a in residue])
    plan = make_plan(structure, None, xyz, chain_ends(structure, None), None, None)
    written, _, _ = draw_frame(model, plan, xyz, seed, 0, samples)
    found = []
    for places in written:
        made = plan.structure.clone()
        for atom, place in zip((a for c in made[0] for r in c for a in r), places, strict=True):
            atom.pos = gemmi.Position(*place)
        found.append(made)
    return found


def packed_by_us(model: SideChainModel, given: gemmi.Structure, seed: int) -> gemmi.Structure:
    """Side chains for the backbones of a structure as a completion without a map chooses them."""
    scene = scene_of_model(given).scene
    n = scene.aatype.shape[1]
    nothing = torch.zeros(n, dtype=torch.bool)
    present = torch.zeros(n, 14, dtype=torch.bool)
    present[:, :4] = True
    task = PackingTask(
        backbone=scene.atoms[0, :, :4], aatype=scene.aatype[0], chain_index=scene.chain_index[0],
        residue_index=scene.residue_index[0], given=scene.atoms[0], present=present, open=~nothing,
        changeable=nothing, loose=nothing, obstacles=np.zeros((0, 3)), obstacle_elements=(),
    )  # fmt: skip
    atoms = pack(task, look_at(task, model, None, seed), None, seed).atoms.double().numpy()
    made = given.clone()
    residues = [residue for chain in made[0] for residue in chain]
    for row, residue in enumerate(residues):
        template = TEMPLATES[RESIDUE_NAMES[int(scene.aatype[0, row])]]
        for slot in range(4, len(template.names)):
            atom = gemmi.Atom()
            atom.name, atom.element = template.names[slot], gemmi.Element(template.elements[slot])
            atom.pos, atom.occ, atom.b_iso = gemmi.Position(*atoms[row, slot]), 1.0, 20.0
            residue.add_atom(atom)
    return made


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with structures/")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "packing")
    parser.add_argument("--weights", type=Path, help="weights of the side-chain model; the packaged ones by default")
    parser.add_argument("--samples", type=positive, default=4, help="of ours for each chain; figures are their means")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=positive, default=1)
    parser.add_argument("--chains", type=positive, default=1000, help="how many of the list, in its order")
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=list(SPLITS), help="whose chains")
    parser.add_argument("--programs", nargs="+", choices=(OURS, CHOSEN, *PACKERS), help="all by default")
    options = parser.parse_args()
    begin(options)
    model = default_side_chain_model() if options.weights is None else load_side_chain_model(options.weights)
    chains = [chain for chain in atomic_chains(options.data) if chain.split in options.splits][: options.chains]
    if not chains:
        raise InputError(f"{options.data} has no held-out crystal structures.")
    listed(chains, options.out / "chains.csv")
    wanted = (OURS, CHOSEN, *PACKERS) if options.programs is None else options.programs
    rivals = available({name: rival for name, rival in PACKERS.items() if name in wanted})
    table = Table(options.out / "packing.csv")
    for chain in chains:
        given = stripped(chain.structure, ("N", "CA", "C", "O"))
        truth = _same_residues(chain.structure, given)
        _row(table, chain, CRYSTAL, truth, truth, 0.0)
        if OURS in wanted:
            start = time.perf_counter()
            samples = built_by_us(model, given, options.samples, options.seed)
            seconds = (time.perf_counter() - start) / options.samples
            for sample in samples:
                _row(table, chain, OURS, sample, truth, seconds)
        if CHOSEN in wanted:
            start = time.perf_counter()
            chosen = packed_by_us(model, given, options.seed)
            _row(table, chain, CHOSEN, chosen, truth, time.perf_counter() - start)
        for name, rival in rivals.items():
            try:
                made, seconds = rival.run(given, options.seed)
            except RivalError as error:
                print(f"{chain.name}: {error}", file=sys.stderr)
                continue
            _row(table, chain, name, made, truth, seconds)
    write_table(options.out / "summary.csv", _summary(table.rows))


def _row(
    table: Table, chain: AtomicChain, program: str, made: gemmi.Structure, truth: gemmi.Structure, seconds: float
) -> None:
    row: dict[str, object] = {"chain": chain.name, "split": chain.split, "program": program}
    table.add({**row, **fidelity(made[0], truth[0]), **validity(made), "seconds": seconds})


def _summary(rows: list[Row]) -> list[Row]:
    """Means by program and split, and of both splits; of the chains that every program managed."""
    programs = list(dict.fromkeys(str(row["program"]) for row in rows))
    done = [{row["chain"] for row in rows if row["program"] == program} for program in programs]
    common = set.intersection(*done)
    found: list[Row] = []
    for split in (*dict.fromkeys(str(row["split"]) for row in rows), EVERY):
        for program in programs:
            own = [
                row
                for row in rows
                if row["program"] == program and split in (row["split"], EVERY) and row["chain"] in common
            ]
            if own:
                numbers = [name for name in own[0] if name not in ("chain", "split", "program")]
                means = {name: mean_of(own, name) for name in numbers}
                count = len({row["chain"] for row in own})
                found.append({"split": split, "program": program, "chains": count, **means})
    return found


def _same_residues(structure: gemmi.Structure, given: gemmi.Structure) -> gemmi.Structure:
    """The structure without residues that are not given."""
    copy = structure.clone()
    for chain, other in zip(copy[0], given[0], strict=True):
        kept = {str(residue.seqid) for residue in other}
        for r in reversed(range(len(chain))):
            if str(chain[r].seqid) not in kept:
                del chain[r]
    return copy


if __name__ == "__main__":
    run_command(main)
