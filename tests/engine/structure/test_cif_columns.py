"""mmCIF files without optional columns."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.structure.read import read_structure


@pytest.fixture
def without(make, tmp_path):
    """``without(column, ...)``: a chain with an ion and a water, written without some columns of the atom table."""

    def build(*columns):
        structure = make.build([make.Part("A", make.SEQUENCE, 0, 9)])
        for name, atoms in (("MG", ["MG"]), ("HOH", ["O"]), ("HOH", ["O"]), ("CLX", ["CL1", "C2", "CA"])):
            residue = gemmi.Residue()
            residue.name, residue.seqid = name, gemmi.SeqId(100 + len(structure[0]["A"]), " ")
            for k, label in enumerate(atoms):
                atom = gemmi.Atom()
                atom.name, atom.pos = label, gemmi.Position(50 + 2.0 * k, 2.0 * len(structure[0]["A"]), 0)
                atom.element = gemmi.Element({"CL1": "Cl", "MG": "Mg", "O": "O"}.get(label, "C"))
                residue.add_atom(atom)
            structure[0]["A"].add_residue(residue)
        structure.setup_entities()
        block = structure.make_mmcif_block()
        loop = block.find_loop("_atom_site.Cartn_x").get_loop()
        for column in columns:
            loop.remove_column("_atom_site." + column)
        path = tmp_path / "part.cif"
        block_text = gemmi.cif.Document()
        block_text.add_copied_block(block)
        block_text.write_file(str(path))
        return path, structure

    return build


def positions(structure):
    return np.array([a.pos.tolist() for c in structure[0] for r in c for a in r])


@pytest.mark.parametrize(
    "columns",
    [
        ("type_symbol",),
        ("auth_seq_id",),
        ("auth_asym_id",),
        ("auth_seq_id", "auth_asym_id", "type_symbol"),
        ("id",),
        ("label_alt_id",),
        ("label_asym_id", "label_seq_id"),
        ("id", "label_alt_id", "group_PDB", "occupancy", "B_iso_or_equiv", "pdbx_PDB_ins_code", "pdbx_PDB_model_num"),
    ],
    ids="+".join,
)
def test_what_can_be_told_is_filled_in(without, columns):
    path, original = without(*columns)
    found = read_structure(path)
    np.testing.assert_allclose(positions(found), positions(original), atol=1e-3)
    elements = [a.element.name for c in found[0] for r in c for a in r]
    assert elements == [a.element.name for c in original[0] for r in c for a in r]
    protein = [r for c in found[0] for r in c if r.name not in ("MG", "HOH", "CLX")]
    assert [r.seqid.num for r in protein] == list(range(1, 11))
    assert sum(r.is_water() for c in found[0] for r in c) == 2


def test_a_column_that_nothing_stands_for_is_named(without):
    path, _ = without("Cartn_y")
    with pytest.raises(InputError, match=r"_atom_site\.Cartn_y"):
        read_structure(path)
