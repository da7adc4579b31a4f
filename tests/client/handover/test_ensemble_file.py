"""Ensembles as the engine writes them, read by residues, once."""

from __future__ import annotations

import numpy as np
import pytest

HEAD = "data_x\nloop_\n" + "".join(
    f"_atom_site.{name}\n"
    for name in (
        *("group_PDB", "id", "type_symbol", "label_atom_id", "label_comp_id", "Cartn_x", "Cartn_y", "Cartn_z"),
        *("auth_seq_id", "auth_asym_id", "pdbx_PDB_model_num"),
    )
)


@pytest.fixture
def path(tmp_path):
    lines, serial = [], 0
    for model in (1, 2):
        for chain in "AB":
            for number in (9, 10, 11):
                for name in ("N", '"O5\'"'):
                    serial += 1
                    lines.append(f"ATOM {serial} C {name} ALA {serial}.5 {model} 0 {number} {chain} {model}")
    found = tmp_path / "ensemble.cif"
    found.write_text(f"{HEAD}" + "\n".join(lines) + "\n#\n")
    return found


def test_residues_of_each_model_come_in_the_order_of_the_file(path):
    from chimerax.adp3d.handover.ensemble_file import read_ensemble

    ensemble = read_ensemble(path)
    assert len(ensemble.models) == 2
    found = ensemble.residues(1, {("B", 10, ""), ("A", 11, ""), ("A", 9, "")})
    assert [row.address for row in found.residues] == [("A", 9, ""), ("A", 11, ""), ("B", 10, "")]
    assert [atom.name for atom in found.residues[0].atoms] == ["N", "O5'"]
    np.testing.assert_array_equal(found.coordinates(found.residues[2])[:, 0], [21.5, 22.5])
    assert (found.xyz[:, 1] == 2).all()


def test_a_file_is_read_once_until_it_changes(path):
    from chimerax.adp3d.handover.ensemble_file import read_ensemble

    first = read_ensemble(path)
    assert read_ensemble(path) is first
    path.write_text(path.read_text().replace("ALA", "GLYX"))
    assert read_ensemble(path) is not first


def test_what_is_wrong_is_told(path, tmp_path):
    from chimerax.adp3d.handover.ensemble_file import read_ensemble

    with pytest.raises(ValueError, match="it has none of the residues"):
        read_ensemble(path).residues(0, {("C", 9, "")})
    other = tmp_path / "other.cif"
    other.write_text("data_x\n")
    with pytest.raises(ValueError, match="no complete atom_site records"):
        read_ensemble(other)
    other.write_text(path.read_text().replace("ATOM 1 C N", "ATOM 1 C"))
    with pytest.raises(ValueError, match="a record of _atom_site is not complete"):
        read_ensemble(other).residues(0, {("A", 9, "")})
