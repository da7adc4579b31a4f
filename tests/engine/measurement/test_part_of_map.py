"""A map for some residues, with what the others explain taken out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from symmetric_complex import assembled, simulated_map

from adp3d.contract.specification import RefineSpec
from adp3d.job.events import NullEvents
from adp3d.likelihood.density import DensityLikelihood
from adp3d.measurement.density import bind_map
from adp3d.measurement.part_of_map import part_of_map
from adp3d.measurement.whole_map import MapFiles, read_whole_map
from adp3d.physics.grid import Grid
from adp3d.physics.pseudo_atoms import backbone_to_atoms
from adp3d.pipeline.problem import load_problem

ROWS = np.arange(10, 30)


@pytest.fixture(scope="module")
def bound(small, tmp_path_factory):
    """Two chains of 44 residues side by side, and their map at 3 A."""
    folder = tmp_path_factory.mktemp("part")
    structure, _ = assembled(small.deposited, "C2", 11.0)
    structure.make_mmcif_document().write_file(str(folder / "model.cif"))
    simulated_map(structure, folder / "map.mrc")
    spec = RefineSpec(output="none", map=str(folder / "map.mrc"), model=str(folder / "model.cif"))
    problem = load_problem(spec, NullEvents())
    scene = problem.scene(NullEvents())
    return problem, bind_map(read_whole_map(MapFiles(spec.map, None, 3.0), scene.points, NullEvents()), scene)


def test_a_part_sees_its_own_density_alone(bound):
    problem, whole = bound
    part = part_of_map(whole, problem.target.xyz, ROWS)
    x = problem.start()[None, ROWS]
    assert part.likelihood.atoms.n_residues == len(ROWS) == len(part.known)
    fit = part.likelihood.fit(x)
    # side chains differ from their averages, here and where density was taken out
    assert float(fit.correlation[0]) > 0.75
    own = whole.likelihood.fit(problem.start()[None])
    assert float(fit.scale[0]) == pytest.approx(float(own.scale[0]), rel=0.1)
    assert float(part.likelihood.correlation(x + 2.0)[0]) < float(fit.correlation[0]) - 0.3
    # at the others' atoms it does not answer
    inside = part.likelihood.levels[0].mask.numpy() > 0
    others = problem.target.xyz[44:].reshape(-1, 3)
    at = np.rint(part.density.to_index(others)).astype(int)
    here = ((at >= 0) & (at < inside.shape)).all(1)
    assert here.any() and inside[tuple(at[here].T)].mean() < 0.1 < inside.mean()


def test_where_average_side_chains_explain_the_map_nothing_of_the_others_is_left(bound):
    problem, whole = bound
    x = problem.start()[None]
    full = whole.likelihood
    sharp = full.levels[0]
    density = full.operators[0](backbone_to_atoms(x, full.atoms))[0]
    # what the model explains, in other units
    blurs = [level.blur for level in full.levels]
    made = 3.0 * density + 0.5
    exact = DensityLikelihood.from_map(made, sharp.grid, full.atoms, full.resolution, 1e-4, sharp.mask, blurs)
    synthetic = replace(whole, likelihood=exact)
    part = part_of_map(synthetic, problem.target.xyz, ROWS)
    atoms = full.atoms.of_residues(torch.as_tensor(ROWS))
    own = atoms.density(Grid.of_map(part.density))(backbone_to_atoms(x[:, ROWS], atoms))[0]
    level = part.likelihood.levels[0]
    left = level.values + level.mean - 3.0 * own - 0.5
    assert float((left * level.mask).abs().max()) < 2e-2 * float(3.0 * own.max())
    assert float(part.likelihood.correlation(x[:, ROWS])[0]) > 0.9999


def test_a_part_that_is_all_is_the_map_as_it_was(bound):
    problem, whole = bound
    part = part_of_map(whole, problem.target.xyz, np.arange(88))
    x = problem.start()[None]
    mine, all_of_it = part.likelihood.fit(x), whole.likelihood.fit(x)
    np.testing.assert_allclose(mine.scale.numpy(), all_of_it.scale.numpy(), rtol=1e-4)
    np.testing.assert_allclose(mine.correlation.numpy(), all_of_it.correlation.numpy(), rtol=1e-4)
