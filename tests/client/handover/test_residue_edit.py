"""Atoms of one residue: read, put in their places, and made again."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def linked(make_model):
    """Residues 3 and 9 of a model, with a bond from one's CB to the other's, as a disulfide bridge is."""
    from chimerax.atomic.struct_edit import add_bond

    structure = make_model(missing=())
    one, other = structure.residues[2], structure.residues[8]
    add_bond(one.find_atom("CB"), other.find_atom("CB"))
    return one, other


def _bonds(residue):
    return sorted(
        (atom.name, partner.residue.number, partner.name) for atom in residue.atoms for partner in atom.neighbors
    )


def test_atoms_that_come_back_have_their_bonds_and_looks(linked):
    from chimerax.adp3d.handover.residue_edit import put_atoms, read_atoms

    one, other = linked
    atom = one.find_atom("CB")
    atom.color, atom.draw_mode, atom.display = np.array((9, 8, 7, 255), np.uint8), atom.STICK_STYLE, False
    states, bonds, place = read_atoms(one), _bonds(one), np.array(atom.coord)
    assert ("CB", 9, "CB") in bonds
    put_atoms(one, {name: state for name, state in states.items() if name != "CB"})
    assert one.find_atom("CB") is None and not any(b[1] == 3 for b in _bonds(other))
    put_atoms(one, states)
    back = one.find_atom("CB")
    assert _bonds(one) == bonds
    assert np.array_equal(back.coord, place)
    assert (tuple(back.color), back.draw_mode, back.display) == ((9, 8, 7, 255), back.STICK_STYLE, False)


def test_a_bond_to_a_residue_that_is_gone_is_left_out(linked):
    from chimerax.adp3d.handover.residue_edit import put_atoms, read_atoms

    one, other = linked
    states = read_atoms(one)
    put_atoms(one, {name: state for name, state in states.items() if name != "CB"})
    other.delete()
    put_atoms(one, states)
    assert [partner.name for partner in one.find_atom("CB").neighbors] == ["CA"]


def test_new_backbone_atoms_are_bonded_and_drawn_like_the_others(session, make_model):
    from chimerax.adp3d.handover.residue_edit import AtomState, put_atoms, read_atoms

    residue = make_model(missing=()).residues[4]
    for atom in residue.atoms:
        atom.draw_mode, atom.display = atom.STICK_STYLE, False
    states = read_atoms(residue)
    states["OXT"] = AtomState("O", {"": 33.0}, {"": np.array([1.0, 2.0, 3.0])}, {"": 0.5})
    put_atoms(residue, states)
    made = residue.find_atom("OXT")
    assert [partner.name for partner in made.neighbors] == ["C"]
    assert (made.bfactor, made.occupancy, tuple(made.coord)) == (33.0, 0.5, (1.0, 2.0, 3.0))
    assert (made.draw_mode, made.display) == (made.STICK_STYLE, False)


def test_atoms_in_their_places_keep_their_b_factors_if_wanted(make_model):
    from chimerax.adp3d.handover.residue_edit import put_atoms, read_atoms

    residue = make_model(missing=()).residues[4]
    before = {atom.name: atom.bfactor for atom in residue.atoms}
    states = read_atoms(residue)
    for state in states.values():
        state.places[""] = state.places[""] + 1.0
        state.bfactors[""], state.occupancies[""] = 90.0, 0.25
    places = {atom.name: np.array(atom.coord) for atom in residue.atoms}
    put_atoms(residue, states, keep_bfactors=True)
    assert {atom.name: atom.bfactor for atom in residue.atoms} == before
    assert all(np.allclose(atom.coord, places[atom.name] + 1.0) and atom.occupancy == 0.25 for atom in residue.atoms)
    put_atoms(residue, states)
    assert {atom.bfactor for atom in residue.atoms} == {90.0}
