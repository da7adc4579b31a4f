"""Telling a model that lies beside its density from one that fits."""

from __future__ import annotations

import numpy as np
import torch

from adp3d.contract.specification import RefineSpec
from adp3d.fitting.displaced import SHIFTS, displaced_residues, lies_beside
from adp3d.fitting.support import judge_support
from adp3d.job.events import NullEvents
from adp3d.measurement.density import bind_map
from adp3d.measurement.whole_map import MapFiles, read_whole_map
from adp3d.pipeline.problem import load_problem
from adp3d.placing.target import build_target
from adp3d.structure.read import read_structure


def verdict(small, way):
    """Which residues of the small model, moved by so much along x from residue 35 on, are displaced."""
    problem = load_problem(RefineSpec(output="none", map=str(small.map), model=str(small.deposited)), NullEvents())
    scene = problem.scene(NullEvents())
    density = bind_map(read_whole_map(MapFiles(str(small.map), None, 1.75), scene.points, NullEvents()), scene)
    x = problem.start()[None].clone()
    x[:, 22:, :, 0] += way
    fit = density.start_fit(x)
    shifted = np.stack([density.start_fit(x + torch.as_tensor(shift).to(x)) for shift in SHIFTS])
    support = judge_support(build_target(read_structure(small.deposited), None), fit, 1.75)
    return displaced_residues(fit, shifted, support, problem.polymer.chain_index), support


def test_a_model_in_its_density_is_not_displaced(small):
    found, support = verdict(small, 0.0)
    assert support.trusted.all() and not found.any()


def test_the_part_that_was_moved_is(small):
    found, support = verdict(small, 0.8)
    assert found[25:].sum() > 0.8 * support.trusted[25:].sum() > 10
    assert not found[:18].any()


def test_shifts_are_all_as_long_and_cancel():
    np.testing.assert_allclose(np.linalg.norm(SHIFTS, axis=-1), 0.7)
    np.testing.assert_allclose(SHIFTS.sum(0), 0.0, atol=1e-12)
    assert SHIFTS.shape == (14, 3)


def test_twenty_five_of_a_hundred_residues_tell_and_scattered_ones_do_not():
    chains = np.repeat([0, 1], [300, 60])

    def displaced(*rows):
        return np.isin(np.arange(360), np.concatenate([np.asarray(r) for r in rows]))

    assert lies_beside(displaced(range(120, 145)), chains)
    assert lies_beside(displaced(range(200, 300, 4)), chains)
    assert not lies_beside(displaced(range(120, 144)), chains)
    assert not lies_beside(displaced(range(0, 300, 5)), chains)
    assert not lies_beside(displaced(range(288, 300), range(300, 312)), chains), "chains are told apart"
    assert lies_beside(displaced(range(310, 335)), chains), "also in shorter ones"
