"""What is in the way of residues that are built."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from dna_complex import complex_with_dna, dna_atoms, without_segment
from scipy.spatial import cKDTree

from adp3d.job.events import NullEvents
from adp3d.measurement.obstacles import obstacles_of
from adp3d.measurement.protocol import Scene
from adp3d.placing.target import build_target
from adp3d.solver.protocol import Level


def scene_of(structure):
    target = build_target(structure, None, chains=["A"])
    return Scene(target.polymer, target.labels, target.xyz, structure, torch.device("cpu"), NullEvents())


@pytest.fixture(scope="module")
def whole():
    return scene_of(complex_with_dna())


def built(scene, rows):
    chosen = np.zeros(scene.polymer.n_residues, bool)
    chosen[rows] = True
    return chosen


def test_the_true_structure_is_not_in_the_way(whole):
    (found,) = obstacles_of(whole, np.ones(whole.polymer.n_residues, bool))
    assert found.name == "obstacles" and len(found.xyz) <= len(dna_atoms(whole.structure))
    x = whole.start()[None]
    assert float(found.figures(x)["log_likelihood"][0]) > -1.0
    # two residues further along, its backbone would be in the DNA
    shifted = x + torch.as_tensor(dna_atoms(whole.structure).mean(0), dtype=x.dtype) - x[:, 23:24, 1:2]
    assert float(found.figures(shifted)["log_likelihood"][0]) < -100.0


def test_pairs_are_those_of_a_search_through_all(whole):
    (found,) = obstacles_of(whole, built(whole, [20, 21]))
    x = whole.start()[None].repeat(2, 1, 1, 1)
    x[1] += 1.0
    likelihood = found.likelihood(x, 0.3)
    energy = torch.zeros(2)
    for replica in range(2):
        for row in (20, 21):
            for atom, radius in enumerate((1.35, 1.8, 1.65, 1.35)):
                apart = np.linalg.norm(found.xyz - x[replica, row, atom].numpy(), axis=-1)
                energy[replica] += 0.5 * float(
                    (np.clip(radius + found.radius - apart, 0, None) / 0.3) ** 2 @ np.ones(len(apart))
                )
    torch.testing.assert_close(likelihood(x), -energy, rtol=1e-3, atol=1e-3)
    assert {20, 21} >= set((likelihood.atom // 4).tolist())


def test_estimates_amid_noise_are_in_nobodys_way(whole):
    (found,) = obstacles_of(whole, built(whole, [20]))
    x = whole.start()[None].clone()
    x[0, 20, 1] = torch.as_tensor(found.xyz[0])
    values = [
        float(found.potential.at(x, Level(0, 10, 0.5, 0.9, sigma)).value_and_gradient(x)[0])
        for sigma in (0.0, 0.1, 0.4)
    ]
    assert values[0] > 3 * values[1] > 3 * values[2] > 0


def test_there_is_none_without_others_or_far_from_them(whole):
    everything = np.ones(whole.polymer.n_residues, bool)
    alone = complex_with_dna()
    alone[0].remove_chain("B")
    assert obstacles_of(scene_of(alone), everything) == ()  # waters are none
    assert obstacles_of(whole, ~everything) == ()
    away = without_segment(complex_with_dna())
    for residue in away[0]["B"]:
        for atom in residue:
            atom.pos.x += 200
    assert obstacles_of(scene_of(away), np.ones(scene_of(away).polymer.n_residues, bool)) == ()
    near, _ = cKDTree(whole.points).query(dna_atoms(whole.structure))
    (some,) = obstacles_of(whole, everything, 6.0)
    assert 0 < len(some.xyz) <= int((near < 6.0).sum())
