"""What a job will cost, from its specification."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..contract.kinds import COMPLETE, DISTANCES, REFINE
from ..contract.specification import RefineSpec, Spec
from ..job.memory import Estimate, available_memory, estimate_cost
from ..job.runtime import usable_cores
from ..measurement.protocol import Measurement
from ..prior.registry import find_prior
from ..solver import completion, folding
from ..solver.planned_run import PlannedRun, total_work

__all__ = ["BENDING_LEVELS", "RefinementRuns", "job_cost", "planned_runs", "refinement_runs"]

_ROUNDS = 3
"""Times that refinement builds missing segments anew as long as the map does not support all of them."""
BENDING_LEVELS = (0.3, 0.45)
"""Diffusion times to which a model is renoised for bending. The higher one straightens bends of 2 to 4 A in maps of 2
to 3 A (0.15 A of CA RMSD afterwards in one of 1.75 A, from 2 A) and loses ends at 4 A, where the lower one takes
models that are bent by 0.8 A to 0.6 A."""
_POLISH_STEPS, _FEWEST = 0.4, 10
"""Steps of refinement's last stage, as a fraction of those of a round (it starts at t = 0.4: the same spacing of noise
levels) and at least."""


def planned_runs(spec: Spec) -> tuple[PlannedRun, ...]:
    """Solver runs that a job may take, in order; refinement leaves out rounds that it does not need.

    Raises
    ------
    LookupError
        If nothing is planned for a kind of job.
    """
    plan = _PLANS.get(spec.kind)
    if plan is None:
        raise LookupError(f"no solver runs are planned for a job of the kind '{spec.kind}'")
    return plan(spec)


@dataclass(frozen=True)
class RefinementRuns:
    """Solver runs of a refinement.

    Attributes
    ----------
    building, bending : tuple of PlannedRun
        Rounds, and one run for each of `BENDING_LEVELS`.
    polishing : PlannedRun
    """

    building: tuple[PlannedRun, ...]
    bending: tuple[PlannedRun, ...]
    polishing: PlannedRun

    @property
    def in_order(self) -> tuple[PlannedRun, ...]:
        """All of them."""
        return *self.building, *self.bending, self.polishing


def refinement_runs(spec: RefineSpec) -> RefinementRuns:
    """Solver runs that a refinement may take."""
    polish = max(_FEWEST, round(_POLISH_STEPS * spec.steps))
    half = math.ceil(spec.replicas / 2)
    return RefinementRuns(
        tuple(PlannedRun(f"building, round {n}", spec.steps, spec.replicas) for n in range(1, _ROUNDS + 1)),
        tuple(PlannedRun(f"bending, run {n}", polish, half) for n in range(1, len(BENDING_LEVELS) + 1)),
        PlannedRun("polishing", polish, spec.replicas),
    )


_PLANS: Mapping[str, Callable[[Any], tuple[PlannedRun, ...]]] = {
    REFINE.name: lambda spec: refinement_runs(spec).in_order,
    COMPLETE.name: lambda spec: completion.planned_runs(spec.steps, spec.replicas),
    DISTANCES.name: lambda spec: folding.planned_runs(spec.steps, spec.replicas),
}
"""By kind of job, from its specification."""


def job_cost(spec: Spec, residues: int, device: torch.device, measurements: Sequence[Measurement] = ()) -> Estimate:
    """Estimate memory and time of a job on a device, with as many replicas at once as fit.

    Parameters
    ----------
    spec : Spec
    residues : int
        Residues of the job.
    device : torch.device
    measurements : sequence of Measurement
        What pulls, as far as it costs anything.
    """
    runs = planned_runs(spec)
    replicas = max(run.replicas for run in runs)
    return estimate_cost(
        replicas,
        residues,
        math.ceil(total_work(runs) / replicas),
        find_prior(spec.prior).cost,
        [measurement.cost for measurement in measurements],
        available_bytes=available_memory(device),
        cores=usable_cores(),
        accelerated=device.type != "cpu",
    )
