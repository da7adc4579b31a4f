from __future__ import annotations

import gemmi
import pytest

from adp3d.structure.polymer import AMINO_ACIDS
from adp3d.structure.residues import is_protein_residue, modified_parents, one_letter, three_letter


def test_letters_and_names_are_inverse():
    for letter in AMINO_ACIDS + "UO":
        assert one_letter(three_letter(letter)) == letter
    assert three_letter("X") == three_letter("?") == "UNK"


@pytest.mark.parametrize(
    ("name", "letter"),
    [("MSE", "M"), ("SEP", "S"), ("TPO", "T"), ("HYP", "P"), ("UNK", "X"), ("ASX", "X"), ("HOH", "X")],
)
def test_modified_residues_map_to_parents(name, letter):
    assert one_letter(name) == letter


def test_parents_declared_in_the_file_are_used(make):
    structure = make.build([make.Part("A", "ACDEFGHIKL")])
    mod = gemmi.ModRes()
    mod.chain_name, mod.parent_comp_id = "A", "TRP"
    mod.res_id.name, mod.res_id.seqid = "FTR", gemmi.SeqId(3, " ")
    structure.mod_residues = [mod]
    parents = modified_parents(structure)
    assert parents == {"FTR": "TRP"}
    assert one_letter("FTR") == "X"
    assert one_letter("FTR", parents) == "W"


def test_what_counts_as_protein(make):
    structure = make.build([make.Part("A", "ACDEF", names={2: "QQQ"})])  # an untabulated name with a backbone
    assert all(is_protein_residue(residue) for residue in structure[0]["A"])
    for residue in (
        make.small("HOH", 1, (0, 0, 0), "O", "O", water=True),
        make.small("CA", 2, (0, 0, 0), "CA", "Ca"),
        make.small("DA", 3, (0, 0, 0), "P", "P"),
        make.small("ACE", 4, (0, 0, 0), "C", "C"),
    ):
        residue.entity_type = gemmi.EntityType.Unknown
        assert not is_protein_residue(residue)
