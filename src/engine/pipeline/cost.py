"""What a job will cost, from its specification."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from ..contract.kinds import COMPLETE, DISTANCES, REFINE
from ..contract.specification import CommonSpec, RefineSpec
from ..contract.specs.model import ModelSpec
from ..contract.steering import PLACING, RELAXING
from ..job.memory import Estimate, available_memory, estimate_cost
from ..job.runtime import usable_cores
from ..measurement.protocol import Measurement
from ..prior.registry import find_prior
from ..relax.toolkit import has_openmm
from ..solver import completion, folding
from ..solver.planned_run import PlannedRun, total_work
from .side_chain_views import SIDE_CHAIN_NETWORKS

__all__ = [
    "AGAIN",
    "BENDING_LEVELS",
    "FIRST",
    "TRACED_LEVEL",
    "UNMOVED",
    "RefinementRuns",
    "Weighing",
    "finishing_runs",
    "finishing_seconds",
    "job_cost",
    "planned_runs",
    "refinement_runs",
    "run_in_register",
    "runs_in_windows",
]

_TRACED, _ROUNDS = 2, 2
"""Times that refinement builds missing segments from traces through free density, and then from noise, as long as the
map does not support all of them."""
TRACED_LEVEL = 0.55
"""Diffusion time to which traces are renoised. Six validation chains in maps at 3 and 4 A, whose best traces are off by
1.0 to 1.4 A (median), came to much the same from 0.45, 0.55 and 0.65; from the last two more wrong peptides turned, and
from the last some right traces of 20 residues and more were lost."""
UNMOVED, FIRST, AGAIN = range(3)
"""Passes of bending: of a model before any of its domains were moved as rigid bodies, of the model as it lies then, and
once more of what the first pass moved far."""
BENDING_LEVELS = {UNMOVED: (0.35, 0.5), FIRST: (0.35, 0.5), AGAIN: (0.4,)}
"""Diffusion times to which a model is renoised for bending, by pass. Validation chains of 124 and 134 residues in
simulated maps, CA RMSD in angstrom after 16 steps, bent by 1, 2, 4 A: at 3 A 0.19, 0.40, 3.2 from 0.3; 0.22, 0.24,
1.2 from 0.4; 0.24, 0.26, 0.35 from 0.5. At 4 A: 0.35, 0.53, 2.2 from 0.35; 0.43, 0.42, 1.3 from 0.45; 0.54, 0.48,
1.1 from 0.52. So both ends are tried at first, and what moved far is done once more between them."""
_PASS = {UNMOVED: "unmoved", FIRST: "1", AGAIN: "2"}
_POLISH_STEPS, _FEWEST = 0.4, 10
"""Steps of refinement's last stage, as a fraction of those of a round (it starts at t = 0.4: the same spacing of noise
levels) and at least."""

_TRIAL_WEIGHTS = (1.0, 3.0, 10.0, 0.3, 0.1)
"""Factors on the weight of a map that may be tried in part of its data: from the usual one upwards as long as that
helps, else downwards. Neighbours differ by about as much as makes a difference. 30 was worse than 10 for all of four
validation chains in maps at 3.5 and 4 A, by 0.04 to 0.07 A and 5 to 9 % of the residues in favoured regions."""
_PACKING, _RELAXING = 0.012, 0.075
"""Seconds of a core for each residue: of packing one replica, and of relaxing the best one with the figures before and
after. Chains of 172 to 2,064 residues, with maps."""
_SAMPLED = 1.5
"""Times as long as with averages that solver runs take whose late steps sample side chains: 1.4 to 1.6 in simulated
maps of validation chains at 2.5 and 3.5 A."""
_UNHURRIED = 0.01
"""Seconds that stand for a step where none is taken."""

_TRIAL_REPLICAS = 2
"""Replicas of each trial, one in each half map or both without the finest shell. Replicas with the noise of one seed
differ less than weights do."""


def planned_runs(spec: CommonSpec) -> tuple[PlannedRun, ...]:
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
class Weighing:
    """Trial of a weight of the map in part of its data.

    Attributes
    ----------
    weight : float
    runs : tuple of PlannedRun
        One in each of `adp3d.measurement.folds.folds_of`.
    """

    weight: float
    runs: tuple[PlannedRun, ...]


@dataclass(frozen=True)
class RefinementRuns:
    """Solver runs of a refinement.

    Attributes
    ----------
    bending : mapping of int to tuple of PlannedRun
        By pass, one for each of its `BENDING_LEVELS`.
    traced : tuple of PlannedRun
        Rounds of building from traces.
    building : tuple of PlannedRun
        Rounds of building from noise.
    weighing : tuple of Weighing
        Of the usual weight first, then of larger and then of smaller ones, each further from it. Where the user has set
        one, of that alone in half maps, and none without them.
    polishing : PlannedRun
    """

    bending: Mapping[int, tuple[PlannedRun, ...]]
    traced: tuple[PlannedRun, ...]
    building: tuple[PlannedRun, ...]
    weighing: tuple[Weighing, ...]
    polishing: PlannedRun

    @property
    def in_order(self) -> tuple[PlannedRun, ...]:
        """All of them."""
        return *(run for runs in self.bending.values() for run in runs), *self.after_bending

    @property
    def after_bending(self) -> tuple[PlannedRun, ...]:
        """All but those that bend."""
        weighing = (run for one in self.weighing for run in one.runs)
        return *self.traced, *self.building, *weighing, self.polishing


def runs_in_windows(spec: RefineSpec) -> tuple[PlannedRun, ...]:
    """Solver runs that a refinement may take of which only windows are sampled: nothing is bent there."""
    return refinement_runs(spec).after_bending


def refinement_runs(spec: RefineSpec) -> RefinementRuns:
    """Solver runs that a refinement may take."""
    polish = max(_FEWEST, round(_POLISH_STEPS * spec.steps))
    half = math.ceil(spec.replicas / 2)
    traced = max(_FEWEST, round(TRACED_LEVEL * spec.steps))
    return RefinementRuns(
        {
            number: tuple(PlannedRun(f"bending {_PASS[number]} from {level:g}", polish, half) for level in levels)
            for number, levels in BENDING_LEVELS.items()
        },
        tuple(PlannedRun(f"building from traces {n}", traced, spec.replicas) for n in range(1, _TRACED + 1)),
        tuple(PlannedRun(f"building, round {n}", spec.steps, spec.replicas) for n in range(1, _ROUNDS + 1)),
        _weighing(spec, polish),
        PlannedRun("polishing", polish, spec.replicas),
    )


def run_in_register(spec: RefineSpec, number: int) -> PlannedRun:
    """What is run for a stretch that looks out of register. Few jobs have any: no estimate counts them."""
    return PlannedRun(f"building in another register {number}", spec.steps, spec.replicas)


def _weighing(spec: RefineSpec, steps: int) -> tuple[Weighing, ...]:
    names = ["without the finest shell"] if spec.half_maps is None else ["in half map 1", "in half map 2"]
    weights = _TRIAL_WEIGHTS if spec.density_weight is None else (spec.density_weight,)
    if spec.half_maps is None and spec.density_weight is not None:
        return ()
    return tuple(
        Weighing(
            weight,
            tuple(PlannedRun(f"weight {weight:g} {name}", steps, _TRIAL_REPLICAS // len(names)) for name in names),
        )
        for weight in weights
    )


_PLANS: Mapping[str, Callable[[Any], tuple[PlannedRun, ...]]] = {
    REFINE.name: lambda spec: refinement_runs(spec).in_order,
    COMPLETE.name: lambda spec: completion.planned_runs(spec.steps, spec.replicas),
    DISTANCES.name: lambda spec: folding.planned_runs(spec.steps, spec.replicas),
}
"""By kind of job, from its specification."""


def job_cost(
    spec: CommonSpec,
    residues: int,
    device: torch.device,
    measurements: Sequence[Measurement] = (),
    runs: Sequence[PlannedRun] | None = None,
    sampled: int | None = None,
) -> Estimate:
    """Estimate memory and time of a job on a device, with as many replicas at once as fit.

    Parameters
    ----------
    spec : CommonSpec
    residues : int
        Residues of the job.
    device : torch.device
    measurements : sequence of Measurement
        What pulls, as far as it costs anything.
    runs : sequence of PlannedRun, optional
        Solver runs that it may take; by default those that are planned for all of its residues.
    sampled : int, optional
        Residues that these sample; by default all.
    """
    runs = planned_runs(spec) if runs is None else runs
    replicas = max(run.replicas for run in runs)
    estimate = estimate_cost(
        replicas,
        residues if sampled is None else sampled,
        math.ceil(total_work(runs) / replicas),
        find_prior(spec.prior).cost,
        [measurement.cost for measurement in measurements],
        available_bytes=available_memory(device),
        cores=usable_cores(),
        accelerated=device.type != "cpu",
    )
    longer = _SAMPLED if isinstance(spec, RefineSpec) and spec.density_side_chains == "sampled" else 1.0
    return replace(estimate, seconds=longer * estimate.seconds + finishing_seconds(spec, residues))


def finishing_seconds(spec: CommonSpec, residues: int) -> float:
    """Time that side chains and relaxation take after all solver runs, at most.

    Parameters
    ----------
    spec : CommonSpec
    residues : int
        Residues of the job.
    """
    return sum(_finishing(spec, residues).values())


def finishing_runs(
    spec: CommonSpec, residues: int, cost: Estimate | None = None, runs: Sequence[PlannedRun] | None = None
) -> tuple[PlannedRun, ...]:
    """What comes after the solver runs, as so many steps as take that long, for the progress of the whole job.

    Parameters
    ----------
    spec : CommonSpec
    residues : int
        Residues of the job.
    cost : Estimate, optional
        Of the whole job (`job_cost`). None for one without solver runs.
    runs : sequence of PlannedRun, optional
        Solver runs, as for `job_cost`.
    """
    seconds = _finishing(spec, residues)
    step = _UNHURRIED
    if cost is not None:
        step = (cost.seconds - sum(seconds.values())) / total_work(planned_runs(spec) if runs is None else runs)
    return tuple(PlannedRun(name, max(1, round(each / step)), 1, sampled=False) for name, each in seconds.items())


def _finishing(spec: CommonSpec, residues: int) -> dict[str, float]:
    """Seconds of each stage that comes after the solver runs, in their order."""
    if not isinstance(spec, ModelSpec) or spec.side_chains == "none":
        return {}
    looking = SIDE_CHAIN_NETWORKS[spec.side_chain_model].seconds_per_residue
    stages = {PLACING: residues * (looking + spec.replicas * _PACKING)}
    if spec.relax and has_openmm():
        stages[RELAXING] = residues * _RELAXING
    return stages
