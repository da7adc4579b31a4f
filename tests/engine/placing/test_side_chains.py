from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

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


def test_hydrogens_go_with_a_side_chain_that_moves():
    """A serine turned about CA-CB: its hydrogens keep their distances to the atoms that hold them."""
    residue = gemmi.Residue()
    residue.name, residue.seqid = "SER", gemmi.SeqId(7, " ")
    places = {
        "N": (1.46, 0.0, 0.0), "CA": (0.0, 0.0, 0.0), "C": (-0.55, 1.42, 0.0), "O": (-1.7, 1.6, 0.3),
        "CB": (-0.53, -0.77, 1.2), "OG": (-1.9, -0.5, 1.4), "H": (1.9, 0.8, 0.3), "HA": (-0.3, -0.5, -0.9),
        "HB2": (-0.4, -1.84, 1.03),
        "HB3": (0.0, -0.48, 2.1), "HG": (-2.2, -1.0, 2.2),
    }  # fmt: skip
    for name, place in places.items():
        made = gemmi.Atom()
        made.name, made.element, made.pos = name, gemmi.Element(name[0]), gemmi.Position(*place)
        residue.add_atom(made)
    chain, model = gemmi.Chain("A"), gemmi.Model(1)
    chain.add_residue(residue)
    model.add_chain(chain)
    axis = np.array(places["CB"]) / np.linalg.norm(places["CB"])
    turn = Rotation.from_rotvec(1.9 * axis)
    xyz = turn.apply(np.array([places["CB"], places["OG"]]))
    moved = PlacedSideChain(("CB", "OG"), ("C", "O"), xyz, True, carries=True)
    put_side_chains(model, [("A", 7, "")], [moved], lambda row, old: 20.0 if old is None else old)
    found = {atom.name: np.array(atom.pos.tolist()) for atom in model[0][0]}
    assert set(found) == set(places)
    for name in ("H", "HA"):
        np.testing.assert_allclose(found[name], places[name], atol=1e-5)
    for hydrogen, parent in (("HB2", "CB"), ("HB3", "CB"), ("HG", "OG")):
        before = np.linalg.norm(np.array(places[hydrogen]) - places[parent])
        assert np.linalg.norm(found[hydrogen] - found[parent]) == pytest.approx(before, abs=1e-4)
    np.testing.assert_allclose(found["HG"], turn.apply(places["HG"]), atol=1e-4)


def test_atoms_under_names_of_force_fields_are_not_added_again():
    """CHARMM's ILE with CD that lacks CG2, at the end of its chain."""
    names = ("CB", "CG1", "CG2", "CD1")
    side = PlacedSideChain(names, ("C",) * 4, np.arange(12.0).reshape(4, 3), False, np.array([9.0, 9.0, 9.0]))
    model = residue_of(*plain("N", "CA", "CB", "CG1", "CD", "C", "OT1", "OT2"), name="ILE")
    put_side_chains(model, [("A", 7, "")], [side], b_of)
    assert [row[0] for row in shown(model)] == ["N", "CA", "C", "OT1", "CB", "CG1", "CG2", "CD", "OT2"]
    whole = PlacedSideChain(names, ("C",) * 4, np.arange(12.0).reshape(4, 3), True)
    put_side_chains(model, [("A", 7, "")], [whole], b_of)
    assert [row[0] for row in shown(model)] == ["N", "CA", "C", "OT1", *names, "OT2"]
    assert shown(model)[7][3] == 20.0, "CD keeps its B-factor as CD1"
    model = residue_of(*plain("N", "CA", "CB", "CG1", "CG2", "CD", "C", "OT1", "OT2"), name="ILE")
    put_side_chains(model, [("A", 7, "")], [replace(whole, carries=True)], b_of)
    assert [row[0] for row in shown(model)] == ["N", "CA", "C", "OT1", "CB", "CG1", "CG2", "CD", "OT2"]


CA, CB = np.zeros(3), np.array([1.53, 0.0, 0.0])


def capped(names, heavy=("N", "CA", "C", "O", "CB"), name="LEU"):
    """A residue along x that ends in a methyl group, with its hydrogens at -60, 60 and 180 degrees."""
    model = residue_of(*plain(*heavy, *names), name=name)
    places = {"N": [-0.5, 1.4, 0.0], "CA": CA, "C": [-0.5, -0.7, 1.2], "O": [-0.5, -0.7, 2.4], "CB": CB}
    places |= dict(zip(names, (_around(1.09, angle) for angle in (-60.0, 60.0, 180.0)), strict=False))
    for atom in model[0][0]:
        atom.pos = gemmi.Position(*np.asarray(places[atom.name], float).tolist())
    return model


def _around(length, torsion, bend=109.5):
    """Where an atom is that is bonded to CB, by its torsion about CA-CB."""
    up, turn = -np.cos(np.radians(bend)), np.radians(torsion)
    return CB + length * np.array([up, *(np.sin(np.radians(bend)) * np.array([np.cos(turn), np.sin(turn)]))])


@pytest.mark.parametrize(
    ("torsion", "left"), [(-60.0, ["HB2", "HB3"]), (180.0, ["HB2", "HB3"]), (40.0, ["HB2", "HB3"])]
)
def test_a_completed_chain_loses_the_caps_in_the_place_of_new_atoms(torsion, left):
    model = capped(("HB1", "HB2", "HB3"))
    given = {tuple(np.round(atom.pos.tolist(), 3)) for atom in model[0][0]}
    longer = PlacedSideChain(("CB", "CG"), ("C", "C"), np.array([CB, _around(1.53, torsion)]), False)
    put_side_chains(model, [("A", 7, "")], [longer], b_of)
    atoms = list(model[0][0])
    assert [atom.name for atom in atoms] == ["N", "CA", "C", "O", "CB", "CG", "HB2", "HB3"]
    for atom in atoms[-2:]:
        assert tuple(np.round(atom.pos.tolist(), 3)) in given and atom.pos.dist(atoms[5].pos) > 1.9


def test_a_branch_leaves_one_hydrogen_which_gets_its_name():
    model = capped(("HB1", "HB2", "HB3"), name="VAL")
    branches = np.array([CB, _around(1.53, 60.0), _around(1.53, 180.0)])
    longer = PlacedSideChain(("CB", "CG1", "CG2"), ("C", "C", "C"), branches, False)
    put_side_chains(model, [("A", 7, "")], [longer], b_of)
    assert [atom.name for atom in model[0][0]] == ["N", "CA", "C", "O", "CB", "CG1", "CG2", "HB"]
    np.testing.assert_allclose(model[0][0]["HB"][0].pos.tolist(), _around(1.09, -60.0), atol=1e-6)


@pytest.mark.parametrize("names", [("H1", "H2", "H3"), ("HT1", "HT2", "HT3")])
def test_hydrogens_of_the_first_nitrogen_stay_where_a_side_chain_is_built(names):
    model = residue_of(*plain("N", "CA", "C", "O", *names))
    put_side_chains(model, [("A", 7, "")], [SERINE], b_of)
    assert [row[0] for row in shown(model)] == ["N", "CA", "C", "O", "CB", "OG", *names]


def test_a_glycine_that_becomes_another_residue_keeps_one_hydrogen_of_ca():
    model = residue_of(*plain("N", "CA", "C", "O", "HA2", "HA3"), name="GLY")
    places = [[-0.5, 1.4, 0], CA, [-0.5, -0.7, 1.2], [-0.5, -0.7, 2.4], [1.09, 0, 0], [-0.4, -0.7, -0.8]]
    for atom, place in zip(model[0][0], places, strict=True):
        atom.pos = gemmi.Position(*np.asarray(place, float).tolist())
    alanine = PlacedSideChain(("CB",), ("C",), CB[None], True)
    put_side_chains(model, [("A", 7, "")], [alanine], b_of)
    assert [atom.name for atom in model[0][0]] == ["N", "CA", "C", "O", "CB", "HA"]
    np.testing.assert_allclose(model[0][0]["HA"][0].pos.tolist(), places[-1])
