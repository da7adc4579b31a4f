from __future__ import annotations

import gemmi
import numpy as np
import pytest

from adp3d.job.trajectory import Trajectory
from adp3d.pipeline.export import write_models, write_trajectory

SEQUENCE = "MKXGA"
LABELS = [("A", 5, ""), ("A", 6, ""), ("A", 6, "B"), ("long", 1, ""), ("long", 3, "")]


def trajectory(steps=7, replicas=3):
    rng = np.random.default_rng(1)
    xyz = rng.normal(scale=30, size=(steps, replicas, 5, 4, 3)).astype(np.float32)
    frames = {2 * k: {r: xyz[k, r] for r in range(replicas)} for k in range(steps)}
    return Trajectory(frames, 5), xyz


def coordinates(model):
    return np.array([[atom.pos.tolist() for atom in residue] for chain in model for residue in chain])


def test_models_names_and_coordinates(tmp_path):
    given, xyz = trajectory()
    assert write_trajectory(given, tmp_path / "t.cif", SEQUENCE, LABELS, replica=1) == 7
    structure = gemmi.read_structure(str(tmp_path / "t.cif"))
    assert [model.num for model in structure] == list(range(1, 8))
    for k, model in enumerate(structure):
        np.testing.assert_allclose(coordinates(model), xyz[k, 1], atol=6e-4)
    found = [
        (chain.name, residue.seqid.num, residue.seqid.icode.strip(), residue.name)
        for chain in structure[0]
        for residue in chain
    ]
    assert found == [(*label, name) for label, name in zip(LABELS, ["MET", "LYS", "UNK", "GLY", "ALA"], strict=True)]
    assert [atom.name for atom in structure[0][0][0]] == ["N", "CA", "C", "O"]
    assert [entity.full_sequence for entity in structure.entities] == [["MET", "LYS", "UNK"], ["GLY", "ALA"]]
    assert "_cell.length_a" not in (tmp_path / "t.cif").read_text()


def test_thinning_keeps_both_ends(tmp_path):
    given, xyz = trajectory(steps=30)
    assert write_trajectory(given, tmp_path / "t.cif", SEQUENCE, LABELS, max_models=4) == 4
    structure = gemmi.read_structure(str(tmp_path / "t.cif"))
    np.testing.assert_allclose(coordinates(structure[0]), xyz[0, 0], atol=6e-4)
    np.testing.assert_allclose(coordinates(structure[3]), xyz[29, 0], atol=6e-4)


def test_lengths_must_agree(tmp_path):
    with pytest.raises(ValueError, match="disagree"):
        write_models(tmp_path / "m.cif", np.zeros((1, 4, 4, 3)), SEQUENCE, LABELS)
    assert list(tmp_path.iterdir()) == []
