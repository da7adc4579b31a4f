"""Density of what is not the job's is taken out of the map, and nothing else."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
import torch
from dna_complex import ca_of_segment, complex_with_dna, dna_atoms, map_of, without_segment

from adp3d.density.neighbourhood import near
from adp3d.density.sample import sample
from adp3d.job.events import NullEvents
from adp3d.measurement.density import bind_map
from adp3d.measurement.other_density import without_others
from adp3d.measurement.protocol import Scene
from adp3d.measurement.whole_map import WholeMap
from adp3d.placing.target import build_target
from adp3d.structure.other_atoms import other_scatterers

CPU = torch.device("cpu")


def scene_of(structure):
    target = build_target(structure, None, chains=["A"])
    return Scene(target.polymer, target.labels, target.xyz, structure, CPU, NullEvents())


@pytest.fixture(scope="module")
def truth():
    return complex_with_dna()


@pytest.fixture(scope="module")
def scene(truth):
    return scene_of(without_segment(truth))


def protein_alone(truth):
    alone = truth.clone()
    alone[0].remove_chain("B")
    return alone


@pytest.mark.parametrize("resolution", [3.0, 4.0, 6.0])
@pytest.mark.parametrize("loose", [60.0, 200.0])
def test_what_is_left_is_the_map_of_the_protein(truth, scene, resolution, loose):
    whole = map_of(truth, resolution, loose)
    left = without_others(whole, scene, other_scatterers(scene.structure, scene.labels), resolution)
    dna = dna_atoms(truth)
    before, after = sample(whole, dna).mean(), sample(left, dna).mean()
    assert after < 0.25 * before
    # missing residues and known ones have the density that they had
    for points in (ca_of_segment(truth), scene.points):
        np.testing.assert_allclose(sample(left, points).mean(), sample(whole, points).mean(), rtol=0.1)
    # as if the DNA had not been there
    wanted = np.zeros(whole.shape, np.float32)
    alone = map_of(protein_alone(truth), resolution, loose)
    index = alone.to_index(whole.to_points(np.argwhere(np.ones(whole.shape, bool))))
    inside = ((index >= 0) & (index <= np.array(alone.shape) - 1)).all(-1)
    points = whole.to_points(np.argwhere(np.ones(whole.shape, bool))[inside])
    wanted = sample(alone, points)
    assert np.corrcoef(wanted, sample(left, points))[0, 1] > 0.97
    assert np.corrcoef(wanted, sample(whole, points))[0, 1] < 0.9


def test_atoms_that_the_map_does_not_show_leave_no_holes(truth, scene):
    whole = map_of(protein_alone(truth), 4.0)
    left = without_others(whole, scene, other_scatterers(scene.structure, scene.labels), 4.0)
    assert left.values.min() >= whole.values.min()
    assert (left.values <= whole.values + 0.01 * whole.values.max()).all()  # as filters ring
    changed = np.abs(left.values - whole.values) > 0.05 * whole.values.max()
    assert not changed[~near(whole, dna_atoms(truth), 6.0)].any()


def test_maps_without_others_or_without_the_model_stay(truth, scene):
    whole = map_of(truth, 4.0)
    alone = scene_of(protein_alone(without_segment(truth)))
    assert without_others(whole, alone, other_scatterers(alone.structure, alone.labels), 4.0) is whole
    others = other_scatterers(scene.structure, scene.labels)
    against = whole.with_values(-whole.values)
    assert without_others(against, scene, others, 4.0) is against


def test_the_likelihood_is_of_that_map_and_priors_see_the_whole(truth, scene):
    whole = map_of(truth, 4.0)
    bound = bind_map(WholeMap(whole, whole, None, 4.0), scene)
    level = bound.likelihood.levels[0].as_map()
    dna, mean = dna_atoms(truth), bound.likelihood.levels[0].mean
    assert sample(level, dna).mean() + mean < 0.25 * sample(bound.density, dna).mean()
    np.testing.assert_allclose(sample(bound.density, dna), sample(whole, dna), rtol=0.05, atol=0.01)


def test_other_atoms_scatter_as_their_elements_and_occupancies(truth, scene):
    structure = scene.structure.clone()
    structure[0]["B"][0][0].element = gemmi.Element("X")
    structure[0]["B"][0][1].element = gemmi.Element("H")
    found = other_scatterers(structure, scene.labels)
    dna = [atom for residue in truth[0]["B"] for atom in residue]
    assert len(found) == len(dna) - 2  # waters and the job's residues are not among them
    assert {"P", "C", "N", "O"} == set(found.elements)
    assert sorted(set(found.occupancy.tolist())) == [0.0, 0.375, 0.625, 1.0]
    assert len(found.only(np.arange(len(found)) < 5)) == 5
