"""Cost of jobs from their specifications."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from adp3d.contract.kinds import KINDS
from adp3d.contract.specification import CompleteSpec, DistancesSpec, RefineSpec
from adp3d.job.memory import estimate_cost
from adp3d.job.runtime import usable_cores
from adp3d.pipeline import cost
from adp3d.pipeline.cost import finishing_runs, finishing_seconds, job_cost, planned_runs, runs_in_windows
from adp3d.prior.registry import find_prior
from adp3d.solver.completion import total_steps
from adp3d.solver.planned_run import total_work
from adp3d.solver.potential_cost import PotentialCost

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("spec", "replicas", "steps"),
    [
        (CompleteSpec(output="o", model="m", replicas=4, steps=100), 4, 140),
        (CompleteSpec(output="o", model="m", replicas=1, steps=100), 1, 100),
        (CompleteSpec(output="o", model="m", replicas=4, steps=10), 4, 20),
        (RefineSpec(output="o", model="m", map="x", replicas=4, steps=10), 4, 100),
        (RefineSpec(output="o", model="m", map="x", replicas=4, steps=100), 4, 550),
        (DistancesSpec(output="o", restraints="r", sequence="AAA", replicas=4, steps=100), 8, 100),
    ],
)
def test_each_kind_of_job_has_its_own_number_of_steps(spec, replicas, steps):
    measured = SimpleNamespace(cost=PotentialCost(40_000, 16_000, 3e-4))
    expected = estimate_cost(replicas, 50, steps, find_prior("builtin").cost, [measured.cost], cores=usable_cores())
    expected = replace(expected, seconds=expected.seconds + finishing_seconds(spec, 50))
    assert job_cost(spec, 50, CPU, [measured]) == expected  # fifty residues fit in any memory


@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("steps", [1, 20, 200])
def test_costs_are_those_of_the_steps_taken(steps, replicas):
    options = {"output": "o", "replicas": replicas, "steps": steps}
    complete = planned_runs(CompleteSpec(model="m", **options))
    assert sum(run.steps for run in complete) == total_steps(steps, replicas)
    names = [run.name for run in planned_runs(RefineSpec(model="m", map="x", **options))]
    rounds = [f"building{how} {n}" for how in (" from traces", ", round") for n in (1, 2)]
    assert names == [
        *(f"bending {name}" for name in ("unmoved from 0.35", "unmoved from 0.5", "1 from 0.35", "1 from 0.5")),
        "bending 2 from 0.4",
        *rounds,
        *(f"weight {weight} without the finest shell" for weight in ("1", "3", "10", "0.3", "0.1")),
        "polishing",
    ]
    hands = planned_runs(DistancesSpec(restraints="r", sequence="AAA", **options))
    assert [run.replicas for run in hands] == [replicas, 2 * replicas]


def test_the_weight_of_the_map_is_tried():
    halves = {"half_maps": ("a", "b")}
    options = {"output": "o", "model": "m", "map": "x", "replicas": 4, "steps": 40}
    plain, shell, halved, given = (
        planned_runs(RefineSpec(**options, **more))
        for more in ({"density_weight": 2.5}, {}, halves, {**halves, "density_weight": 2.5})
    )
    assert not [run for run in plain if run.name.startswith("weight")], "the user has said it, and nothing can be told"
    assert [run.name for run in given if run not in plain] == ["weight 2.5 in half map 1", "weight 2.5 in half map 2"]
    for tried, each in ((shell, 2), (halved, 1)):
        trials = [run for run in tried if run not in plain]
        assert sum(run.replicas for run in trials) == 10 and {run.replicas for run in trials} == {each}
        assert len({run.name for run in tried}) == len(tried)
        assert tried[-1] == plain[-1] and tried[-1 - len(trials) : -1] == tuple(trials)
    assert halved[-11].name == "weight 1 in half map 1"


def test_an_unknown_kind_has_no_cost_rather_than_that_of_another():
    for kind in (name for name, each in KINDS.items() if each.samples_backbones):
        assert planned_runs(SimpleNamespace(kind=kind, steps=10, replicas=2, half_maps=None, density_weight=None))
    with pytest.raises(LookupError, match="'rigid'"):
        planned_runs(SimpleNamespace(kind="rigid", steps=10, replicas=2))


def test_sampled_side_chains_take_half_as_long_again():
    average = RefineSpec(output="o", model="m", map="x", side_chains="none")
    sampled = replace(average, density_side_chains="sampled")
    short, long = (job_cost(spec, 50, CPU).seconds for spec in (average, sampled))
    assert 1.4 * short < long < 1.6 * short


def test_side_chains_and_relaxation_take_time(monkeypatch):
    def seconds(residues=100, **options):
        return finishing_seconds(RefineSpec(output="o", model="m", map="x", **options), residues)

    monkeypatch.setattr(cost, "has_openmm", lambda: True)
    assert seconds(200) == pytest.approx(2 * seconds(100))
    assert seconds(replicas=8) > seconds(replicas=2) > seconds(replicas=2, relax=False) > 0
    assert seconds(side_chains="none") == 0
    assert finishing_seconds(DistancesSpec(output="o", restraints="r", sequence="AAA"), 100) == 0
    relaxed = seconds()
    monkeypatch.setattr(cost, "has_openmm", lambda: False)
    assert seconds() == seconds(relax=False) < relaxed


def test_side_chains_and_relaxation_have_the_share_of_a_job_that_they_take_of_its_time(monkeypatch):
    monkeypatch.setattr(cost, "has_openmm", lambda: True)
    spec = RefineSpec(output="o", model="m", map="x", replicas=4, steps=40)
    whole, runs = job_cost(spec, 150, CPU), planned_runs(spec)
    after = finishing_runs(spec, 150, whole)
    assert [run.name for run in after] == ["placing side chains", "relaxing"]
    share = total_work(after) / total_work((*runs, *after))
    assert share == pytest.approx(finishing_seconds(spec, 150) / whole.seconds, rel=0.02)
    alone = finishing_runs(spec, 150)
    assert [b.work / a.work for a, b in zip(alone, after, strict=True)] == pytest.approx(
        [total_work(after) / total_work(alone)] * 2, rel=0.1
    )
    bare = RefineSpec(output="o", model="m", map="x", side_chains="none")
    assert finishing_runs(bare, 150, job_cost(bare, 150, CPU)) == ()


def test_windows_cost_what_they_sample_and_nothing_is_bent_in_them():
    spec = RefineSpec(output="o", model="m", map="x", replicas=4, steps=40)
    runs = runs_in_windows(spec)
    assert list(runs) == [run for run in planned_runs(spec) if "bending" not in run.name]
    whole = job_cost(spec, 500, CPU, runs=runs)
    part = job_cost(spec, 5000, CPU, runs=runs, sampled=500)
    assert part.peak_bytes == whole.peak_bytes and part.batch == whole.batch
    sampling = part.seconds - finishing_seconds(spec, 5000)
    assert sampling == pytest.approx(whole.seconds - finishing_seconds(spec, 500))
    after = finishing_runs(spec, 5000, part, runs)
    share = total_work(after) / (total_work(after) + total_work(runs))
    assert share == pytest.approx(finishing_seconds(spec, 5000) / part.seconds, rel=0.01)
