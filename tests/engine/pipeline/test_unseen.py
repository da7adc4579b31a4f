"""Which residues a map does not show, and refinement without them."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
import torch
from symmetric_complex import assembled, simulated_map

from adp3d.contract.specification import RefineSpec
from adp3d.density.map import DensityMap
from adp3d.density.neighbourhood import near
from adp3d.density.read import read_map
from adp3d.density.write import write_map
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.measurement.density import load_density
from adp3d.measurement.whole_map import MapFiles
from adp3d.pipeline.built import Built
from adp3d.pipeline.equal_copies import equal_copies
from adp3d.pipeline.problem import load_problem
from adp3d.pipeline.unseen import (
    Shown,
    contests,
    map_evidence,
    may_be_unseen,
    unseen_figures,
    unseen_residues,
    unseen_sentence,
)
from adp3d.placing.confidence_records import read_confidence
from adp3d.placing.target import build_target
from adp3d.placing.write import result_structure
from adp3d.structure.read import read_structure

GOOD, BAD = 0.6, 0.1
NOTHING = np.zeros((0, 2), np.int64)


def verdict(evidence, built, chains=None, crossing=NOTHING):
    evidence, built = np.asarray(evidence, float), np.asarray(built, bool)
    chains = np.zeros(len(built), np.int64) if chains is None else chains
    return np.flatnonzero(unseen_residues(evidence, ~built, built, chains, np.asarray(crossing))).tolist()


def chain_of(n, built, bad):
    return np.where(np.isin(np.arange(n), bad), BAD, GOOD), np.isin(np.arange(n), built)


def test_a_stretch_without_density_is_left_out_and_its_ends_are_kept():
    left = verdict(*chain_of(40, range(10, 25), range(14, 21)))
    assert left == list(range(13, 22))


def test_an_end_without_density_is_left_out():
    assert verdict(*chain_of(40, range(30, 40), range(32, 40)))[-1] == 39


def test_known_residues_stay_whatever_the_map_says():
    assert verdict(*chain_of(40, range(35, 40), range(10, 20))) == []


def test_one_or_two_between_others_stay():
    assert verdict(*chain_of(30, range(10, 20), [14])) == []
    evidence, built = chain_of(30, range(10, 20), [])
    assert verdict(evidence, built, crossing=[(2, 14), (3, 15)]) == []
    assert verdict(evidence, built, crossing=[(2, 14), (3, 15), (4, 16)]) == [14, 15, 16]


def test_an_island_in_nothing_goes_too():
    evidence, built = chain_of(60, range(10, 50), [*range(14, 24), *range(33, 46)])
    evidence[24:33] = GOOD
    assert not set(verdict(evidence, built)) & {26, 27, 28, 29, 30}, "a long one stays"
    evidence[26:33] = BAD
    assert {24, 25} <= set(verdict(evidence, built))


def test_where_known_residues_have_no_density_nothing_is_left_out():
    assert verdict(np.full(30, 0.05), np.arange(30) > 20) == []


def test_of_two_chains_in_one_place_the_better_one_stays():
    evidence, built = np.full(60, GOOD), np.isin(np.arange(60), [*range(10, 20), *range(40, 50)])
    evidence[40:50] = 0.5
    crossing = [(i, 57 - i) for i in range(11, 16)]
    assert verdict(evidence, built, crossing=crossing) == list(range(42, 47))
    # a known one stays in any case
    evidence[25:31] = BAD
    assert verdict(evidence, built, crossing=[(13, 27), (14, 28), (15, 29)]) == [13, 14, 15]


def test_chains_that_lie_in_each_other(make):
    one = make.helix(20)
    x = np.concatenate([one, one + np.array([0.0, 0.0, 0.6])])
    linked = np.arange(39) != 19
    found = contests(torch.as_tensor(np.stack([x, x])), linked)
    assert {(i, 20 + i) for i in range(20)} <= {tuple(pair) for pair in found.tolist()}
    apart = np.concatenate([one, one + np.array([0.0, 30.0, 0.0])])
    assert len(contests(torch.as_tensor(np.stack([x, apart])), linked)) == 0, "in half of the replicas only"
    assert len(contests(torch.as_tensor(one[None]), np.ones(19, bool))) == 0


def test_evidence_is_the_q_score_where_nothing_else_explains_the_map(small):
    target = build_target(read_structure(small.deposited), None)
    x, n = torch.as_tensor(target.xyz)[None], target.n_residues
    nobody = np.zeros(n, bool)
    density = read_map(small.map)
    found = map_evidence(density, x, nobody, np.ones((1, n)))
    assert np.median(found) > 0.8
    assert np.median(map_evidence(density, x + 1.5, nobody, np.ones((1, n)))) < 0.5
    half = map_evidence(density, x, np.arange(n) < 10, np.full((1, n), 0.5))
    np.testing.assert_allclose(half, found * np.where(np.arange(n) < 10, 1.0, 0.5))


@pytest.fixture(scope="module")
def emptied(small, tmp_path_factory):
    """The map without density where the starting model has none either."""
    density = read_map(small.map)
    deposited, model = (read_structure(path)[0]["A"] for path in (small.deposited, small.model))
    there = {residue.seqid.num for residue in model}
    points = {True: [], False: []}
    for residue in deposited:
        points[residue.seqid.num in there] += [atom.pos.tolist() for atom in residue]
    gone = near(density, np.array(points[False]), 2.5) & ~near(density, np.array(points[True]), 1.5)
    values = np.where(gone, np.random.default_rng(0).normal(0, 1e-3, density.shape), density.values)
    path = tmp_path_factory.mktemp("emptied") / "map.mrc"
    write_map(DensityMap(values.astype(np.float32), density.origin, density.axes), path)
    return path


class Told(NullEvents):
    def __init__(self):
        self.texts = []

    def message(self, text, level="info"):
        self.texts.append(text)


def test_what_the_map_does_not_show_is_left_out(small, emptied, tmp_path):
    spec = RefineSpec(
        output=str(tmp_path / "job"), map=str(emptied), model=str(small.model), sequence=small.sequence,
        reference=str(small.deposited), replicas=1, steps=4, device="cpu", resolution=1.75, density_weight=1.0,
        relax=False, prior="gaussian", unseen="leave",
    )  # fmt: skip
    job, told = JobFolder.create(spec), Told()
    metrics = execute(job, told, Control())
    missing = set(small.missing)
    result = read_structure(job.result)
    shown = {residue.seqid.num for residue in result[0]["A"]}
    whole = {residue.seqid.num for residue in read_structure(small.deposited)[0]["A"]}
    (told_of,) = [text for text in told.texts if "does not show" in text]
    (stretch,) = metrics["unseen"]
    named = set(range(int(stretch["first"]), int(stretch["last"]) + 1))
    assert len(named) >= 3 and named <= missing and stretch["left_out"] is True
    assert f"A {stretch['first']} to {stretch['last']}" in told_of and "'unseen' build" in told_of
    assert shown == whole - named
    # the sequence is whole, and so are the replicas
    assert gemmi.one_letter_code(result.entities[0].full_sequence) == small.sequence
    assert metrics["residues"] == len(whole) == len(read_structure(job.path / "ensemble.cif")[0]["A"])
    assert metrics["completeness_after"] == pytest.approx(100 * len(shown) / len(whole))
    assert metrics["validation"]["after"]["residues"] == len(shown) == len(read_confidence(job.result))
    assert sum(one["length"] for one in metrics["segments"]) == len(missing - named)
    assert all("CB" in residue or residue.name == "GLY" for residue in result[0]["A"])
    again = build_target(result, None)
    assert [label[1] for label in again.labels] == sorted(whole)
    assert {label[1] for label, known in zip(again.labels, again.known[:, 1], strict=True) if not known} == named


def test_the_sentence_says_what_became_of_them(small):
    target = build_target(read_structure(small.model), None)
    rows = np.flatnonzero(~target.known[:, 1])
    left, built = (unseen_sentence(target, rows, left) for left in (True, False))
    assert "does not show 7 missing residues (A 30 to 36)" in left and "left out; with 'unseen' build" in left
    assert "all the same; with 'unseen' leave" in built and unseen_sentence(target, rows[:0], True) == ""
    assert unseen_figures(target, rows, False) == [
        {
            "chain": "A",
            "first": "30",
            "last": "36",
            "length": 7,
            "residues": [str(number) for number in range(30, 37)],
            "left_out": False,
        }
    ]


@pytest.fixture(scope="module")
def trimer(small, tmp_path_factory):
    """Spec of a symmetric job of three chains that lack rows 15 to 19, one of them only rows 15 to 18."""
    folder = tmp_path_factory.mktemp("trimer")
    structure, _ = assembled(small.deposited, "C3", 13.0)
    simulated_map(structure, folder / "map.mrc")
    for number, chain in enumerate(structure[0]):
        for row in reversed(range(15, 20 - (number == 1))):
            del chain[row]
    structure.make_mmcif_document().write_file(str(folder / "model.cif"))
    return RefineSpec(
        output=str(folder / "job"), map=str(folder / "map.mrc"), model=str(folder / "model.cif"), resolution=3.0,
        sequence=small.sequence, symmetry="model", device="cpu", prior="gaussian",
    )  # fmt: skip


def test_what_a_copy_shows_stays(trimer):
    problem = load_problem(trimer, NullEvents())
    assert np.flatnonzero(may_be_unseen(problem)).tolist() == [15, 16, 17, 18]


def test_copies_lose_the_same_residues(trimer, small):
    problem = load_problem(trimer, NullEvents())
    unseen = np.isin(np.arange(problem.target.n_residues), range(15, 18))
    density = load_density(MapFiles(trimer.map, None, 3.0), problem.scene(NullEvents()))
    x = problem.start()
    built = Built(x, [slice(15, 20)], np.zeros(len(unseen), bool))
    shown = Shown.without(unseen, problem, built, density, problem.pins())
    assert shown.built.segments == [slice(15, 17)] and len(shown.rows) == len(unseen) - 3
    part = shown.of(x[None])
    assert np.isfinite(shown.density.likelihood.per_residue_fit(part)).all()
    assert torch.equal(shown.within(part, x[None]), x[None])
    target, best = shown.problem.target, part[0].double().numpy()
    full = np.full(target.n_residues, 80.0)
    computed = result_structure(shown.problem.structure, target, best, full)
    made, copied = equal_copies(computed, shown.problem.symmetric, target, best, full, None)
    gone = {problem.target.labels[row][1] for row in range(15, 18)}
    for chain in made[0]:
        assert {residue.seqid.num for residue in chain} == {label[1] for label in problem.target.labels} - gone
    assert all(gemmi.one_letter_code(entity.full_sequence) == small.sequence for entity in made.entities)
    assert len(copied) == 3 * target.n_residues


def test_nothing_changes_where_nothing_is_left_out(small):
    spec = RefineSpec(output="unused", map=str(small.map), model=str(small.model), device="cpu", prior="gaussian")
    problem = load_problem(spec, NullEvents())
    density = load_density(MapFiles(spec.map, None, 1.75), problem.scene(NullEvents()))
    built, pins = Built(problem.start(), [], np.zeros(problem.target.n_residues, bool)), problem.pins()
    shown = Shown.without(np.zeros(problem.target.n_residues, bool), problem, built, density, pins)
    assert (shown.problem, shown.built, shown.density, shown.pins) == (problem, built, density, pins)
    x = problem.start()[None]
    assert shown.of(x) is x and shown.within(x, x + 1) is x and shown.part_of(problem.target) is problem.target
