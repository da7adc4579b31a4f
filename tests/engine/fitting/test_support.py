"""Which residues of a starting model the map supports."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
import pytest
import torch

from adp3d.contract.specification import RefineSpec
from adp3d.fitting.support import Support, along_chains, judge_support
from adp3d.job.events import NullEvents
from adp3d.measurement.density import load_density
from adp3d.measurement.whole_map import MapFiles
from adp3d.pipeline.problem import load_problem

CPU = torch.device("cpu")


def judged(small, model):
    spec = RefineSpec(
        output="unused", map=str(small.map), model=str(model), device="cpu", prior="gaussian", resolution=1.75
    )
    problem = load_problem(spec, NullEvents())
    scene = problem.scene(NullEvents())
    density = load_density(MapFiles(spec.map, None, spec.resolution), scene)
    start = scene.start()[None]
    return problem, judge_support(problem.target, density.start_fit(start), 1.75, density.start_share(start))


@pytest.fixture(scope="module")
def good(small):
    return judged(small, small.model)


@pytest.fixture(scope="module")
def bad(small, tmp_path_factory):
    """Residues 44 to 52 pushed out of their density."""
    structure = gemmi.read_structure(str(small.model))
    for residue in structure[0]["A"]:
        if 44 <= residue.seqid.num <= 52:
            for atom in residue:
                atom.pos += gemmi.Position(3.0, 3.0, -3.0)
    path = tmp_path_factory.mktemp("bad") / "model.cif"
    structure.make_mmcif_document().write_file(str(path))
    return judged(small, path)


def test_a_good_model_is_trusted(good):
    problem, support = good
    assert support.trusted.tolist() == problem.known_residues.tolist()
    assert not support.rejected.any()
    assert np.isnan(support.fit[~problem.known_residues]).all()
    assert 0.5 < support.typical < 1
    assert 0 < support.threshold < support.typical
    (line,) = support.lines(problem.target)
    assert "supports all" in line


def test_a_misplaced_part_is_rejected(bad):
    problem, support = bad
    numbers = np.array([label[1] for label in problem.target.labels])
    assert support.rejected[(numbers >= 45) & (numbers <= 51)].mean() > 0.8
    assert not support.rejected[(numbers < 42) | (numbers > 55)].any()
    assert not support.trusted[support.rejected].any()
    (line,) = support.lines(problem.target)
    assert f"{int(support.rejected.sum())} known residues" in line


def test_what_has_its_density_is_not_contradicted(good):
    """Missing residues beside it lower its correlation, but not the density at its atoms."""
    problem, _ = good
    known = problem.known_residues
    rows = np.flatnonzero(known)[10:17]
    fit = np.where(known, 0.7, np.nan)
    fit[rows] = 0.0
    middle = np.isin(np.arange(len(fit)), rows[2:-2])
    share = np.where(known, 1.0, np.nan)
    assert judge_support(problem.target, fit, 6.0).rejected[middle].all()
    assert not judge_support(problem.target, fit, 6.0, share).rejected.any()
    share[rows] = 0.7
    assert judge_support(problem.target, fit, 6.0, share).rejected[middle].all()
    # what is enough is measured by what the model has elsewhere, and nothing is told by nothing
    again = judge_support(problem.target, fit, 6.0, np.where(known, 0.8, np.nan))
    assert not again.rejected.any()
    none = judge_support(problem.target, fit, 6.0, np.full(len(fit), np.nan))
    assert none.rejected[middle].all()


def test_rejected_residues_leave_the_model(bad):
    problem, support = bad
    model, rejected = problem.target, support.rejected
    applied = support.apply(model)
    # a short loop: its trace pulls weakly, so that it does not wander off
    assert applied.known[rejected].any(0).tolist() == [False, True, False, False]
    assert (applied.sigma[rejected] == 4.0).all()
    np.testing.assert_array_equal(applied.known[~rejected], model.known[~rejected])
    assert (applied.sigma >= model.sigma * (1 - 1e-6)).all()
    np.testing.assert_array_equal(applied.xyz, model.xyz)


def test_a_misplaced_domain_is_free(bad):
    problem, support = bad
    applied = replace(support, in_body=support.rejected).apply(problem.target)
    assert not applied.known[support.rejected].any()


def test_residues_that_the_user_keeps_are_trusted(bad):
    _, support = bad
    kept = np.zeros(len(support.trusted), dtype=bool)
    kept[np.flatnonzero(support.rejected)[:3]] = True
    trusting = support.trusting(kept)
    assert trusting.trusted[kept].all() and trusting.rejected.sum() == support.rejected.sum() - 3


def test_doubt_widens_sigma(good):
    problem, _ = good
    known = problem.known_residues
    fit = np.where(known, 0.8, np.nan)
    fit[:5] = [0.8, 0.7, 0.6, 0.5, 0.4]
    widened = Support(fit, 0.8, known, np.zeros_like(known), 0.28).apply(problem.target)
    ratio = (widened.sigma / problem.target.sigma)[:5, 1]
    assert float(ratio[0]) == pytest.approx(1.0)
    assert (np.diff(ratio) > 0).all() and float(ratio.max()) <= 3.0 + 1e-6


def test_smoothing_stays_within_chains_and_skips_what_is_missing():
    values = np.array([1.0, 1.0, np.nan, 4.0, 4.0, 10.0, 10.0])
    chains = np.array([0, 0, 0, 0, 0, 1, 1])
    found = along_chains(values, chains)
    assert np.isnan(found[2])
    np.testing.assert_allclose(found[[0, 1, 3]], [1.0, 2.0, 2.5 + 0.5])
    np.testing.assert_allclose(found[5:], 10.0)
