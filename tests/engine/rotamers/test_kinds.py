from __future__ import annotations

import torch

from adp3d.rotamers.kinds import BESIDE, CLASS_OF, N_KINDS, N_MOVING, TRUNK, beside, kind_of_element, kinds_of
from adp3d.sidechain.templates import N_TYPES, RESIDUE_NAMES, TEMPLATES


def kind(residue, name):
    row = RESIDUE_NAMES.index(residue)
    return int(kinds_of(torch.tensor(row))[TEMPLATES[residue].names.index(name)])


def test_each_atom_has_a_kind_of_its_element():
    assert len(CLASS_OF) == N_KINDS
    for row in range(N_TYPES):
        template = TEMPLATES[RESIDUE_NAMES[row]]
        kinds = kinds_of(torch.tensor(row))
        assert int((kinds >= 0).sum()) == len(template.names)
        for slot, (name, element) in enumerate(zip(template.names, template.elements, strict=True)):
            expected = {"C": 0, "N": 1, "O": 2}.get(element, 3)
            assert int(CLASS_OF[kinds[slot]]) == expected, (template.name, name)
            assert (int(kinds[slot]) < N_MOVING) == (slot > 4)


def test_what_behaves_alike_is_of_one_kind():
    assert kind("LEU", "CD1") == kind("VAL", "CG2") != kind("LEU", "CG")
    assert kind("ASP", "OD1") == kind("GLU", "OE2") != kind("ASN", "OD1")
    assert kind("LYS", "NZ") == kind("ARG", "NH1") != kind("HIS", "ND1") == kind("TRP", "NE1")
    assert kind("MET", "SD") == kind("CYS", "SG")
    assert kind("PHE", "CZ") == kind("HIS", "CE1")


def test_ligands_are_known_by_their_elements():
    assert [int(CLASS_OF[kind_of_element(e)]) for e in ("C", "n", "O", "S", "ZN", "P", "Cl")] == [0, 1, 2, 3, 3, 3, 0]


def test_the_backbone_of_a_bonded_residue_is_another_kind():
    kinds = torch.tensor([0, TRUNK, TRUNK + 4, BESIDE - 1])
    assert beside(kinds, torch.tensor([True, True, True, False])).tolist() == [0, BESIDE, BESIDE + 4, BESIDE - 1]
