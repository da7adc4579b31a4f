"""CA from backbone beads."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
from shared_data import shared_file

from adp3d.structure.coarse_grained import ca_of_beads, take_beads
from adp3d.structure.read import read_structure

MASS = np.array([14.007, 12.011, 12.011, 15.999])


def beads_of(make, sequence: str, side: bool) -> tuple[gemmi.Structure, np.ndarray]:
    """A helix in Martini's beads, and its CA."""
    xyz = make.helix(len(sequence))
    structure = gemmi.Structure()
    model, chain = gemmi.Model(1), gemmi.Chain("A")
    serial = 0
    for k, backbone in enumerate(xyz):
        residue = gemmi.Residue()
        residue.name, residue.seqid = (
            gemmi.expand_one_letter(sequence[k], gemmi.ResidueKind.AA),
            gemmi.SeqId(k + 1, " "),
        )
        bead = (backbone * MASS[:, None]).sum(0) / MASS.sum()
        places = [("BB", bead)]
        if side and sequence[k] != "G":
            n, ca, c, _ = backbone
            out = ca - (n + c) / 2
            places.append(("SC1", ca + 2.5 * out / np.linalg.norm(out)))
        for name, place in places:
            atom = make.atom(name, place, element="C")
            atom.serial, serial = serial, serial + 1
            residue.add_atom(atom)
        chain.add_residue(residue)
    model.add_chain(chain)
    structure.add_model(model)
    structure.setup_entities()
    return structure, xyz[:, 1]


def coordinates(structure: gemmi.Structure) -> np.ndarray:
    return np.array([a.pos.tolist() for chain in structure[0] for residue in chain for a in residue])


@pytest.mark.parametrize(("side", "most"), [(True, 0.6), (False, 0.6)])
def test_ca_lie_where_beads_say_and_keep_their_distances(make, side, most):
    structure, ca = beads_of(make, "AKVGLLEDKRAV", side)
    xyz = coordinates(structure)
    beads = take_beads(structure[0])
    found = ca_of_beads(xyz, beads)
    off = np.linalg.norm(found - ca, axis=-1)
    plain = np.linalg.norm(xyz[beads.rows] - ca, axis=-1)
    assert np.sqrt((off[2:-2] ** 2).mean()) < most < np.sqrt((plain**2).mean())
    np.testing.assert_allclose(np.linalg.norm(np.diff(found, axis=0), axis=-1), 3.81, atol=0.02)
    assert [[a.name for a in residue] for residue in structure[0]["A"]] == [["CA"]] * 12


def test_chains_that_follow_one_another_are_not_pulled_together(make):
    structure, _ = beads_of(make, "AKVGLLEDKRAV", False)
    for residue in list(structure[0]["A"])[6:]:
        residue[0].pos = gemmi.Position(residue[0].pos.x + 30, residue[0].pos.y, residue[0].pos.z)
    xyz = coordinates(structure)
    beads = take_beads(structure[0])
    assert np.flatnonzero(~beads.linked).tolist() == [5, 11]
    found = ca_of_beads(xyz, beads)
    assert np.linalg.norm(found[6] - found[5]) > 25


def test_real_beads_of_crambin():
    folder = shared_file("backmapping/1ab1")
    structure = read_structure(folder / "1ab1_A.martini3.pdb")
    for row, atom in enumerate(a for chain in structure[0] for residue in chain for a in residue):
        atom.serial = row
    xyz = coordinates(structure)
    found = ca_of_beads(xyz, take_beads(structure[0]))
    truth = [residue["CA"][0].pos.tolist() for residue in read_structure(folder / "1ab1_A.pdb")[0]["A"]]
    assert np.sqrt((np.linalg.norm(found - truth, axis=-1) ** 2).mean()) < 0.45


def test_side_chain_beads_beside_ca_are_dropped_and_atoms_are_not(make):
    structure = make.build([make.Part("A", "AKV")])
    before = structure[0].count_atom_sites()
    assert take_beads(structure[0]) is None and structure[0].count_atom_sites() == before
    for residue in structure[0]["A"]:
        for k in reversed(range(len(residue))):
            if residue[k].name not in ("CA", "CB"):
                del residue[k]
        residue[1].name = "CM"
    assert take_beads(structure[0]) is None
    assert [[a.name for a in residue] for residue in structure[0]["A"]] == [["CA"]] * 3
