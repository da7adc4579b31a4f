"""Crystal structures with all atoms that the side-chain model was not trained on, chosen by rule, and ensembles."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from held_out import shared_runs, training_runs
from numpy.typing import NDArray

from adp3d.contract.errors import InputError
from adp3d.sidechain.templates import N_SLOTS, RESIDUE_NAMES, TEMPLATES
from adp3d.structure.read import read_structure

__all__ = ["SPLITS", "AtomicChain", "atomic_chains", "ensembles", "listed", "protein_only"]

WORST_RESOLUTION = 2.2
"""Angstrom."""
LEAST_COMPLETE = 0.9
"""Of the residues with all of their atoms."""
SPLITS = ("test", "val")
"""Neither is trained on. Choices were made by validation, so that its chains are reported apart."""


@dataclass(frozen=True)
class AtomicChain:
    """One chain of an entry.

    Attributes
    ----------
    name : str
        PDB code and chain, ``1abc_A``.
    split : str
    structure : gemmi.Structure
        Heavy atoms of its 20 amino acids, one model, numbered with gaps at breaks.
    """

    name: str
    split: str
    structure: gemmi.Structure


def atomic_chains(data: Path) -> list[AtomicChain]:
    """X-ray chains at 2.2 A or better of the test and validation splits, one of each entry, by split and name.

    At least nine residues of ten have all of their atoms; no ten residues in a row are those of a training chain.

    Raises
    ------
    InputError
        If the files are missing.
    """
    folder = data / "structures"
    shards = sorted(folder.glob("chains_full_*.npz"))
    if not shards:
        raise InputError(f"There are no files {folder}/chains_full_*.npz: give the data folder with --data.")
    trained = training_runs(folder)
    found: dict[tuple[str, str], AtomicChain] = {}
    for shard in shards:
        with np.load(shard, allow_pickle=False) as archive:
            table = {key: archive[key] for key in archive.files}
        for i in range(len(table["pdb"])):
            split, entry = str(table["split"][i]), str(table["pdb"][i])
            good = 0 < table["resolution"][i] <= WORST_RESOLUTION and str(table["method"][i]) == "XRAY"
            if split not in SPLITS or not good or (split, entry) in found:
                continue
            rows = slice(table["res_ptr"][i], table["res_ptr"][i + 1])
            types = table["aatype"][rows]
            if shared_runs(types, trained) or _complete(types, table["atommask"][rows]) < LEAST_COMPLETE:
                continue
            found[split, entry] = AtomicChain(f"{entry}_{table['chain'][i]}", split, _structure(table, i))
    return sorted(found.values(), key=lambda chain: (SPLITS.index(chain.split), chain.name))


def ensembles(data: Path, most: int) -> Iterator[tuple[str, gemmi.Structure]]:
    """Multi-model entries, crambin, and the all-atom model of PED00055, protein chains only, up to ``most`` models."""
    files = [*sorted((data / "ensembles").glob("*.*")), data / "backmapping/1ab1/1ab1_A.pdb"]
    for path in (*files, data / "backmapping/ped00055/PED00055.pdb"):
        if path.suffix not in (".pdb", ".cif"):
            continue
        structure = read_structure(path)
        del structure[most:]
        yield path.name.split(".")[0].split("_")[0].lower(), protein_only(structure)


def protein_only(structure: gemmi.Structure) -> gemmi.Structure:
    """The 20 amino acids of a structure, heavy atoms of their templates only."""
    copy = structure.clone()
    copy.remove_hydrogens()
    copy.remove_alternative_conformations()
    copy.remove_ligands_and_waters()
    for model in copy:
        for chain in model:
            for residue in chain:
                names = (*TEMPLATES[residue.name].names, "OXT") if residue.name in TEMPLATES else ()
                for k in reversed(range(len(residue))):
                    if residue[k].name not in names:
                        del residue[k]
    copy.remove_empty_chains()
    return copy


def _complete(types: NDArray[np.integer], masks: NDArray[np.integer]) -> float:
    whole = [len(TEMPLATES[RESIDUE_NAMES[kind]].names) for kind in types]
    return float(np.mean([bin(mask).count("1") >= count for mask, count in zip(masks.tolist(), whole, strict=True)]))


def _structure(table: dict[str, NDArray[np.generic]], i: int) -> gemmi.Structure:
    """A chain of the archive as a structure."""
    rows = slice(table["res_ptr"][i], table["res_ptr"][i + 1])
    xyz = table["xyz"][table["atom_ptr"][i] : table["atom_ptr"][i + 1]] / 100.0
    structure, model, chain = gemmi.Structure(), gemmi.Model(1), gemmi.Chain("A")
    structure.name, atom = str(table["pdb"][i]), 0
    number = 0
    for kind, mask, broken in zip(
        table["aatype"][rows].tolist(), table["atommask"][rows].tolist(), table["brk"][rows].tolist(), strict=True
    ):
        template = TEMPLATES[RESIDUE_NAMES[kind]]
        residue = gemmi.Residue()
        number += 1
        residue.name, residue.seqid = template.name, gemmi.SeqId(number, " ")
        residue.entity_type = gemmi.EntityType.Polymer
        for slot in range(N_SLOTS):
            if mask >> slot & 1:
                made = gemmi.Atom()
                made.name, made.element = template.names[slot], gemmi.Element(template.elements[slot])
                made.pos, made.occ, made.b_iso = gemmi.Position(*xyz[atom]), 1.0, 20.0
                residue.add_atom(made)
                atom += 1
        number += 5 * broken  # a gap in the numbers keeps programs from joining what is apart
        chain.add_residue(residue)
    model.add_chain(chain)
    structure.add_model(model)
    structure.setup_entities()
    return structure


def listed(chains: list[AtomicChain], path: Path) -> None:
    """Write which chains were used."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["chain", "split", "residues"])
        writer.writerows([chain.name, chain.split, sum(len(c) for c in chain.structure[0])] for chain in chains)
