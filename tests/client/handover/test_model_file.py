"""Copies of models in the folders of jobs that the command line ran: any format, packed or not."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

PDB = """\
HEADER    ANYTHING
MODEL        1
ATOM      1  N   MET A  -3A     11.104   6.134  -6.504  1.00 20.50           N
ATOM      2  CA AMET A  -3A     11.639   6.071  -5.147  0.60 21.00           C
ATOM      3  CA BMET A  -3A     11.700   6.100  -5.100  0.40 22.00           C
HETATM    4 ZN    ZN B 301      -1.000 -22.500 103.250
ENDMDL
MODEL        2
ATOM      1  N   MET A  -3A     99.000  99.000  99.000  1.00 20.50           N
ENDMDL
END
"""


def _write(path, text):
    content = text.encode("utf-8")
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["model.pdb", "model.ent.gz"])
def test_columns_of_the_pdb_format(session, tmp_path, name):
    from chimerax.adp3d.handover.model_file import read_model_file

    atoms = read_model_file(_write(tmp_path / name, PDB))
    assert [(row.address, row.name) for row in atoms.residues] == [(("A", -3, "A"), "MET"), (("B", 301, ""), "ZN")]
    rows = [(a.name, a.element, a.altloc, a.occupancy, a.bfactor) for row in atoms.residues for a in row.atoms]
    assert rows == [
        ("N", "N", "", 1.0, 20.5),
        ("CA", "C", "A", 0.6, 21.0),
        ("CA", "C", "B", 0.4, 22.0),
        ("ZN", "Zn", "", 1.0, 0.0),
    ]
    assert np.array_equal(atoms.xyz[[0, 3]], [[11.104, 6.134, -6.504], [-1.0, -22.5, 103.25]]) and len(atoms.xyz) == 4


@pytest.mark.parametrize("name", ["model.cif", "model.cif.gz"])
def test_both_formats_tell_the_same(session, make_model, tmp_path, name):
    from chimerax.adp3d.handover.model_export import read_open_model, write_cif
    from chimerax.adp3d.handover.model_file import read_model_file

    given = read_open_model(make_model(waters=2))
    write_cif(given, tmp_path / "plain.cif", {"A": "A"}, "a title")
    atoms = read_model_file(_write(tmp_path / name, (tmp_path / "plain.cif").read_text(encoding="utf-8")))
    assert [row.address for row in atoms.residues] == [row.address for row in given.residues]
    assert [row.atoms for row in atoms.residues] == [row.atoms for row in given.residues]
    assert atoms.xyz == pytest.approx(given.xyz, abs=6e-6)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x1f\x8b\x08\x00broken", "damaged"),
        (gzip.compress(PDB.encode(), mtime=0)[:60], "damaged"),
        (b"nothing of interest\n", "no complete atom_site records"),
        (PDB.replace(" -3A", " A0QA").encode(), "invalid literal"),
    ],
)
def test_what_cannot_be_read(session, tmp_path, content, message):
    from chimerax.adp3d.handover.model_file import read_model_file

    path = tmp_path / "model.pdb"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_model_file(path)


def test_labels_of_polymers_are_the_names_of_their_chains(session, make_model, tmp_path):
    """ChimeraX looks for the values of residues under these names."""
    from chimerax.adp3d.handover.atoms import read_cif_loop
    from chimerax.adp3d.handover.model_export import read_open_model, write_cif

    model = make_model(waters=2, chains="BA")
    write_cif(read_open_model(model), tmp_path / "model.cif", {"A": "A", "B": "x1"}, "a title")
    rows = list(read_cif_loop(tmp_path / "model.cif", "_atom_site."))
    labels = {(row["auth_asym_id"], row["group_PDB"]): row["label_asym_id"] for row in rows}
    assert labels == {("x1", "ATOM"): "x1", ("A", "ATOM"): "A", ("x1", "HETATM"): "x2"}
