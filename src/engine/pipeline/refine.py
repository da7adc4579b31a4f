"""``adp3d refine``: complete and refine a partial model in a cryo-EM map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..contract.specification import RefineSpec
from ..ensemble.confidence import replica_confidence, replica_spread
from ..fitting.redock import Placement, redock
from ..fitting.support import Support, judge_support
from ..job.events import Control, Events, NullEvents
from ..job.folder import JobFolder
from ..job.sampling import Running, Sampling
from ..measurement.density import DensityMeasurement, bind_map, load_density
from ..measurement.figures import described
from ..measurement.map_evidence import free_share, load_map_evidence
from ..measurement.whole_map import MapFiles
from ..placing.target import Target
from ..solver.regularise import regularise
from ..validation.torsions import linked_residues
from .cost import job_cost, planned_runs
from .dock_first import dock_first
from .outcome import Outcome, report_model_job
from .problem import Problem, load_problem
from .refiner import Built, Measured, Refiner

__all__ = ["run"]


@dataclass(frozen=True)
class _Prepared:
    """A job whose model has been judged by its map, with misplaced domains where they belong.

    Attributes
    ----------
    problem : Problem
    density : DensityMeasurement
    support : Support
    placements : list of Placement
        Parts that were moved as rigid bodies.
    """

    problem: Problem
    density: DensityMeasurement
    support: Support
    placements: list[Placement]


def run(spec: RefineSpec, job: JobFolder, events: Events, control: Control) -> Mapping[str, Any]:
    """Refine ``spec.model`` in ``spec.map`` and write the complete model.

    Missing and unsupported residues are built by the solver in up to three rounds: after each, the
    segments that the map supports in some replica are kept and join the known atoms of the next. Known
    residues that fit better elsewhere then follow the map, and a last stage at low noise moves everything together.

    Parameters
    ----------
    spec : RefineSpec
    job : JobFolder
    events : Events
    control : Control

    Returns
    -------
    mapping
        Metrics, see ``docs/guide/results.md``.
    """
    docked = dock_first(spec, job, events, control)
    given = load_problem(spec, events, docked.structure)
    control.obey()
    prepared = _prepare(spec, given, events, control)
    problem, density, support = prepared.problem, prepared.density, prepared.support
    further = problem.measurements(spec.measure, events)
    cost = job_cost(spec, problem.target.n_residues, problem.device, (density, *further))
    events.message(cost.sentence(spec.replicas))
    weights = {density.name: spec.density_weight}

    def change(settings: dict[str, float]) -> None:
        weights[density.name] = settings.get("density_weight", weights[density.name])

    pins = problem.pins()
    sampling = Sampling(job, Running(events, control, change, cost.batch), pins, planned_runs(spec))
    seen = load_map_evidence(density, problem.scene(NullEvents()), support.trusted)
    refiner = Refiner(spec, problem, support, Measured(density, seen, further, weights), sampling, pins)
    built = refiner.bend(refiner.build(events), events)
    polished = pins.impose(refiner.polish(built))
    control.obey()
    linked = linked_residues(problem.polymer)
    final = regularise(polished, problem.polymer.sequence, linked, pins.movable(polished))
    ranking = refiner.rank(final)
    sampling.conclude(ranking.chosen)
    ordered = final[list(ranking.order)]
    fit = density.likelihood.per_residue_fit(ordered[:1])[0]
    free = free_share(refiner.starting_density(), ordered[:1, :, 1])[0]
    confidence = _confidence(ordered, built, fit * free, support.typical)
    correlations = density.likelihood.correlation(ordered)
    outcome = Outcome(
        pins.impose(ordered.cpu().double()).numpy(),
        confidence,
        ranking.score[list(ranking.order)].double().cpu().numpy(),
        ranking.chosen,
    )
    before = replace(problem, target=given.target).scene(NullEvents()).start()
    figures = {
        "map_cc_before": round(density.start_correlation(before[None]), 4),
        "map_cc_after": round(float(correlations[0]), 4),
        "map_cc_by_replica": [round(float(c), 4) for c in correlations],
        "resolution": round(density.resolution, 3),
        "b_factor": round(density.b_factor, 1),
        "docked": docked.parts,
        "residues_rebuilt_for_lack_of_support": int(support.rejected.sum()),
        "moved_as_rigid_bodies": [_describe(placement, problem.target) for placement in prepared.placements],
        "residues_bent": 0 if built.bent is None else int(built.bent.sum()),
        "segments": built.describe(problem, fit, outcome.replicas[0, :, 1]),
        **described(further, ordered[:1]),
    }
    return report_model_job(job, spec, problem, outcome, "Refined by ADP-3D", figures)


def _prepare(spec: RefineSpec, problem: Problem, events: Events, control: Control) -> _Prepared:
    """Read the map, judge the model by it, and put misplaced domains where they belong."""
    density = load_density(MapFiles(spec.map, spec.half_maps, spec.resolution), problem.scene(events))
    control.obey()
    support = _judge(problem, density)
    target, placements = redock(density.source, problem.target, support, spec.seed, control.obey)
    if placements:
        # a body may have bridged residues that the user keeps
        xyz = np.where(problem.kept[:, None, None], problem.target.xyz, target.xyz)
        target = replace(target, xyz=xyz)
        for placement in placements:
            figures = _describe(placement, target)
            events.message(
                f"Residues {figures['first']} to {figures['last']} of chain {figures['chain']} were moved as a rigid "
                f"body by {figures['shift']:.0f} A and {figures['angle']:.0f} degrees into density that fits them."
            )
        problem = replace(problem, target=target)
        density = bind_map(density.whole, problem.scene(NullEvents()))
        support = _judge(problem, density)
    for line in support.lines(problem.target):
        events.message(line)
    outside = support.outside(problem.known_residues) & ~problem.kept
    if outside.any():
        chain, number, icode = problem.target.labels[int(np.flatnonzero(outside)[0])]
        events.message(
            f"{int(outside.sum())} known residues (the first: {chain} {number}{icode}) lie outside the map and stay "
            "where they are.",
            "warning",
        )
        support = support.trusting(outside)
        problem = replace(problem, kept=problem.kept | outside)
    return _Prepared(problem.with_breaks_between(support.trusted), density, support, placements)


def _judge(problem: Problem, density: DensityMeasurement) -> Support:
    """What the map supports of the model; residues that the user keeps are trusted in any case."""
    start = problem.scene(NullEvents()).start()
    return judge_support(problem.target, density.start_fit(start[None])).trusting(problem.kept)


def _describe(placement: Placement, target: Target) -> dict[str, Any]:
    first, last = target.labels[placement.first], target.labels[placement.last]
    return {
        "chain": first[0],
        "first": first[1],
        "last": last[1],
        "angle": round(placement.angle, 1),
        "shift": round(placement.shift, 1),
        "z": round(placement.z, 1),
    }


def _confidence(final: Tensor, built: Built, fit: NDArray[np.float64], typical: float) -> NDArray[np.float64]:
    """Confidence per residue: the spread of the final replicas, scaled by the fit in built segments.

    The final replicas start from one composite, so their spread says how well the map and the prior
    hold a residue, not whether it was built in the right place; that is what the local map-model
    correlation tells, as a fraction of what correct residues score in this map.
    """
    confidence = replica_confidence(replica_spread(final, 0)).double().cpu().numpy()
    for segment in built.segments:
        confidence[segment] *= np.clip(np.nan_to_num(fit[segment]) / typical, 0.0, 1.0)
    limited: NDArray[np.float64] = np.clip(confidence, 0.0, 100.0)
    return limited
