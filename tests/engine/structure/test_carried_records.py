"""Components and citations of an mmCIF file go where its atoms go."""

import gemmi
import pytest
from small_structures import Part, build

from adp3d.placing.write import write_structure
from adp3d.structure.carried_records import CARRIED, add_carried, carried_records
from adp3d.structure.read import read_structure

BONDS = {
    "comp_id": ["LIG", "LIG"],
    "atom_id_1": ["C1", "C1"],
    "atom_id_2": ["O1", "'N 1'"],
    "value_order": ["DOUB", "SING"],
}
CITATION = {"id": ["primary"], "title": ['"A title; of two\'s"'], "year": ["2024"]}


@pytest.fixture
def path(tmp_path):
    document = build([Part("A", "ALSEKVLG")]).make_mmcif_document()
    block = document.sole_block()
    block.set_mmcif_category("_chem_comp_bond.", BONDS, raw=True)
    block.set_mmcif_category("_citation.", CITATION, raw=True)
    block.set_mmcif_category("_pdbx_poly_seq_scheme.", {"asym_id": ["A"], "seq_id": ["1"]})
    document.write_file(str(tmp_path / "model.cif"))
    return tmp_path / "model.cif"


def _categories(path):
    block = gemmi.cif.read(str(path)).sole_block()
    return {
        name: block.get_mmcif_category(name, raw=True)
        for name in ("_chem_comp_bond.", "_citation.", "_pdbx_poly_seq_scheme.")
        if name in block.get_mmcif_category_names()
    }


def test_they_come_back_as_they_were(path, tmp_path):
    structure = read_structure(path)
    write_structure(structure.clone(), tmp_path / "out.cif")
    assert _categories(tmp_path / "out.cif") == {"_chem_comp_bond.": BONDS, "_citation.": CITATION}
    assert CARRIED not in (tmp_path / "out.cif").read_text() and "carried" not in (tmp_path / "out.cif").read_text()
    assert read_structure(tmp_path / "out.cif").info[CARRIED] == structure.info[CARRIED]
    write_structure(structure, tmp_path / "out.pdb")  # which has no place for them
    assert CARRIED not in read_structure(tmp_path / "out.pdb").info


def test_what_the_block_says_itself_is_not_written_over(path):
    structure = read_structure(path)
    block = gemmi.cif.Block("x")
    block.set_mmcif_category("_citation.", {"id": ["mine"]})
    add_carried(block, structure)
    assert block.get_mmcif_category("_citation.") == {"id": ["mine"]}
    assert len(block.find_loop("_chem_comp_bond.comp_id")) == 2


def test_files_without_them_carry_nothing(tmp_path):
    structure = build([Part("A", "ALSEKVLG")])
    structure.make_mmcif_document().write_file(str(tmp_path / "plain.cif"))
    assert CARRIED not in read_structure(tmp_path / "plain.cif").info
    assert carried_records(gemmi.cif.Block("empty")) == ""
