from __future__ import annotations

import gzip

import gemmi
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adp3d.contract.errors import InputError
from adp3d.placing.target import build_target
from adp3d.placing.write import write_structure
from adp3d.structure.read import READ_NOTE, read_content, read_structure

SEQUENCE = "MKTAYIAKQR"


@pytest.fixture(scope="module")
def model(make):
    extras = {"A": [make.small("MG", 101, (9, 9, 9), "MG", "Mg"), make.small("HOH", 102, (8, 8, 8), "O", "O", True)]}
    return make.build([make.Part("A", SEQUENCE), make.Part("B", SEQUENCE, shift=(30, 0, 0))], extras)


@pytest.fixture(scope="module")
def texts(model):
    return {"cif": model.make_mmcif_document().as_string(), "pdb": model.make_pdb_string()}


def coordinates(structure):
    return np.array([a.pos.tolist() for chain in structure[0] for residue in chain for a in residue])


@pytest.mark.parametrize("kind", ["cif", "pdb"])
@pytest.mark.parametrize("name", ["model.cif", "model.pdb", "model.txt", "model"])
@pytest.mark.parametrize("packed", [False, True])
def test_format_is_recognised_from_content(texts, model, tmp_path, kind, name, packed):
    path = tmp_path / name
    content = texts[kind].encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    found = read_structure(path)
    assert coordinates(found) == pytest.approx(coordinates(model), abs=6e-4)
    assert [c.name for c in found[0]] == ["A", "B"]
    kinds = [r.entity_type for r in found[0]["A"]]
    assert kinds[0] == gemmi.EntityType.Polymer
    assert kinds[-2:] == [gemmi.EntityType.NonPolymer, gemmi.EntityType.Water]


def test_all_models_and_altlocs_are_kept(model, make, tmp_path):
    structure = model.clone()
    residue = structure[0]["A"][2]
    residue["CB"][0].altloc = "A"
    residue.add_atom(make.atom("CB", (1, 2, 3), occ=0.4, altloc="B"))
    structure.add_model(structure[0].clone())
    structure.renumber_models()
    write_structure(structure, tmp_path / "two.cif")
    found = read_structure(tmp_path / "two.cif")
    assert len(found) == 2
    assert sorted(a.altloc for a in found[1]["A"][2] if a.name == "CB") == ["A", "B"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"  \n\n", "is empty"),
        (b"hello world\n", "neither an mmCIF nor a PDB"),
        (b">A\nMKT\n", "sequence"),
        (b'{"data": 1}', "JSON"),
        (b"\x1f\x8b\x08\x00garbage", "cannot be decompressed"),
        (b"ab\x00\x01\x02" * 60, "binary"),
        (b"\x00" * 208 + b"MAP " + b"\x00" * 900, "density map"),
        (b"HEADER    NOTHING\nEND\n", "PDB file without atoms"),
        (b"data_x\n_cell.length_a 1\n", "no atom_site"),
        (b"data_x\nloop_\n_atom_site.id\n_atom_site.Cartn_x\n1 2 3\n", "truncated or damaged mmCIF"),
        (b"data_ATP\nloop_\n_chem_comp_atom.comp_id\n_chem_comp_atom.atom_id\nATP PA\n", "ligand dictionary"),
        (b"ATOM      1  N   ALA A   1      11.000  12.0", "no valid coordinates"),
        (
            b"ATOM      1  N   ALA A   1         nan  12.000  13.000  1.00  0.00           N\n",
            "no valid coordinates",
        ),
        (
            b"ATOM      1  N   ALA A   1      ******  12.000  13.000  1.00  0.00           N\n",
            "no valid coordinates",
        ),
    ],
)
def test_unusable_content(tmp_path, content, message):
    path = tmp_path / "input.cif"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_structure(path)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(InputError, match="no file"):
        read_structure(tmp_path / "absent.cif")
    with pytest.raises(InputError, match="folder"):
        read_content(tmp_path)


def test_odd_but_readable_content(texts, model, tmp_path, make):
    path = tmp_path / "m"
    path.write_bytes(b"\xef\xbb\xbf" + texts["cif"].replace("data_TEST", "# Åsa\ndata_TEST").encode())
    assert coordinates(read_structure(path)) == pytest.approx(coordinates(model))
    path.write_bytes(texts["cif"].replace("data_TEST", "# \xc5sa\ndata_TEST").encode("latin-1"))
    assert coordinates(read_structure(path)) == pytest.approx(coordinates(model))
    # One atom is written as tag-value pairs, without a loop.
    single = make.build([make.Part("A", "M")])
    for _ in range(4):
        del single[0]["A"][0][0]
    row = single.make_mmcif_document()[0].find_mmcif_category("_atom_site.")
    pairs = [f"{tag} {value}" for tag, value in zip(row.tags, row[0], strict=True)]
    path.write_text("data_x\n" + "\n".join(pairs) + "\n")
    assert len(coordinates(read_structure(path, require_protein=False))) == 1


def test_residues_without_numbers_and_damaged_characters(model, tmp_path):
    path = tmp_path / "m.cif"
    document = model.make_mmcif_document()
    document[0].find_values("_atom_site.auth_seq_id")[0] = "?"
    path.write_text(document.as_string())
    with pytest.raises(InputError, match="no number"):
        read_structure(path)
    document = model.make_mmcif_document()
    document[0].find_values("_atom_site.pdbx_PDB_ins_code")[0] = "'é'"
    path.write_text(document.as_string(), encoding="utf-8")
    with pytest.raises(InputError, match="truncated or damaged mmCIF"):
        read_structure(path)


def test_files_that_may_not_be_read(texts, tmp_path, monkeypatch):
    path = tmp_path / "m.cif"
    path.write_text(texts["cif"])

    def refuse(self, mode="r"):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        read_content(path)


def test_truncated_gzip(texts, tmp_path):
    path = tmp_path / "m.pdb.gz"
    path.write_bytes(gzip.compress(texts["pdb"].encode())[:-60])
    with pytest.raises(InputError, match="cannot be decompressed"):
        read_structure(path)


@pytest.mark.parametrize("value", ["?", "nan", "1e9", "inf", "abc"])
def test_absurd_cif_coordinates(model, tmp_path, value):
    document = model.make_mmcif_document()
    column = document[0].find_values("_atom_site.Cartn_x")
    column[3] = value
    path = tmp_path / "m.cif"
    path.write_text(document.as_string())
    with pytest.raises(InputError, match="coordinates"):
        read_structure(path)


def test_all_atoms_at_one_point(model, tmp_path):
    structure = model.clone()
    for chain in structure[0]:
        for residue in chain:
            for atom in residue:
                atom.pos = gemmi.Position(0, 0, 0)
    write_structure(structure, tmp_path / "m.cif")
    with pytest.raises(InputError, match="same point"):
        read_structure(tmp_path / "m.cif")


def test_files_without_protein(make, tmp_path):
    structure = make.build([], {"W": [make.small("HOH", i, (i, 0, 0), "O", "O", True) for i in range(1, 4)]})
    write_structure(structure, tmp_path / "w.cif")
    with pytest.raises(InputError, match="no protein"):
        read_structure(tmp_path / "w.cif")
    assert len(read_structure(tmp_path / "w.cif", require_protein=False)[0]["W"]) == 3


def test_files_without_entity_records(make, model, tmp_path):
    document = model.make_mmcif_document()
    for category in ("_entity.", "_entity_poly.", "_entity_poly_seq.", "_struct_asym."):
        document[0].find_mmcif_category(category).erase()
    document[0].find(["_atom_site.label_entity_id"])
    path = tmp_path / "bare.cif"
    path.write_text(document.as_string())
    found = read_structure(path)
    assert found[0]["A"][0].entity_type == gemmi.EntityType.Polymer
    assert found[0]["A"][0].subchain
    assert build_target(found, None).polymer.sequence == 2 * SEQUENCE


def test_blank_occupancies_count_as_one(texts, tmp_path):
    lines = [
        line[:54] + "      " + line[60:] if line.startswith("ATOM") else line for line in texts["pdb"].splitlines()
    ]
    path = tmp_path / "m.pdb"
    path.write_text("\n".join(lines) + "\n")
    found = read_structure(path)
    assert found[0]["A"][0][0].occ == 1.0
    assert "occupancy" in found.info[READ_NOTE]


def test_joined_files_get_chain_names_of_their_own(make, tmp_path):
    parts = [make.build([make.Part("A", SEQUENCE, shift=(25.0 * i, 0, 0))]).make_pdb_string() for i in range(3)]
    path = tmp_path / "joined.pdb"
    path.write_text("".join(parts))
    found = read_structure(path)
    assert [(c.name, len(c)) for c in found[0]] == [("A", 10), ("B", 10), ("C", 10)]
    assert "3 PDB files" in found.info[READ_NOTE]
    notes = build_target(found, None).report.notes
    assert any("became chain 'C'" in note for note in notes)


def test_a_repeated_chain_name_without_ter_is_split(make, tmp_path):
    one = make.build([make.Part("A", SEQUENCE)]).make_pdb_string()
    two = make.build([make.Part("A", SEQUENCE, shift=(25.0, 0, 0))]).make_pdb_string()
    atoms = [line for line in (one + two).splitlines() if line.startswith("ATOM")]
    path = tmp_path / "m.pdb"
    path.write_text("\n".join(atoms) + "\nEND\n")
    found = read_structure(path)
    assert [(c.name, len(c)) for c in found[0]] == [("A", 10), ("B", 10)]
    assert all(len(r) == 5 for c in found[0] for r in c)


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["cif", "pdb"]),
    packed=st.booleans(),
    cut=st.none() | st.floats(0, 1),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
)
def test_damaged_files_give_an_input_error_or_a_structure(texts, tmp_path, kind, packed, cut, flips):
    content = texts[kind].encode()
    content = bytearray(gzip.compress(content, mtime=0) if packed else content)
    for place, value in flips:
        content[int(place * (len(content) - 1))] = value
    if cut is not None:
        content = content[: int(cut * len(content))]
    path = tmp_path / "damaged"
    path.write_bytes(bytes(content))
    try:
        found = read_structure(path)
        target = build_target(found, None)
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert np.isfinite(coordinates(found)).all()
    assert target.n_residues >= 1


def _labelled(make, tmp_path, label):
    """A helix written with conformer labels: ``label(i)`` for residue i."""
    structure = make.build([make.Part("A", make.SEQUENCE, 0, 11)])
    for i, residue in enumerate(structure[0]["A"]):
        for atom in residue:
            atom.altloc, atom.occ = label(i)
    structure.write_pdb(str(tmp_path / "labelled.pdb"))
    return read_structure(tmp_path / "labelled.pdb")


def test_a_label_without_an_alternative_is_no_conformer(make, tmp_path):
    found = _labelled(make, tmp_path, lambda i: ("A", 0.0 if i == 5 else 0.5))
    atoms = [atom for residue in found[0]["A"] for atom in residue]
    assert not any(atom.has_altloc() for atom in atoms)
    assert {atom.occ for atom in atoms} == {0.0, 1.0}  # none means unknown, and stays so
    assert "12 residues had a conformer label" in found.info[READ_NOTE]


def test_labels_of_real_alternatives_stay(make, tmp_path):
    found = _labelled(make, tmp_path, lambda i: ("AB"[i % 2], 0.5))
    atoms = [atom for residue in found[0]["A"] for atom in residue]
    assert {atom.altloc for atom in atoms} == {"A", "B"} and {atom.occ for atom in atoms} == {0.5}
    assert READ_NOTE not in found.info
