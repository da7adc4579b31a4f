"""Cost of jobs from their specifications."""

from __future__ import annotations

import pytest
import torch

from adp3d.pipeline.cost import job_cost
from adp3d.pipeline.memory import estimate_cost
from adp3d.pipeline.runtime import usable_cores
from adp3d.specification import CompleteSpec, DistancesSpec, RefineSpec

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("spec", "replicas", "steps"),
    [
        (CompleteSpec(output="o", model="m", replicas=4, steps=100), 4, 140),
        (RefineSpec(output="o", model="m", map="x", replicas=4, steps=100), 4, 340),
        (DistancesSpec(output="o", restraints="r", sequence="AAA", replicas=4, steps=100), 8, 100),
    ],
)
def test_each_kind_of_job_has_its_own_number_of_steps(spec, replicas, steps):
    expected = estimate_cost(replicas, 50, steps, 1000, cores=usable_cores())
    assert job_cost(spec, 50, CPU, 1000) == expected  # fifty residues fit in any memory
