"""Stretches of a job's result, and what is said of each."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
import pytest
import torch

from adp3d.contract.segments import CONTRADICTED, LEFT, LEFT_OUT, MOVED, REBUILT
from adp3d.contract.specification import CompleteSpec
from adp3d.ensemble.denoising_energy import denoising_energies, denoising_energy
from adp3d.job.events import NullEvents
from adp3d.job.folder import JobFolder
from adp3d.pipeline.final_model import Outcome
from adp3d.pipeline.problem import load_problem
from adp3d.pipeline.segments import Replicas, find_segments, judge_replicas
from adp3d.structure.read import read_structure
from adp3d.validation.validate import validate_model


@pytest.fixture
def problem(small, tmp_path):
    """44 residues of which 7 are missing."""
    threads = torch.get_num_threads()
    spec = CompleteSpec(output=str(tmp_path / "job"), model=str(small.model), device="cpu", prior="gaussian")
    made = load_problem(JobFolder.create(spec).spec, NullEvents())
    torch.set_num_threads(threads)
    return made


@pytest.fixture
def truth(small):
    structure = gemmi.read_structure(str(small.deposited))
    return np.array([[r[a][0].pos.tolist() for a in ("N", "CA", "C", "O")] for r in structure[0]["A"]])


def find(problem, x, fit=None, figures=None, report=None, replicas=None, moved=None):
    way = np.where(problem.known_residues, 0.0, np.nan)
    if moved is not None:
        way[moved] = 1.5
    outcome = Outcome(np.array([x]), np.full(len(x), 90.0), np.zeros(1), fit=fit, start_fit=fit)
    figures = {"resolution": 2.0, **(figures or {})}
    return find_segments(problem, outcome, way, figures, report, replicas or Replicas(np.array([x])[:, :, 1]))


def called(problem, rows):
    return tuple(f"{problem.target.labels[row][1]}" for row in rows)


def missing(problem):
    return np.flatnonzero(~problem.known_residues)


def test_what_was_missing_is_rebuilt(problem, truth):
    (one,) = find(problem, truth)
    assert (one.kind, one.chain, one.new) == (REBUILT, "A", 7)
    assert one.residues == called(problem, missing(problem))
    assert (one.breaks, one.fit, one.q_score, one.displacement, one.rotamers) == (0, None, None, None, None)
    assert one.confidence == 90.0 and one.alternatives == ()


def test_moved_residues_and_short_gaps_between_them(problem, truth):
    start = int(missing(problem)[-1]) + 3
    found = find(problem, truth, moved=[start, start + 1, start + 4])
    moved = [one for one in found if one.kind == MOVED]
    assert [one.residues for one in moved] == [called(problem, range(start, start + 5))]
    assert moved[0].displacement == 1.5 and moved[0].new == 0


def test_known_residues_that_were_built_anew(problem, truth):
    first = int(missing(problem)[0])
    label = problem.target.labels
    stretch = {"chain": "A", "first": str(label[first - 2][1]), "last": str(label[first][1])}
    (one,) = find(problem, truth, figures={"segments": [stretch]}, moved=[first - 2, first - 1])
    assert (one.kind, one.new, one.length) == (REBUILT, 7, 9)


def test_what_the_map_does_not_show_has_a_row(problem, truth):
    stretch = {"chain": "A", "first": "1", "last": "1A", "length": 2, "residues": ["1", "1A"]}
    unseen = [{**stretch, "left_out": True}, {**stretch, "chain": "B", "left_out": False}]
    found = find(problem, truth, figures={"unseen": unseen})
    (gone,) = [one for one in found if not one.there]
    assert (gone.kind, gone.name, gone.new, gone.trouble) == (LEFT_OUT, "A 1-1A", 2, 0.0)
    assert gone.reasons == ("left out: the map does not show it",) and len(found) == 2


def test_a_break_is_trouble(problem, truth):
    x = truth.copy()
    rows = missing(problem)
    x[rows[-1] + 1 :] += np.array([0.0, 0.0, 4.0])
    (one,) = find(problem, x)
    assert one.breaks == 1 and one.trouble >= 5 and "1 chain break" in one.reasons


def test_what_the_map_contradicts_is_left_or_held(problem, truth):
    fit = np.full(len(truth), 0.8)
    bad = np.arange(missing(problem)[-1] + 4, missing(problem)[-1] + 14)
    fit[bad] = 0.0
    found = {one.kind: one for one in find(problem, truth, fit=fit)}
    assert set(found) == {REBUILT, LEFT}
    assert set(found[LEFT].residues) < set(called(problem, bad)) and found[LEFT].trouble == 5.0
    assert found[REBUILT].fit == 0.8 and found[REBUILT].trouble == 0.0
    kept = problem.kept.copy()
    kept[bad] = True
    found = {one.kind: one for one in find(replace(problem, kept=kept), truth, fit=fit)}
    assert set(found) == {REBUILT, CONTRADICTED}


def test_a_shifted_register_is_listed_first(problem, truth):
    label = problem.target.labels
    first = int(missing(problem)[-1]) + 4
    shifted = {"chain": "A", "first": str(label[first][1]), "last": str(label[first + 5][1]), "shift": -1}
    found = find(problem, truth, figures={"register": [shifted]})
    assert [one.kind for one in found] == [CONTRADICTED, REBUILT]
    assert (found[0].register, found[0].length, found[0].trouble) == (-1, 6, 10.0)


def test_side_chains_are_counted_in_their_stretch(problem, truth, small):
    structure = read_structure(small.deposited)
    report = validate_model(structure)
    number = problem.target.labels[missing(problem)[3]][1]
    inside = [c for c in report.clashscore.clashes]
    (one,) = find(problem, truth, report=report)
    numbers = set(one.residues)
    names = report.atoms.residues
    expected = sum(any(names[i].number in numbers for i in clash.residues) for clash in inside)
    outliers = sum(row["rotamer"] == "outlier" and row["number"] in numbers for row in report.residues())
    assert (one.clashes, one.rotamers) == (expected, outliers)
    assert str(number) in numbers


def test_replicas_are_judged_stretch_by_stretch(problem, truth):
    other = truth.copy()
    rows = missing(problem)
    other[rows] += np.array([0.0, 3.0, 0.0])
    replicas = judge_replicas(problem, np.array([truth, other]), 0)
    (one,) = find(problem, truth, replicas=replicas)
    first, second = one.alternatives
    assert (first.replica, first.away, second.replica, second.away) == (1, 0.0, 2, 3.0)
    assert first.fit is None and first.energy == pytest.approx(replicas.energy[0, rows].mean(), abs=1e-3)
    assert judge_replicas(problem, np.array([truth]), 0).energy is None, "a single one has no rivals"


def test_energies_of_residues_add_up(problem, truth):
    x = torch.as_tensor(np.array([truth, truth + 0.1]), dtype=torch.float32)
    each = denoising_energies(problem.prior, x, torch.Generator().manual_seed(3))
    whole = denoising_energy(problem.prior, x, torch.Generator().manual_seed(3))
    assert each.shape == (2, 44)
    torch.testing.assert_close(each.mean(1), whole)
