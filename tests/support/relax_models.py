"""Pieces of the demo's model for tests of relaxation."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from adp3d.structure.read import read_structure

DEMO = Path(__file__).resolve().parents[2] / "src/engine/pipeline/demo"
MODEL, MAP = DEMO / "emd_20026_deposited.cif.gz", DEMO / "emd_20026_protomer.map.gz"
"""172 residues, all 20 amino acids, and the map at 1.75 A."""


def piece(numbers: Iterable[int]) -> gemmi.Structure:
    """Residues of the demo's chain A by their numbers, and nothing else."""
    structure = read_structure(MODEL)
    kept = set(numbers)
    chain = structure[0]["A"]
    for index in reversed(range(len(chain))):
        if chain[index].seqid.num not in kept:
            del chain[index]
    return structure


def add_residue(
    structure: gemmi.Structure, chain: str, number: int, name: str, atoms: dict[str, tuple[str, NDArray[np.float64]]]
) -> None:
    """Put a residue that is no polymer into a chain of its own: atoms by name, with element and position in A."""
    residue = gemmi.Residue()
    residue.name, residue.seqid, residue.het_flag = name, gemmi.SeqId(number, " "), "H"
    residue.entity_type = gemmi.EntityType.Water if name == "HOH" else gemmi.EntityType.NonPolymer
    for atom_name, (element, position) in atoms.items():
        atom = gemmi.Atom()
        atom.name, atom.element, atom.pos = atom_name, gemmi.Element(element), gemmi.Position(*position.tolist())
        atom.occ, atom.b_iso = 1.0, 30.0
        residue.add_atom(atom)
    if structure[0].find_chain(chain) is None:
        structure[0].add_chain(gemmi.Chain(chain))
    structure[0][chain].add_residue(residue)


def everything(structure: gemmi.Structure) -> NDArray[np.bool_]:
    """Mask of all residues of the first model."""
    return np.ones(sum(len(chain) for chain in structure[0]), bool)


def place(structure: gemmi.Structure, number: int, name: str, chain: str = "A") -> NDArray[np.float64]:
    """Position of an atom in A."""
    (residue,) = structure[0][chain][str(number)]
    return np.array(residue[name][0].pos.tolist())


def coordinates(structure: gemmi.Structure) -> NDArray[np.float64]:
    """Positions of all atoms of the first model, in file order."""
    return np.array([found.atom.pos.tolist() for found in structure[0].all()])


def shaken(structure: gemmi.Structure, distance: float, seed: int = 0) -> gemmi.Structure:
    """Copy with all atoms displaced at random, by ``distance`` A (rms)."""
    random = np.random.default_rng(seed)
    copy = structure.clone()
    for found in copy[0].all():
        step = random.normal(0.0, distance / np.sqrt(3.0), 3)
        found.atom.pos = gemmi.Position(*(np.array(found.atom.pos.tolist()) + step).tolist())
    return copy
