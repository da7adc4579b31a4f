"""Templates against gemmi's tables, the archive's slots and a deposited model."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import gemmi
import pytest
from atom14_model import demo_residues

from adp3d.sidechain.templates import AMINO_ACIDS, BACKBONE, N_SLOTS, RESIDUE_NAMES, TEMPLATES
from adp3d.training.dataset import _ATOM14_ELEMENTS
from adp3d.training.pseudo_atom_statistics import SIDE_CHAIN_ELEMENTS

KNOWN = [name for name in RESIDUE_NAMES if name != "UNK"]
COMPONENTS = Path(__file__).parents[2] / "data" / "modified_residues.cif.gz"


def test_order_is_that_of_the_network_input():
    codes = [gemmi.find_tabulated_residue(name).one_letter_code for name in RESIDUE_NAMES[: len(AMINO_ACIDS)]]
    assert "".join(codes) == AMINO_ACIDS


@pytest.mark.parametrize("name", KNOWN)
def test_composition_is_that_of_the_component(name):
    """Heavy atoms with OXT and the component's hydrogens weigh what gemmi's table says, charges aside."""
    info = gemmi.find_tabulated_residue(name)
    heavy = sum(gemmi.Element(e).weight for e in (*TEMPLATES[name].elements, "O"))
    hydrogens = info.weight - heavy
    assert hydrogens / 1.008 == pytest.approx(info.hydrogen_count, abs=0.05)


@pytest.mark.parametrize("code", AMINO_ACIDS)
def test_elements_are_those_of_the_archive(code):
    template = TEMPLATES[RESIDUE_NAMES[AMINO_ACIDS.index(code)]]
    assert "".join(template.elements) == _ATOM14_ELEMENTS[code]
    assert template.elements[4:] == tuple(SIDE_CHAIN_ELEMENTS[code])


def test_names_elements_and_order_are_those_of_a_deposited_model():
    """A few residues of the model were rewritten by a program that puts CA behind O: one in order is enough."""
    ordered = set()
    for residue in demo_residues():
        atoms = [(a.name, a.element.name) for a in residue if not a.element.is_hydrogen and a.name != "OXT"]
        template = TEMPLATES[residue.name]
        expected = [*zip(template.names, template.elements, strict=True)]
        assert set(atoms) <= set(expected)
        if atoms == expected:
            ordered.add(residue.name)
    assert ordered == set(RESIDUE_NAMES[:20])


def test_selenomethionine_is_the_component_of_the_dictionary():
    table = gemmi.cif.read(str(COMPONENTS)).find_block("MSE").find("_chem_comp_atom.", ["atom_id", "type_symbol"])
    found = {row[0]: row[1].capitalize() for row in table if row[0] != "OXT"}
    assert found == dict(zip(TEMPLATES["MSE"].names, TEMPLATES["MSE"].elements, strict=True))


def test_bonds_are_what_is_close_in_a_deposited_model():
    """Every bond of a template is a short distance, and no other pair is."""
    for residue in demo_residues():
        template = TEMPLATES[residue.name]
        bonds = {frozenset(b) for b in template.bonds}
        for one, other in combinations([n for n in template.names if n in residue], 2):
            apart = residue[one][0].pos.dist(residue[other][0].pos)
            assert (apart < 1.95) == (frozenset((one, other)) in bonds), (residue.name, one, other, apart)


@pytest.mark.parametrize("name", RESIDUE_NAMES)
def test_atoms_are_placed_from_bonded_atoms_before_them(name):
    template = TEMPLATES[name]
    assert len(template.names) <= N_SLOTS and len(set(template.names)) == len(template.names)
    bonds = {frozenset(bond) for bond in template.bonds}
    for number, atom in enumerate(template.side_chain):
        before = template.names[: len(BACKBONE) + number]
        assert set(atom.references) <= set(before) and len(set(atom.references)) == 3
        assert frozenset((atom.references[2], atom.name)) in bonds
        if atom.name != "CB":
            a, b, c = atom.references
            assert {frozenset((a, b)), frozenset((b, c))} <= bonds


def test_torsions_are_those_of_iupac():
    assert {name: t.n_chi for name, t in TEMPLATES.items() if t.n_chi} == {
        "ARG": 4, "ASN": 2, "ASP": 2, "CYS": 1, "GLN": 3, "GLU": 3, "HIS": 2, "ILE": 2, "LEU": 2, "LYS": 4, "MET": 3,
        "PHE": 2, "PRO": 2, "SER": 1, "THR": 1, "TRP": 2, "TYR": 2, "VAL": 1, "MSE": 3,
    }  # fmt: skip
    assert TEMPLATES["ILE"].chi_atoms(1) == ("N", "CA", "CB", "CG1")
    assert TEMPLATES["THR"].chi_atoms(1) == ("N", "CA", "CB", "OG1")
    assert TEMPLATES["MSE"].chi_atoms(3) == ("CB", "CG", "SE", "CE")
    for template in TEMPLATES.values():
        for k in range(1, template.n_chi):
            assert template.chi_atoms(k)[1:] == template.chi_atoms(k + 1)[:3]


def test_symmetric_chis_turn_onto_themselves():
    """What half a turn exchanges are atoms of one element bonded to the same atom, and pairs of those."""
    assert {name for name, t in TEMPLATES.items() if t.symmetric_chi} == {"ASP", "GLU", "PHE", "TYR"}
    for template in TEMPLATES.values():
        renamed = {a: b for pair in template.swaps for a, b in (pair, pair[::-1])}
        element = dict(zip(template.names, template.elements, strict=True))
        bonds = {frozenset(bond) for bond in template.bonds}
        assert {frozenset(renamed.get(a, a) for a in bond) for bond in bonds} == bonds
        assert all(element[a] == element[b] for a, b in renamed.items())
