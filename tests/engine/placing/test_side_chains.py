from __future__ import annotations

import gemmi
import numpy as np
import pytest

from adp3d.placing.side_chains import PlacedSideChain, put_side_chains
from adp3d.placing.target import build_target
from adp3d.placing.write import result_structure
from adp3d.structure.sequences import NamedSequence

SERINE = PlacedSideChain(("CB", "OG"), ("C", "O"), np.array([[1.0, 2, 3], [2.0, 2, 3]]), True)


def b_of(row, old):
    return 66.0 if old is None else old


def residue_of(*atoms, name="SER"):
    """Chain A with one residue of the given atoms (name, element, altloc, occupancy, B-factor)."""
    residue = gemmi.Residue()
    residue.name, residue.seqid = name, gemmi.SeqId(7, " ")
    for atom_name, element, altloc, occupancy, b_iso in atoms:
        atom = gemmi.Atom()
        atom.name, atom.element = atom_name, gemmi.Element(element)
        atom.altloc, atom.occ, atom.b_iso = altloc, occupancy, b_iso
        residue.add_atom(atom)
    chain = gemmi.Chain("A")
    chain.add_residue(residue)
    model = gemmi.Model(1)
    model.add_chain(chain)
    return model


def plain(*names):
    return [(name, name[0], "\0", 1.0, 20.0) for name in names]


def shown(model):
    return [(atom.name, atom.pos.tolist(), atom.occ, atom.b_iso) for atom in model[0][0]]


def test_a_residue_without_gets_its_side_chain_in_order():
    model = residue_of(*plain("N", "CA", "C", "O"))
    put_side_chains(model, [("A", 7, "")], [SERINE], b_of)
    assert [row[0] for row in shown(model)] == ["N", "CA", "C", "O", "CB", "OG"]
    assert shown(model)[4:] == [("CB", [1, 2, 3], 1.0, 66.0), ("OG", [2, 2, 3], 1.0, 66.0)]
    assert [atom.element.name for atom in model[0][0]] == ["N", "C", "C", "O", "C", "O"]


def test_a_replaced_side_chain_takes_hydrogens_and_conformers_with_it():
    atoms = [
        *plain("N", "CA", "C", "O", "CB"), ("OG", "O", "A", 0.6, 31.0), ("OG", "O", "B", 0.4, 33.0),
        *plain("H", "HA", "HB2", "HG", "OXT"),
    ]  # fmt: skip
    model = residue_of(*atoms)
    put_side_chains(model, [("A", 7, "")], [SERINE], b_of)
    assert [row[0] for row in shown(model)] == ["N", "CA", "C", "O", "CB", "OG", "OXT", "H", "HA"]
    assert shown(model)[4] == ("CB", [1, 2, 3], 1.0, 20.0), "an atom of that name keeps its B-factor"
    assert shown(model)[5] == ("OG", [2, 2, 3], 1.0, 31.0), "conformers become one"


def test_missing_atoms_are_added_and_what_is_there_stays():
    model = residue_of(*plain("N", "CA", "C", "O"), ("OG", "O", "\0", 0.5, 44.0), *plain("HA"))
    put_side_chains(model, [("A", 7, "")], [PlacedSideChain(*_parts(SERINE), False)], b_of)
    assert [row[0] for row in shown(model)] == ["N", "CA", "C", "O", "CB", "OG", "HA"]
    assert shown(model)[5] == ("OG", [0, 0, 0], 0.5, 44.0)
    assert shown(model)[4] == ("CB", [1, 2, 3], 1.0, 66.0)


def _parts(side):
    return side.names, side.elements, side.xyz


def test_true_ends_get_a_second_oxygen_once():
    side = PlacedSideChain((), (), np.zeros((0, 3)), False, np.array([9.0, 9, 9]))
    for before, expected in ((plain("N", "CA", "C", "O"), [9, 9, 9]), (plain("N", "CA", "C", "O", "OXT"), [0, 0, 0])):
        model = residue_of(*before, name="GLY")
        put_side_chains(model, [("A", 7, "")], [side], b_of)
        assert [row[0] for row in shown(model)] == ["N", "CA", "C", "O", "OXT"]
        assert shown(model)[4][1] == expected


def test_results_hold_them_with_serial_numbers_in_order_and_others_are_as_they_were(make):
    structure = make.build([make.Part("A", make.SEQUENCE, skip=(10,)), make.Part("B", make.OTHER, shift=(50, 0, 0))])
    target = build_target(structure, [NamedSequence("s", make.SEQUENCE)], chains=["A"])
    xyz = np.nan_to_num(target.xyz, nan=5.0)
    placed = [None] * target.n_residues
    placed[10] = SERINE
    kept = target.known.any(1)
    result = result_structure(structure, target, xyz, np.full(80, 90.0), None, kept, b_of, placed)
    assert [atom.name for atom in result[0]["A"][10]] == ["N", "CA", "C", "O", "CB", "OG"]
    serials = [atom.serial for chain in result[0] for residue in chain for atom in residue]
    assert serials == sorted(serials)
    assert len(set(serials)) == len(serials)
    for old, new in zip(structure[0]["B"], result[0]["B"], strict=True):
        assert [(a.name, a.pos.tolist(), a.b_iso, a.occ) for a in new] == [
            (a.name, a.pos.tolist(), a.b_iso, a.occ) for a in old
        ]
    with pytest.raises(IndexError):
        put_side_chains(result[0], target.labels, [SERINE], b_of)
