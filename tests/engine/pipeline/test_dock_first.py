"""Refinements of models that do not lie in the map: found first, or refused in one sentence."""

from __future__ import annotations

import json

import gemmi
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from adp3d.contract.errors import InputError
from adp3d.contract.specification import RefineSpec
from adp3d.density.read import read_map
from adp3d.density.resolution import estimate_resolution
from adp3d.density.write import write_map
from adp3d.job.events import Control, NullEvents
from adp3d.job.folder import JobFolder
from adp3d.pipeline import dock_first as module
from adp3d.pipeline.dock import known_resolution
from adp3d.pipeline.dock_first import dock_first, plan_docking
from adp3d.structure.read import read_structure


class Heard(NullEvents):
    def __init__(self):
        self.texts = []

    def message(self, text, level="info"):
        self.texts.append(text)


@pytest.fixture
def away(small, tmp_path):
    """The small problem's model, turned and moved far away."""
    structure = gemmi.read_structure(str(small.model))
    turn = Rotation.from_euler("xyz", [70, 40, 110], degrees=True).as_matrix()
    motion = gemmi.Transform(gemmi.Mat33(turn.tolist()), gemmi.Vec3(200, -40, 15))
    for chain in structure[0]:
        for residue in chain:
            for atom in residue:
                atom.pos = gemmi.Position(motion.apply(atom.pos))
    path = tmp_path / "away.cif"
    structure.make_mmcif_document().write_file(str(path))
    return path


def job_of(small, tmp_path, **options):
    files = {"map": str(small.map), "model": str(small.model), "resolution": 1.75}
    spec = RefineSpec(**{"output": str(tmp_path / "job"), "device": "cpu", **files, **options})
    return JobFolder.create(spec, overwrite=True)


def positions(structure):
    return np.array([a.pos.tolist() for chain in structure[0] for r in chain for a in r])


def test_a_model_that_lies_elsewhere_is_found_once(small, away, tmp_path):
    job, events = job_of(small, tmp_path, model=str(away)), Heard()
    start = dock_first(job.spec, job, events, Control())
    truth = positions(read_structure(small.model))
    assert np.sqrt(np.square(positions(start.structure) - truth).sum(-1).mean()) < 0.5
    assert events.texts[0].startswith("The model does not lie in the map and will be docked first")
    (part,) = start.parts
    assert part["part"] == "chain A" and part["z"] > 5 and part["shift"] > 100 and part["correlation"] > part["next"]
    assert json.loads(json.dumps(start.parts)) == start.parts
    again = Heard()
    resumed = dock_first(job.spec, JobFolder.open(job.path), again, Control())
    assert again.texts == [] and resumed.parts == start.parts, "a job that goes on does not search again"
    assert np.array_equal(positions(resumed.structure), positions(start.structure))


def test_a_model_in_its_place_stays_bit_for_bit(small, tmp_path):
    job, events = job_of(small, tmp_path), Heard()
    start = dock_first(job.spec, job, events, Control())
    assert np.array_equal(positions(start.structure), positions(read_structure(small.model)))
    assert events.texts == [] and start.parts == [] and not job.docking.exists()


def test_never_means_never(small, away, tmp_path):
    job, events = job_of(small, tmp_path, model=str(away), dock="never"), Heard()
    start = dock_first(job.spec, job, events, Control())
    assert np.array_equal(positions(start.structure), positions(read_structure(away))) and events.texts == []


def test_a_map_that_does_not_show_the_protein(small, away, tmp_path):
    noise = np.random.default_rng(3).normal(size=small.density.shape).astype(np.float32)
    write_map(small.density.with_values(noise), tmp_path / "noise.mrc")
    job = job_of(small, tmp_path, model=str(away), map=str(tmp_path / "noise.mrc"))
    with pytest.raises(InputError, match="was not found in the map, so nothing was built: check") as caught:
        dock_first(job.spec, job, Heard(), Control())
    assert "'dock' never" in str(caught.value) and not job.docking.exists()


def with_copy(small, path=None, shift=(300.0, 0.0, 0.0), name="B"):
    """The small problem's model beside a copy of its chain somewhere else, with a water at each."""
    structure = read_structure(small.model)
    other = structure[0]["A"].clone()
    other.name = name
    for residue in other:
        residue.subchain = f"{name}xp"
        for atom in residue:
            atom.pos += gemmi.Position(*shift)
    structure[0].add_chain(other)
    if path is not None:
        structure.make_mmcif_document().write_file(str(path))
    return structure


def test_of_a_model_in_the_map_chains_outside_stay_and_are_told(small, tmp_path):
    """As usual in focused maps."""
    plan = plan_docking(job_of(small, tmp_path).spec, with_copy(small), read_map(small.map))
    assert not plan.needed and plan.outside == ("B",)
    assert plan.line() == (
        "Chain B lies outside of the map and stays there; with 'dock' always all chains are searched in the map."
    )
    only = job_of(small, tmp_path, chains=("A",)).spec
    assert plan_docking(only, with_copy(small), read_map(small.map)).line() == ""


def test_chains_that_are_not_of_the_job_never_move(small, away, tmp_path):
    """The job's chain lies elsewhere and is found; the other one would fit as well, and is far away too."""
    path = tmp_path / "two.cif"
    moved = read_structure(away)
    other = read_structure(small.model)[0]["A"].clone()
    other.name = "B"
    for residue in other:
        residue.subchain = "Bxp"
        for atom in residue:
            atom.pos += gemmi.Position(0, 500, 0)
    moved[0].add_chain(other)
    moved.make_mmcif_document().write_file(str(path))
    job = job_of(small, tmp_path, model=str(path), chains=("A",))
    start = dock_first(job.spec, job, Heard(), Control())
    given, truth = read_structure(path), read_structure(small.model)
    after = {chain.name: np.array([a.pos.tolist() for r in chain for a in r]) for chain in start.structure[0]}
    before = np.array([a.pos.tolist() for r in given[0]["B"] for a in r])
    assert np.array_equal(after["B"], before)
    assert np.sqrt(np.square(after["A"] - positions(truth)).sum(-1).mean()) < 0.5
    assert [part["part"] for part in start.parts] == ["chain A"] and start.spec == job.spec


def test_a_chain_that_was_not_found_is_left_out(small, away, tmp_path):
    """Another protein beside the one that the map shows: it stays where it was, and nothing is built on it."""
    path = tmp_path / "two.cif"
    moved = read_structure(away)
    rng = np.random.default_rng(5)
    other = moved[0]["A"].clone()
    other.name = "B"
    steps = rng.normal(size=(len(other), 3))
    ca = np.cumsum(3.8 * steps / np.linalg.norm(steps, axis=1, keepdims=True), axis=0) - np.array([300.0, 0.0, 0.0])
    for residue, place in zip(other, ca, strict=True):
        residue.subchain = "Bxp"
        for atom in residue:
            atom.pos = gemmi.Position(*(place + rng.normal(size=3)))
    moved[0].add_chain(other)
    moved.make_mmcif_document().write_file(str(path))
    job, events = job_of(small, tmp_path, model=str(path)), Heard()
    start = dock_first(job.spec, job, events, Control())
    assert start.spec.chains == ("A",) and job.spec.chains is None
    assert events.texts[-1] == (
        "Chain B was not found in the map: it stays as in the model given, and nothing is built on it."
    )
    given = read_structure(path)
    assert np.array_equal(
        [a.pos.tolist() for r in start.structure[0]["B"] for a in r], [a.pos.tolist() for r in given[0]["B"] for a in r]
    )
    resumed = dock_first(job.spec, JobFolder.open(job.path), Heard(), Control())
    assert resumed.spec == start.spec, "a job that goes on leaves it out as well"


def test_the_resolution_of_the_search_comes_from_half_maps(small, away, tmp_path, monkeypatch):
    halves = []
    for number in (1, 2):
        noise = np.random.default_rng(number).normal(size=small.density.shape) * small.density.values.std()
        halves.append(str(tmp_path / f"half{number}.mrc"))
        write_map(small.density.with_values((small.density.values + noise).astype(np.float32)), halves[-1])
    expected = estimate_resolution(read_map(small.map), (read_map(halves[0]), read_map(halves[1])))
    told = []
    assert known_resolution(read_map(small.map), None, told.append, tuple(halves)) == expected.value
    assert expected.method in told[0] and expected.value != estimate_resolution(read_map(small.map)).value
    seen = []

    def known(*given):
        seen.append(given[3])
        raise InputError("far enough")

    monkeypatch.setattr(module, "known_resolution", known)
    job = job_of(small, tmp_path, model=str(away), resolution=None, half_maps=tuple(halves))
    with pytest.raises(InputError, match="far enough"):
        dock_first(job.spec, job, Heard(), Control())
    assert seen == [job.spec.half_maps] and len(seen[0]) == 2


def test_a_map_that_is_not_needed_is_not_read(small, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "read_map", lambda path: pytest.fail("the map was read"))
    for options in ({"dock": "never"}, {"keep": ("A:20-25",)}):
        job = job_of(small, tmp_path, **options)
        assert dock_first(job.spec, job, Heard(), Control()).spec == job.spec


def test_held_residues_are_not_moved(small, away, tmp_path):
    held = job_of(small, tmp_path, model=str(away), keep=("A:20-25",)).spec
    assert not plan_docking(held, read_structure(away), read_map(small.map)).needed
