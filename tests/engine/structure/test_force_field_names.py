"""Names of force fields."""

from __future__ import annotations

import pytest

from adp3d.structure.force_field_names import force_field_parent
from adp3d.structure.residues import is_type, one_letter


@pytest.mark.parametrize(
    ("name", "parent", "letter"),
    [
        ("HIE", "HIS", "H"),
        ("HSD", "HIS", "H"),
        ("CYX", "CYS", "C"),
        ("ASH", "ASP", "D"),
        ("GLH", "GLU", "E"),
        ("LYN", "LYS", "K"),
        ("NTHR", "THR", "T"),
        ("CGLY", "GLY", "G"),
        ("CHIE", "HIS", "H"),
        ("NCYX", "CYS", "C"),
        ("LYSH", "LYS", "K"),
    ],
)
def test_states_and_termini_have_their_parents(name, parent, letter):
    assert force_field_parent(name) == parent
    assert one_letter(name) == letter


@pytest.mark.parametrize("name", ["ALA", "HEM", "XTHR", "NHEM", "GLC", "", "DTHR"])
def test_other_names_have_none(name):
    assert force_field_parent(name) is None


def test_a_declared_parent_goes_first():
    assert one_letter("CYX", {"CYX": "SER"}) == "S"


def test_components_of_two_parents_stand_for_either():
    for name, code, letters in (("PCA", "E", "QE"), ("IAS", "D", "DN")):
        assert [letter for letter in "ACDEFGHIKLMNPQRSTVWY" if is_type(name, code, letter)] == sorted(letters)
    assert is_type("MSE", "M", "M") and not is_type("MSE", "M", "L")
