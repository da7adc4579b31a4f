"""The weight of the map, cross-validated between half maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from adp3d.contract.specification import RefineSpec
from adp3d.density.write import write_map
from adp3d.job.events import Control, NullEvents, Stopped
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.pipeline.cost import planned_runs
from adp3d.pipeline.cross_validation import Trial, climb
from adp3d.pipeline.density_weight import DensityWeight


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def climbed(free, weights=(1.0, 3.0, 10.0, 0.3, 0.1)):
    """Trials with these FSCs in the free half, by weight."""
    return climb(weights, lambda weight: Trial(weight, np.array(free[weight]) + 0.1, np.array(free[weight])))


def tried(found):
    return [trial.weight for trial in found.trials]


def test_weights_are_raised_as_long_as_unseen_data_are_explained_better():
    found = climbed({1: [0.55, 0.56], 3: [0.60, 0.62], 10: [0.58, 0.6]})
    assert tried(found) == [1, 3, 10] and found.chosen.weight == 3
    assert "0.555 with 1, 0.610 with 3, 0.590 with 10" in found.sentence() and ". " not in found.sentence()
    assert found.describe()["fsc_free"] == 0.61 and found.describe()["fsc_work"] == 0.71


def test_else_they_are_lowered():
    found = climbed({1: [0.55, 0.56], 3: [0.50, 0.52], 0.3: [0.58, 0.6], 0.1: [0.59, 0.61]})
    assert tried(found) == [1, 3, 0.3, 0.1] and found.chosen.weight == 0.1
    assert [row["weight"] for row in found.describe()["trials"]] == [0.1, 0.3, 1, 3]


def test_a_gain_that_is_mostly_fitted_noise_is_none():
    work = {1: 0.60, 3: 0.62, 10: 0.65, 0.3: 0.58, 0.1: 0.5}
    free = {1: 0.58, 3: 0.59, 10: 0.595, 0.3: 0.57, 0.1: 0.5}
    found = climb(
        [1, 3, 10, 0.3, 0.1], lambda weight: Trial(weight, np.full(2, work[weight]), np.full(2, free[weight]))
    )
    assert tried(found) == [1, 3, 10]
    assert found.chosen.weight == 3, "a half of 0.02 is gained, but only a sixth of 0.03"


def test_a_smaller_weight_must_be_worth_what_it_loses():
    work, free = {1: 0.734, 3: 0.74, 0.3: 0.725, 0.1: 0.71}, {1: 0.355, 3: 0.348, 0.3: 0.357, 0.1: 0.351}
    trial = {weight: Trial(weight, np.full(2, work[weight]), np.full(2, free[weight])) for weight in work}
    assert climb([1, 3, 0.3, 0.1], trial.__getitem__).chosen.weight == 1, "0.002 gained for 0.009"


def test_the_usual_weight_stays_where_no_other_is_better_in_both_halves():
    assert climbed({1: [0.5, 0.5], 3: [0.5, 0.5], 0.3: [0.5, 0.5]}).chosen.weight == 1, "nothing moves"
    found = climbed({1: [0.50, 0.60], 3: [0.62, 0.50], 0.3: [0.48, 0.61]})
    assert tried(found) == [1, 3, 0.3] and found.chosen.weight == 1
    assert climbed({2.5: [0.5, 0.6]}, (2.5,)).chosen.weight == 2.5


def test_what_the_user_says_while_it_runs_stays():
    weight = DensityWeight("density", None)
    assert weight.value == 1 and weight.table == {"density": 1}
    weight.propose(3.0)
    assert weight.table == {"density": 3.0}
    weight.change({"temperature": 5.0})
    assert not weight.steered
    weight.change({"density_weight": 0.0})
    weight.propose(10.0)
    assert weight.value == 0.0 and weight.steered
    assert DensityWeight("density", 2.0).value == 2.0


@pytest.fixture(scope="module")
def maps(small, tmp_path_factory):
    """The map and its two halves."""
    folder, signal, rng = tmp_path_factory.mktemp("halves"), small.density, np.random.default_rng(0)
    paths = [str(folder / f"{name}.mrc") for name in ("map", "one", "two")]
    halves = [
        signal.with_values((signal.values + signal.values.std() * rng.standard_normal(signal.shape)).astype(np.float32))
        for _ in range(2)
    ]
    whole = signal.with_values(0.5 * (halves[0].values + halves[1].values))
    for path, density in zip(paths, (whole, *halves), strict=True):
        write_map(density, path)
    return paths


@pytest.fixture
def make_job(small, maps, tmp_path):
    count = iter(range(100))

    def make(**options):
        options = {
            "map": maps[0], "half_maps": tuple(maps[1:]), "model": str(small.deposited), "replicas": 2, "steps": 6,
            "device": "cpu", "resolution": 2.5, "prior": "gaussian", "trajectory_interval": 0,
        } | options  # fmt: skip
        return JobFolder.create(RefineSpec(output=str(tmp_path / f"job{next(count)}"), **options))

    return make


class Told(NullEvents):
    """Notes what is told; stops at a step of a stage, or changes the weight there."""

    def __init__(self, control=None, at=None, weight=None):
        self.control, self.at, self.weight = control, at, weight
        self.stages, self.texts, self.done = [], [], []

    def overall(self, done, total):
        self.done.append((done, total))

    def message(self, text, level="info"):
        self.texts.append(text)

    def progress(self, stage, step, total, metrics=None):
        if stage not in self.stages:
            self.stages.append(stage)
        if (stage, step) == self.at:
            if self.weight is None:
                self.control.stop()
            else:
                self.control.change("density_weight", self.weight)


def run(job, events=None, control=None):
    return execute(job, events or NullEvents(), control or Control())


def trials(told):
    return [stage for stage in told.stages if stage.startswith("weight")]


def test_weights_are_tried_in_the_halves_and_the_best_is_used(make_job):
    told = Told()
    job = make_job(replicas=1, side_chains="none", relax=False)
    metrics = run(job, told)
    found = metrics["cross_validation"]
    by_weight = {row["weight"]: row for row in found["trials"]}
    assert set(trials(told)) == {f"weight {w:g} in half map {h}" for w in by_weight for h in (1, 2)}
    assert trials(told)[:4] == [f"weight {w} in half map {h}" for w in (1, 3) for h in (1, 2)]
    assert "polishing" in told.stages and told.done[-1][0] == told.done[-1][1]
    planned = planned_runs(job.spec)
    assert told.done[0][1] == sum(one.work for one in planned if one.name.startswith(("weight", "polishing")))
    assert metrics["density_weight"] == found["weight"]
    assert found["fsc_work"] > found["fsc_free"] > 0.1
    assert found["fsc_free"] == by_weight[found["weight"]]["fsc_free"] >= by_weight[1.0]["fsc_free"]
    assert len([text for text in told.texts if "the weight of the map is" in text]) == 1


def test_a_weight_given_is_used_and_only_its_figures_are_told(make_job):
    told, job = Told(), make_job(density_weight=2.0, replicas=1)
    metrics = run(job, told)
    assert trials(told) == ["weight 2 in half map 1", "weight 2 in half map 2"]
    assert metrics["density_weight"] == 2.0 == metrics["cross_validation"]["weight"]
    assert len(metrics["cross_validation"]["trials"]) == 1

    # stopped within a trial and resumed, it is the same
    again, control = make_job(density_weight=2.0, replicas=1), Control()
    with pytest.raises(Stopped):
        run(again, Told(control, ("weight 2 in half map 2", 4)), control)
    assert run(JobFolder.open(again.path))["cross_validation"] == metrics["cross_validation"]
    assert (again.path / "result.cif").read_bytes() == (job.path / "result.cif").read_bytes()


def test_a_weight_set_while_it_runs_ends_the_trials(make_job):
    control = Control()
    told = Told(control, ("weight 1 in half map 1", 3), weight=5.0)
    metrics = run(make_job(replicas=1), told, control)
    assert trials(told) == ["weight 1 in half map 1"]
    assert metrics["density_weight"] == 5.0 and metrics["cross_validation"] is None
    assert told.done[-1][0] == told.done[-1][1], "trials left out count no more"


def test_without_half_maps_the_finest_shell_judges(make_job):
    told = Told()
    metrics = run(make_job(half_maps=None, replicas=1), told)
    found = metrics["cross_validation"]
    assert trials(told)[:2] == [f"weight {weight} without the finest shell" for weight in (1, 3)]
    assert len(trials(told)) == len(found["trials"]) >= 2 and found["free"] == "finest shell"
    assert metrics["density_weight"] == found["weight"] and found["fsc_work"] > found["fsc_free"]
    assert sum("Refined without the finest shell" in text for text in told.texts) == 1


def test_a_weight_that_is_given_needs_no_trial_without_half_maps(make_job):
    told = Told()
    metrics = run(make_job(half_maps=None, replicas=1, density_weight=2.0), told)
    assert trials(told) == [] and metrics["density_weight"] == 2.0 and metrics["cross_validation"] is None
