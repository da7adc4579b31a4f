"""A protein beside DNA, cut from PDB entry 4LUP, and its simulated map."""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np

from adp3d.density.map import DensityMap
from adp3d.structure.read import read_structure
from adp3d.validation.atoms import heavy_atoms
from adp3d.validation.map_correlation import model_density

FILE = Path(__file__).parents[1] / "data" / "4lup_dna.cif.gz"
SEGMENT = range(62, 74)
"""Residues of chain A that lie along the DNA (chain B), as near as 3.5 A."""


def complex_with_dna() -> gemmi.Structure:
    """Residues 44 to 92 of chain A, DNA as chain B and waters as chain S; one base has two conformations."""
    made = read_structure(FILE)
    base = made[0]["B"][2]
    for atom in [atom.clone() for atom in base if atom.name not in ("P", "OP1", "OP2")]:
        base.find_atom(atom.name, "*").altloc, base.find_atom(atom.name, "*").occ = "A", 0.625
        atom.altloc, atom.occ, atom.b_iso = "B", 0.375, atom.b_iso + 7.25
        atom.pos += gemmi.Position(0.25, -0.125, 0.5)
        base.add_atom(atom)
    return made


def without_segment(structure: gemmi.Structure) -> gemmi.Structure:
    """The complex without the residues of `SEGMENT`."""
    made = structure.clone()
    for row in reversed(range(len(made[0]["A"]))):
        if made[0]["A"][row].seqid.num in SEGMENT:
            del made[0]["A"][row]
    return made


def map_of(structure: gemmi.Structure, resolution: float, loose: float = 60.0) -> DensityMap:
    """Its noise-free map at B 60 A^2, without waters; the segment may move more."""
    dry = structure.clone()
    dry.remove_waters()
    atoms = heavy_atoms(dry)
    low, high = atoms.xyz.min(0) - 8, atoms.xyz.max(0) + 8
    step = resolution / 4
    shape = tuple(int(n) for n in np.ceil((high - low) / step) + 1)
    empty = DensityMap(np.zeros(shape, np.float32), low, step * np.eye(3))
    segment = {tuple(a.pos.tolist()) for r in structure[0]["A"] if r.seqid.num in SEGMENT for a in r}
    b_factors = np.array([loose if tuple(place) in segment else 60.0 for place in atoms.xyz.tolist()])
    return empty.with_values(model_density(empty, atoms, resolution, b_factors))


def dna_atoms(structure: gemmi.Structure) -> np.ndarray:
    """Places (K, 3) of the atoms of the DNA."""
    return np.array([atom.pos.tolist() for residue in structure[0]["B"] for atom in residue])


def ca_of_segment(structure: gemmi.Structure) -> np.ndarray:
    """CA atoms (12, 3) of the segment."""
    return np.array([r["CA"][0].pos.tolist() for r in structure[0]["A"] if r.seqid.num in SEGMENT])
