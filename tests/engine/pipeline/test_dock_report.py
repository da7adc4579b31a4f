"""Docking for a client: files in, motions of residues out."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from adp3d.contract.errors import InputError
from adp3d.pipeline.dock_report import dock_report
from adp3d.structure.read import read_structure


def test_motions_bring_the_atoms_where_they_belong(small, tmp_path):
    structure = gemmi.read_structure(str(small.model))
    turn = Rotation.from_euler("xyz", [70, 40, 110], degrees=True).as_matrix()
    motion = gemmi.Transform(gemmi.Mat33(turn.tolist()), gemmi.Vec3(200, -40, 15))
    for residue in structure[0]["A"]:
        for atom in residue:
            atom.pos = gemmi.Position(motion.apply(atom.pos))
    structure.make_mmcif_document().write_file(str(tmp_path / "away.cif"))
    given = {"map": str(small.map), "models": [str(tmp_path / "away.cif")], "labels": ["#3"], "device": "cpu"}
    report = dock_report({**given, "resolution": 1.75})
    assert report["found"] and report["lines"][-1].startswith("#3/A: moved by")
    assert report["parts"][0]["z"] > 5 and report["places"][0] == [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
    (told,) = report["models"]
    away, truth = read_structure(tmp_path / "away.cif")[0]["A"], read_structure(small.model)[0]["A"]
    assert told["numbers"] == [residue.seqid.num for residue in away] and set(told["chains"]) == {"A"}
    for before, after, which in zip(away, truth, told["places"], strict=True):
        numbers = np.array(report["places"][which])
        moved = np.array([a.pos.tolist() for a in before]) @ numbers[:9].reshape(3, 3).T + numbers[9:]
        assert np.abs(moved - [a.pos.tolist() for a in after]).max() < 1.0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"labels": []}, "labels"),
        ({"labels": ["#1", "#2"]}, "a name of its own"),
        ({"resolution": 0.1}, "'resolution' must lie between"),
        ({"device": "tpu"}, "'device' must be"),
        ({"models": "a.cif"}, "list of model files"),
        ({"other": 1}, "nothing called 'other'"),
        ({"models": ["none.cif"]}, "none.cif"),
    ],
)
def test_what_cannot_be_used(small, wrong, words):
    given = {"map": str(small.map), "models": [str(small.model)], "labels": ["#1"], "resolution": 3.0}
    with pytest.raises(InputError, match=words):
        dock_report({**given, **wrong})
