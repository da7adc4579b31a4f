from __future__ import annotations

import gemmi
import numpy as np
import pytest

from adp3d.structure.read import read_structure
from adp3d.validation.amino_acids import HYDROGENS, SIDE_CHAIN_BONDS
from adp3d.validation.atoms import bonds_of, heavy_atoms

ATOM = "ATOM  {:5d} {:4s}{}{:3s} A{:4d}    {:8.3f}{:8.3f}{:8.3f}{:6.2f} 20.00          {:>2s}"


def model(*atoms: tuple) -> gemmi.Structure:
    """Atoms as (name, altloc, residue, number, x, y, z, occupancy, element)."""
    lines = [ATOM.format(i + 1, f" {a[0]}", *a[1:]) for i, a in enumerate(atoms)]
    return gemmi.read_pdb_string("\n".join([*lines, "END"]))


def test_one_conformer_without_hydrogens():
    atoms = heavy_atoms(
        model(
            ("N", " ", "SER", 1, 0, 0, 0, 1.0, "N"),
            ("CA", " ", "SER", 1, 1.5, 0, 0, 1.0, "C"),
            ("HA", " ", "SER", 1, 1.5, 1, 0, 1.0, "H"),
            ("OG", "A", "SER", 1, 2.0, 2, 0, 0.3, "O"),
            ("OG", "B", "SER", 1, 2.0, 0, 2, 0.7, "O"),
        )
    )
    assert atoms.names.tolist() == ["N", "CA", "OG"]
    assert atoms.xyz[2].tolist() == [2.0, 0.0, 2.0] and atoms.occupancy[2] == pytest.approx(0.7)
    assert str(atoms.residues[0]) == "A 1 SER" and atoms.residues[0].protein and atoms.first.tolist() == [True]


def test_bonds_are_those_of_the_chemical_components(small):
    atoms = heavy_atoms(read_structure(small.deposited))
    pairs = bonds_of(atoms)
    apart = np.linalg.norm(atoms.xyz[pairs[:, 0]] - atoms.xyz[pairs[:, 1]], axis=1)
    assert apart.min() > 1.1 and apart.max() < 1.95
    inside = sum(3 + len(SIDE_CHAIN_BONDS[residue.name]) for residue in atoms.residues)
    assert len(pairs) == inside + len(atoms.residues) - 1


def test_atoms_that_come_too_close_are_not_bonded_but_ligands_are_by_distance():
    atoms = heavy_atoms(
        model(
            ("CA", " ", "ALA", 1, 0, 0, 0, 1.0, "C"),
            ("CB", " ", "ALA", 1, 1.5, 0, 0, 1.0, "C"),
            ("CB", " ", "ALA", 9, 3.0, 0, 0, 1.0, "C"),
            ("C1", " ", "LIG", 20, 20, 0, 0, 1.0, "C"),
            ("C2", " ", "LIG", 20, 21.5, 0, 0, 1.0, "C"),
        )
    )
    assert bonds_of(atoms).tolist() == [[0, 1], [3, 4]]


def test_disulfides_are_bonds():
    atoms = heavy_atoms(model(("SG", " ", "CYS", 1, 0, 0, 0, 1.0, "S"), ("SG", " ", "CYS", 8, 2.05, 0, 0, 1.0, "S")))
    assert bonds_of(atoms).tolist() == [[0, 1]]


def test_each_amino_acid_has_the_hydrogens_of_its_formula():
    # gemmi counts those of the free acid (H2 and HXT more), with basic side chains charged and acidic ones neutral
    for name, table in HYDROGENS.items():
        mine = sum(map(len, table.values())) + (name != "PRO")
        assert mine == gemmi.find_tabulated_residue(name).hydrogen_count - 2 - (name in ("ASP", "GLU")), name
