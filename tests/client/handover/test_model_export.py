"""Models as files: everything is there, exactly, and the open model is only read."""

from __future__ import annotations

import numpy as np
import pytest


def _write(structure, tmp_path):
    from chimerax.adp3d.handover.atoms import read_cif_atoms
    from chimerax.adp3d.handover.model_export import file_chain_names, read_open_model, write_cif

    atoms = read_open_model(structure)
    names = file_chain_names(r.address[0] for r in atoms.residues)
    write_cif(atoms, tmp_path / "model.cif", names, 'it\'s "a" title')
    return atoms, names, read_cif_atoms(tmp_path / "model.cif")


def test_round_trip(make_model, tmp_path):
    structure = make_model(waters=3, chains="AB")
    before = structure.atoms.coords.copy()
    atoms, _, back = _write(structure, tmp_path)
    assert back.xyz == pytest.approx(atoms.xyz, abs=6e-6)
    assert [r.address for r in back.residues] == [r.address for r in atoms.residues]
    assert [r.name for r in back.residues] == [r.name for r in atoms.residues]
    assert [[a.name for a in r.atoms] for r in back.residues] == [[a.name for a in r.atoms] for r in atoms.residues]
    assert [a.bfactor for r in back.residues for a in r.atoms] == pytest.approx(structure.atoms.bfactors.tolist())
    assert np.array_equal(structure.atoms.coords, before)


def test_kinds(make_model):
    from chimerax.adp3d.handover.model_export import read_open_model

    kinds = [r.kind for r in read_open_model(make_model(waters=2)).residues]
    assert kinds.count("protein") == 17 and kinds.count("water") == 2


def test_alternative_conformations_are_all_written(make_model, tmp_path):
    structure = make_model()
    atom = structure.residues[2].find_atom("CB")
    place = np.array(atom.coord)
    for loc, occupancy, offset in (("A", 0.6, 0.0), ("B", 0.4, 0.5)):
        atom.set_alt_loc(loc, True)
        atom.coord = place + offset
        atom.occupancy = occupancy
    for shown in "AB":  # whichever is shown, the file is the same
        atom.alt_loc = shown
        _, _, back = _write(structure, tmp_path)
        rows = [a for a in back.residues[2].atoms if a.name == "CB"]
        assert [(a.altloc, a.occupancy) for a in rows] == [("A", 0.6), ("B", 0.4)]
        assert back.xyz[rows[1].index] - back.xyz[rows[0].index] == pytest.approx(0.5, abs=2e-5)


def test_names_that_need_quotes(session, tmp_path):
    from chimerax.atomic import AtomicStructure
    from chimerax.atomic.struct_edit import add_atom

    structure = AtomicStructure(session, name="sugar", auto_style=False)
    residue = structure.new_residue("LIG", "A", -5, "C")
    for i, name in enumerate(("O5'", "H5''", "C1*", 'N"')):
        add_atom(name, name[0], residue, np.array([i, 0.0, 0.0]), serial_number=i + 1, occupancy=1.0)
    session.models.add([structure])
    _, _, back = _write(structure, tmp_path)
    assert [a.name for a in back.residues[0].atoms] == ["O5'", "H5''", "C1*", 'N"']
    assert back.residues[0].address == ("A", -5, "C")


def test_chain_names_that_files_cannot_hold():
    from chimerax.adp3d.handover.model_export import file_chain_names

    names = file_chain_names(["A", "B-2", " ", "", "A", "longname"])
    assert names["A"] == "A" and len(set(names.values())) == len(names) == 5
    assert all(1 <= len(name) <= 4 and name.isalnum() for name in names.values())


def test_two_residues_of_one_number_are_refused(make_model):
    from chimerax.adp3d.handover.atoms import ModelAtoms
    from chimerax.adp3d.handover.model_export import duplicate_address, read_open_model

    atoms = read_open_model(make_model())
    assert duplicate_address(atoms) is None
    assert duplicate_address(ModelAtoms((*atoms.residues, atoms.residues[3]), atoms.xyz)) == ("A", 4, "")


def test_amino_acid_ligands_are_not_protein(make_model):
    from chimerax.adp3d.handover.model_export import read_open_model
    from chimerax.atomic.struct_edit import add_atom

    structure = make_model()
    ligand = structure.new_residue("GLU", "A", 401)
    for i, name in enumerate(("N", "CA", "C")):
        add_atom(name, name[0], ligand, np.array([i * 1.5, 40.0, 0.0]), serial_number=500 + i, occupancy=1.0)
    kinds = {r.address[1]: r.kind for r in read_open_model(structure).residues}
    assert kinds[401] == "other" and kinds[5] == "protein"


NEEDED = "\n".join(
    f"_atom_site.{name}" for name in ("Cartn_x", "Cartn_y", "Cartn_z", "auth_seq_id", "auth_asym_id", "label_atom_id")
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("data_x\n", "has no complete atom_site records"),
        ("loop_\n_atom_site.id\n1\n", "has no complete atom_site records"),
        ("loop_\n_atom_site.Cartn_x\n_atom_site.id\n1\n", "has no complete atom_site records"),
        (f"loop_\n{NEEDED}\n1 2 3 4 A\n", "a record of _atom_site is not complete"),
        (f"loop_\n{NEEDED}\n#\n", "the file has no atoms"),
    ],
)
def test_damaged_files(tmp_path, text, problem):
    from chimerax.adp3d.handover.atoms import read_cif_atoms

    path = tmp_path / "bad.cif"
    path.write_text(text)
    with pytest.raises(ValueError, match=problem):
        read_cif_atoms(path)
