"""Atoms beside the backbone of a job."""

from __future__ import annotations

import gemmi
import numpy as np

from adp3d.structure.other_atoms import other_atoms


def residue(name, number, atoms, icode=" "):
    made = gemmi.Residue()
    made.name, made.seqid = name, gemmi.SeqId(number, icode)
    for i, atom_name in enumerate(atoms):
        atom = gemmi.Atom()
        atom.name, atom.pos = atom_name, gemmi.Position(number, i, 0)
        made.add_atom(atom)
    return made


def structure():
    made, model, a, z = gemmi.Structure(), gemmi.Model(1), gemmi.Chain("A"), gemmi.Chain("Z")
    for number in (1, 2):
        a.add_residue(residue("ALA", number, ("N", "CA", "C", "O", "CB")))
    a.add_residue(residue("ALA", 2, ("N", "CA", "C", "O", "CB"), "A"))
    z.add_residue(residue("ZN", 9, ("ZN",)))
    z.add_residue(residue("HOH", 10, ("O",)))
    for chain in (a, z):
        model.add_chain(chain)
    made.add_model(model)
    return made


def test_ligands_side_chains_that_count_and_residues_of_nobody():
    labels = (("A", 1, ""), ("A", 2, ""))
    found = other_atoms(structure(), labels, np.array([False, True]))
    assert found.tolist() == [[2, 4, 0], *([2, i, 0] for i in range(5)), [9, 0, 0]], "CB of 2, all of 2A, and zinc"


def test_nothing_beside_the_backbone():
    labels = (("A", 1, ""), ("A", 2, ""), ("A", 2, "A"), ("Z", 9, ""))
    assert other_atoms(structure(), labels, np.zeros(4, bool)).shape == (0, 3)
