from __future__ import annotations

import os

import gemmi
import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.placing.confidence_records import read_confidence
from adp3d.placing.target import build_target
from adp3d.placing.write import check_result_path, result_structure, write_result, write_structure
from adp3d.structure.read import read_structure
from adp3d.structure.sequences import NamedSequence


@pytest.fixture
def job(make):
    extras = {
        "A": [
            make.small("MG", 201, (9, 9, 9), "MG", "Mg"),
            make.small("HOH", 202, (8, 8, 8), "O", "O", True),
        ],
        "R": [make.small("U", 1, (60, 0, 0), "P", "P")],
    }
    parts = [
        make.Part("A", make.SEQUENCE, start=11, skip=tuple(range(20, 31)), names={0: "MSE", 8: "UNK"}),
        make.Part("B", make.OTHER, shift=(40, 0, 0)),
    ]
    structure = make.build(parts, extras)
    for atom in structure[0]["B"][5]:
        atom.altloc, atom.occ = "A", 0.5
    structure[0]["B"][5].add_atom(make.atom("CB", (1, 2, 3), occ=0.5, altloc="B"))
    for chain in structure[0]:
        for residue in chain:
            for atom in residue:
                atom.pos = gemmi.Position(*np.round(atom.pos.tolist(), 3))
    structure.cell.set(50, 60, 70, 90, 90, 90)
    structure.spacegroup_hm = "P 21 21 21"
    structure.info["_struct.title"] = "Before"
    target = build_target(structure, [NamedSequence("s", make.SEQUENCE)], chains=["A"])
    return structure, target, np.round(make.helix(80) + np.array([1.0, 2.0, 3.0]), 3)


def contents(chain):
    return [
        (
            r.name,
            str(r.seqid),
            a.name,
            a.altloc,
            [round(x, 3) for x in a.pos.tolist()],
            round(a.occ, 2),
            round(a.b_iso, 2),
        )
        for r in chain
        for a in r
    ]


@pytest.mark.parametrize("name", ["result.cif", "result.cif.gz", "result.pdb", "result.ent.gz"])
def test_round_trip(job, tmp_path, name, make):
    template, target, xyz = job
    confidence = np.round(np.linspace(0, 100, 80), 2)
    write_result(template, target, xyz, confidence, tmp_path / name, title="After")
    assert os.listdir(tmp_path) == [name]
    found = read_structure(tmp_path / name)
    again = build_target(found, None, chains=["A"])
    assert again.polymer.sequence == target.polymer.sequence == make.SEQUENCE
    assert again.labels == target.labels
    assert again.known.all()
    assert again.xyz == pytest.approx(xyz, abs=6e-4)
    chain = found[0]["A"]
    for i, source in enumerate(target.sources):
        if source is not None:
            assert chain[i][0].b_iso == 20.0, "the model's own"
    if ".cif" in name:
        stated = read_confidence(tmp_path / name)
        assert list(stated) == list(target.labels)
        assert list(stated.values()) == pytest.approx(confidence, abs=6e-3)
    assert chain[0].name == "MSE" and chain[8].name == "GLN"
    for other in ("B", "R"):
        assert contents(found[0][other]) == contents(template[0][other])
    assert contents(chain)[-2:] == contents(template[0]["A"])[-2:]
    assert found.cell.parameters == template.cell.parameters
    assert found.spacegroup_hm == template.spacegroup_hm
    assert found.info["_struct.title"].upper() == "AFTER"


def test_the_template_is_not_changed(job):
    template, target, xyz = job
    before = template.make_mmcif_document().as_string()
    result_structure(template, target, xyz, np.zeros(80))
    assert template.make_mmcif_document().as_string() == before


def test_one_model_and_one_signature(job):
    template, target, xyz = job
    template.add_model(template[0].clone())
    template.renumber_models()
    once = result_structure(template, target, xyz, np.zeros(80))
    assert len(once) == 1 and once.info["_struct.title"] == "Before"
    twice = result_structure(once, build_target(once, None, chains=["A"]), xyz, np.zeros(80))
    assert [item.name for item in twice.meta.software] == ["ADP-3D"]


def test_wrong_arrays_are_programming_errors(job, tmp_path):
    template, target, xyz = job
    path = tmp_path / "r.cif"
    for coordinates, confidence in [
        (xyz[:-1], np.zeros(80)),
        (xyz, np.zeros(79)),
        (np.where(np.arange(80)[:, None, None] == 3, np.nan, xyz), np.zeros(80)),
        (xyz, np.full(80, 101.0)),
    ]:
        with pytest.raises(ValueError):
            write_result(template, target, coordinates, confidence, path)
    assert not list(tmp_path.iterdir())


def test_paths_that_cannot_work(job, tmp_path):
    template, _, _ = job
    with pytest.raises(InputError, match=r"\.cif or \.pdb"):
        check_result_path(tmp_path / "result.xyz")
    with pytest.raises(InputError, match="does not exist"):
        check_result_path(tmp_path / "absent" / "result.cif")
    (tmp_path / "folder.cif").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        write_structure(template, tmp_path / "folder.cif")
    template[0]["B"].name = "LONG"
    with pytest.raises(InputError, match="no room for the chain name 'LONG'"):
        write_structure(template, tmp_path / "result.pdb")


def test_a_failing_disk_leaves_nothing_behind(job, tmp_path, monkeypatch):
    template, _, _ = job
    (tmp_path / "result.cif").write_text("old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        write_structure(template, tmp_path / "result.cif")
    assert os.listdir(tmp_path) == ["result.cif"]
    assert (tmp_path / "result.cif").read_text() == "old"


def test_links_to_side_chains_survive_pdb(job, tmp_path):
    template, target, xyz = job
    link = gemmi.Connection()
    link.name, link.type = "metalc1", gemmi.ConnectionType.MetalC
    link.partner1 = gemmi.AtomAddress("A", gemmi.SeqId(15, " "), "TYR", "CB")
    link.partner2 = gemmi.AtomAddress("A", gemmi.SeqId(201, " "), "MG", "MG")
    template.connections.append(link)
    write_result(template, target, xyz, np.zeros(80), tmp_path / "r.pdb")
    (found,) = read_structure(tmp_path / "r.pdb").connections
    assert found.partner1.atom_name == "CB" and found.partner2.atom_name == "MG"


def test_kept_residues_are_untouched(job, tmp_path):
    structure, target, xyz = job
    kept = np.zeros(80, dtype=bool)
    rows = [row for row, label in enumerate(target.labels) if label[1] in (13, 15, 16)]
    kept[rows] = True
    residue = structure[0]["A"]["15"][0]
    residue.add_atom(residue["CA"][0].clone())
    residue[-1].altloc, residue[-1].occ = "B", 0.4
    result = result_structure(structure, target, xyz, np.full(80, 50.0), kept=kept)
    for number in ("13", "15", "16"):
        (old,), (new,) = structure[0]["A"][number], result[0]["A"][number]
        assert sorted((a.name, a.altloc, a.pos.tolist(), a.occ) for a in old) == sorted(
            (a.name, a.altloc, a.pos.tolist(), a.occ) for a in new
        )
        assert all(atom.b_iso == 20.0 for atom in new)
    moved = result[0]["A"]["14"][0]["CA"][0].pos.tolist()
    np.testing.assert_allclose(moved, xyz[target.labels.index(("A", 14, "")), 1])
