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
from adp3d.density.write import write_map
from adp3d.job.events import Control, NullEvents
from adp3d.job.folder import JobFolder
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


def test_chains_in_their_place_stay_and_others_are_looked_for(small, tmp_path):
    """A copy of a chain far from the map; the chain itself lies in it."""
    structure = read_structure(small.model)
    other = structure[0]["A"].clone()
    other.name = "B"
    for residue in other:
        for atom in residue:
            atom.pos += gemmi.Position(300, 0, 0)
    structure[0].add_chain(other)
    plan = plan_docking(job_of(small, tmp_path).spec, structure, read_map(small.map))
    assert plan.staying == ("A",) and "Chain B lies outside of the map and will be docked first" in plan.line()


def test_held_residues_are_not_moved(small, away, tmp_path):
    held = job_of(small, tmp_path, model=str(away), keep=("A:20-25",)).spec
    assert not plan_docking(held, read_structure(away), read_map(small.map)).needed
