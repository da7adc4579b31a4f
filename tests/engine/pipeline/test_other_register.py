"""Stretches out of register: put where they belong, built again, and kept where that is better."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest

from adp3d.contract.specification import RefineSpec
from adp3d.job.events import Control, NullEvents, Stopped
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.pipeline.other_register import Evidence, reseat
from adp3d.rotamers.register import RegisterShift
from adp3d.structure.read import read_structure

STRETCH = range(26, 45)
"""Residues of the small problem that are traced one residue too late."""
STAGE = "building in another register 1"


@pytest.mark.parametrize("shift", [-2, -1, 1, 2])
def test_residues_take_the_places_of_those_whose_side_chains_are_theirs(shift):
    x = np.arange(60.0)[:, None, None] * np.ones((4, 3))
    chains = np.repeat([0, 1], [10, 50])
    found = reseat(x, RegisterShift(25, 44, shift, 20.0, 5.0), chains)
    rows = np.flatnonzero(np.isfinite(found.x[:, 0, 0]))
    sits = found.x[rows, 0, 0].astype(int)
    moved = rows[sits != rows]
    # all but four residues at either end, whose places are those of rows 25 to 44
    assert moved.tolist() == list(range(25 + shift + 4, 44 + shift - 4 + 1))
    assert (moved - found.x[moved, 0, 0] == shift).all()
    assert len(set(sits.tolist())) == len(sits), "no two residues share a place"
    assert found.touched[moved].all() and (found.touched == (found.built | np.isin(np.arange(60), moved))).all()
    # at one end one place more than there are residues to be built, at the other one less
    first, second = (np.flatnonzero(found.built[part]) + part.start for part in (slice(0, 35), slice(35, 60)))
    places = [sits[rows > gap[-1]].min() - sits[rows < gap[0]].max() - 1 for gap in (first, second)]
    assert [len(gap) - place for gap, place in zip((first, second), places, strict=True)] == [shift, -shift]


def test_stretches_at_the_ends_of_chains_and_short_ones():
    x = np.arange(30.0)[:, None, None] * np.ones((4, 3))
    chains = np.repeat([0, 1], [10, 20])
    end = reseat(x, RegisterShift(22, 29, -1, 20.0, 5.0), chains)
    assert np.flatnonzero(end.built).tolist() == [19, 20, 21, 22, 27, 28, 29]
    assert (~np.isfinite(end.x[:, 0, 0]) == end.built).all()
    begin = reseat(x, RegisterShift(10, 17, 1, 20.0, 5.0), chains)
    assert not begin.touched[:10].any() and begin.built[10]
    assert (np.flatnonzero(begin.touched & ~begin.built) - begin.x[begin.touched & ~begin.built, 0, 0] == 1).all()


def test_better_is_what_the_map_says_in_all_three_ways():
    before = Evidence(2.0, 0.60, 0.50)
    assert Evidence(12.0, 0.61, 0.51).better_than(before, 5.0)
    for worse in (Evidence(6.0, 0.61, 0.51), Evidence(12.0, 0.60, 0.51), Evidence(12.0, 0.61, 0.49)):
        assert not worse.better_than(before, 5.0)


class Told(NullEvents):
    def __init__(self, control=None, stop=None):
        self.control, self.stop, self.stages, self.texts, self.done = control, stop, [], [], []

    def message(self, text, level="info"):
        self.texts.append(text)

    def overall(self, done, total):
        self.done.append((done, total))

    def progress(self, stage, step, total, metrics=None):
        self.stages += [stage] if stage not in self.stages else []
        if (stage, step) == self.stop:
            self.control.stop()


@pytest.fixture(scope="module")
def planted(small, tmp_path_factory):
    """The small problem, complete, with the backbones of a stretch one residue off, torn at both ends."""
    structure = gemmi.read_structure(str(small.deposited))
    chain = structure[0]["A"]
    places = {r.seqid.num: {a.name: gemmi.Position(a.pos) for a in r} for r in chain}
    for residue in chain:
        if residue.seqid.num in STRETCH:
            for k in range(len(residue) - 1, -1, -1):
                if residue[k].name not in ("N", "CA", "C", "O"):
                    del residue[k]
            for atom in residue:
                atom.pos = places[residue.seqid.num + 1][atom.name]
    path = tmp_path_factory.mktemp("planted") / "model.cif"
    structure.make_mmcif_document().write_file(str(path))
    return path


@pytest.fixture
def refine(small, planted, tmp_path):
    count = iter(range(10))

    def run(told=None, control=None, **options):
        options = {"replicas": 1, "steps": 8, "device": "cpu", "density_weight": 1.0, "relax": False} | options
        spec = RefineSpec(
            output=str(tmp_path / f"job{next(count)}"), map=str(small.map), model=str(planted), sequence=small.sequence,
            resolution=1.75, **options,
        )  # fmt: skip
        job = JobFolder.create(spec)
        return job, execute(job, told or NullEvents(), control or Control())

    return run


def ca(path):
    return {r.seqid.num: np.array(r["CA"][0].pos.tolist()) for r in read_structure(path)[0]["A"]}


def test_a_stretch_comes_back_into_register(small, planted, refine):
    told = Told()
    job, metrics = refine(told)
    truth, start, result = (ca(path) for path in (small.deposited, planted, job.result))
    off = {number: float(np.linalg.norm(result[number] - truth[number])) for number in truth}
    assert min(np.linalg.norm(start[number] - truth[number]) for number in STRETCH) > 3.5
    assert max(off[number] for number in range(32, 39)) < 0.8
    assert max(off[number] for number in (*range(14, 20), *range(53, 58))) < 0.8
    (tried,) = metrics["register_tried"]
    assert tried["taken"] and tried["shift"] == 1 and not tried["reason"] and metrics["register"] == []
    for name in ("nats", "correlation", "q_score_side_chains"):
        assert tried["after"][name] > tried["before"][name]
    assert any("were built again in that register: side chains fit by +" in text for text in told.texts)
    assert metrics["segments"][0]["length"] > len(STRETCH) and STAGE in told.stages
    names = {r.seqid.num: r.name for r in read_structure(job.result)[0]["A"]}
    assert names == {r.seqid.num: r.name for r in read_structure(planted)[0]["A"]}
    done = [done for done, _ in told.done]
    assert done == sorted(done) and told.done[-1][0] == told.done[-1][1]


def test_what_is_no_better_stays_and_stopping_in_it_changes_nothing(small, planted, refine):
    # three steps of a prior that knows no proteins do not find the way
    options = {"prior": "gaussian", "steps": 3, "side_chains": "none"}
    told, control = Told(), Control()
    whole, metrics = refine(told, **options)
    (tried,) = metrics["register_tried"]
    assert not tried["taken"] and len(metrics["register"]) == 1
    assert any("and stay as they were" in text for text in told.texts)
    start, result = ca(planted), ca(whole.result)
    # beside the torn ends, which the last stage closes
    assert max(np.linalg.norm(result[number] - start[number]) for number in range(30, 41)) < 1.0
    with pytest.raises(Stopped):
        refine(Told(control, (STAGE, 2)), control, **options)
    job = JobFolder.open(whole.path.with_name("job1"))
    again = execute(job, NullEvents(), Control())
    assert again["register_tried"] == metrics["register_tried"]
    assert job.result.read_bytes() == whole.result.read_bytes()


def test_kept_residues_are_not_touched(planted, refine):
    told = Told()
    job, metrics = refine(told, prior="gaussian", steps=2, side_chains="none", keep=("A:35",))
    (tried,) = metrics["register_tried"]
    assert not tried["taken"] and tried["before"] is None and "stay where they are" in tried["reason"]
    assert STAGE not in told.stages and any("which was not tried" in text for text in told.texts)
    np.testing.assert_allclose(ca(job.result)[35], ca(planted)[35], atol=2e-3)
