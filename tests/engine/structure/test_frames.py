"""Frames of models and of trajectories."""

from __future__ import annotations

import sys

import gemmi
import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.structure.frames import ModelFrames, TrajectoryFrames, is_trajectory


@pytest.fixture
def frames_xyz() -> np.ndarray:
    return np.random.default_rng(0).normal(scale=20, size=(5, 12, 3))


def models(make, count=3) -> gemmi.Structure:
    structure = make.build([make.Part("A", "AKV")])
    for k in range(1, count):
        model = structure[0].clone()
        model.num = k + 1
        for chain in model:
            for residue in chain:
                for atom in residue:
                    atom.pos = gemmi.Position(atom.pos.x + k, atom.pos.y, atom.pos.z)
        structure.add_model(model)
    return structure


def test_models_are_frames(make):
    frames = ModelFrames(models(make), "x.pdb")
    assert len(frames) == 3
    np.testing.assert_allclose(frames.read(2) - frames.read(0), np.tile([2.0, 0, 0], (15, 1)), atol=1e-9)


def test_models_with_other_atoms_are_refused(make):
    structure = models(make)
    structure[1]["A"][1].name = "ARG"
    with pytest.raises(InputError, match=r"model 2 has the atom A/ARG 2/N where the first one has another"):
        ModelFrames(structure, "x.pdb")
    structure = models(make)
    del structure[2]["A"][2]
    with pytest.raises(InputError, match="model 3 has 10 atoms, the first one 15"):
        ModelFrames(structure, "x.pdb")


@pytest.mark.parametrize("kind", ["dcd", "xtc"])
def test_trajectories_come_in_angstrom_and_in_the_order_of_the_model(tmp_path, frames_xyz, kind):
    formats = pytest.importorskip("mdtraj.formats")
    path = tmp_path / f"run.{kind}.copy"  # the ending does not matter
    made = tmp_path / f"run.{kind}"
    if kind == "dcd":
        with formats.DCDTrajectoryFile(str(made), "w") as handle:
            handle.write(frames_xyz.astype(np.float32))
    else:
        with formats.XTCTrajectoryFile(str(made), "w") as handle:
            handle.write((frames_xyz / 10).astype(np.float32))
    made.rename(path)
    assert is_trajectory(path)
    order = list(reversed(range(12)))
    frames = TrajectoryFrames(path, order)
    assert len(frames) == 5
    for number in (3, 0, 4):  # any frame at any time
        np.testing.assert_allclose(frames.read(number), frames_xyz[number][order], atol=0.02)
    with pytest.raises(InputError, match="12 atoms in each frame, its 'topology' 7"):
        TrajectoryFrames(path, range(7))
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(InputError, match=r"damaged|no frames|cannot be read"):
        TrajectoryFrames(path, order).read(0)


def test_other_files_are_no_trajectories(tmp_path):
    path = tmp_path / "a.dcd"
    path.write_text("ATOM      1  CA  ALA A   1\n")
    assert not is_trajectory(path)
    with pytest.raises(InputError, match="no DCD or XTC"):
        TrajectoryFrames(path, range(3))
    with pytest.raises(InputError, match="cannot be read"):
        is_trajectory(tmp_path / "none.xtc")


def test_without_the_library_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "a.xtc"
    path.write_bytes(b"\x00\x00\x07\xcb" + bytes(100))
    monkeypatch.setitem(sys.modules, "mdtraj", None)
    monkeypatch.setitem(sys.modules, "mdtraj.formats", None)
    with pytest.raises(InputError, match=r"pip install mdtraj"):
        TrajectoryFrames(path, range(3))
