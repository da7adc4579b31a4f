"""Names of atoms in files of other programs."""

from __future__ import annotations

import gemmi
import pytest

from adp3d.sidechain.templates import TEMPLATES
from adp3d.structure.atom_aliases import standard_name, standard_names
from adp3d.structure.force_field_names import force_field_parent


@pytest.mark.parametrize(
    ("residue", "atom", "standard"),
    [
        ("ILE", "CD", "CD1"), ("ILE", "HD3", "HD13"), ("NILE", "CD", "CD1"), ("LYS", "CD", "CD"), ("PRO", "CD", "CD"),
        ("ALA", "OT1", "O"), ("ALA", "OT2", "OXT"), ("CALA", "OC1", "O"), ("HSD", "OC2", "OXT"), ("GLH", "O1", "O"),
        ("ASH", "O2", "OXT"), ("GLY", "OT", "OXT"), ("GLY", "HT1", "H1"), ("CYX", "HT3", "H3"), ("LYN", "HN", "H"),
        ("MSE", "SED", "SE"), ("MSE", "SE", "SE"), ("MET", "SD", "SD"), ("UNK", "OT2", "OXT"),
        ("PO4", "O1", "O1"), ("KCX", "OT1", "OT1"), ("NAG", "O2", "O2"),
    ],
)  # fmt: skip
def test_names_of_force_fields(residue, atom, standard):
    assert standard_name(residue, atom) == standard


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name != "UNK"])
def test_standard_names_are_no_others(name):
    assert [standard_name(name, atom) for atom in TEMPLATES[name].names] == list(TEMPLATES[name].names)


@pytest.mark.parametrize(
    ("states", "parent"),
    [("HSD HSE HSP HID HIE HIP", "HIS"), ("CYX CYM", "CYS"), ("LYN", "LYS"), ("ASH", "ASP"), ("GLH", "GLU")],
)
def test_states_of_residues(states, parent):
    assert {force_field_parent(state) for state in states.split()} == {parent}
    assert gemmi.find_tabulated_residue(parent).is_standard()


def test_two_atoms_never_get_one_name():
    assert standard_names("ILE", ["CD", "CG1", "OT1", "OT2"]) == {"CD": "CD1", "CG1": "CG1", "OT1": "O", "OT2": "OXT"}
    assert standard_names("ILE", ["CD", "CD1", "O", "OT1"]) == {"CD": "CD", "CD1": "CD1", "O": "O", "OT1": "OT1"}
    assert standard_names("LIG", ["CD", "O1"]) == {"CD": "CD", "O1": "O1"}
