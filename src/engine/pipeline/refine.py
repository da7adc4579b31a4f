"""``adp3d refine``: complete and refine a partial model in a cryo-EM map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.specification import RefineSpec
from ..ensemble.confidence import calibrated_confidence, replica_confidence, replica_spread
from ..job.events import Control, Events, NullEvents
from ..job.folder import JobFolder
from ..job.sampling import Running, Sampling
from ..measurement.density import DensityMeasurement
from ..measurement.figures import described
from ..measurement.map_evidence import free_share
from ..measurement.obstacles import obstacles_of
from ..placing.target import Target
from ..predictions.aligned_error import read_aligned_error
from ..solver.regularise import regularise
from ..structure.read import read_structure
from ..structure.sequences import parse_sequence_argument
from ..validation.torsions import linked_residues
from .built import Bent, Built
from .cost import AGAIN, FIRST, UNMOVED, finishing_runs, job_cost, planned_runs, runs_in_windows
from .course import Course
from .cross_validation import cross_validate
from .density_weight import DensityWeight
from .dock_first import Start, dock_first
from .equal_copies import describe_symmetry, following_copies
from .final_model import Movable, Outcome, finish
from .model_geometry import aligned_errors, geometry_of_prediction
from .other_register import InRegister, try_registers
from .outcome import Whole, report_model_job
from .packing_task import SideChainJob
from .prepared import Prepared, describe_placement, prepare
from .problem import Problem, load_problem, place_model
from .refiner import Refiner
from .register import check_register, register_figures, register_lines
from .side_chains import map_view, place_side_chains
from .tugged import tugged_figures
from .unseen import Shown, contests, map_evidence, may_be_unseen, unseen_figures, unseen_residues, unseen_sentence
from .windows import find_windows

__all__ = ["run"]

_TITLE = "Refined by ADP-3D"
_SETTLED = 0.7
"""Angstrom (rms) within which a bent model is where another pass would leave it: bends of 1 A came back to 0.2 A (at
3 A) and 0.4 A (at 4 A) in the first one."""
_DISPLACED = 0.3
"""Angstrom from which a residue's side chain, too, is elsewhere than in the user's model: a quarter of a bond more than
models are wrong by anyway."""


def run(spec: RefineSpec, job: JobFolder, events: Events, control: Control) -> Mapping[str, Any]:
    """Refine ``spec.model`` in ``spec.map`` and write the complete model.

    Known residues first follow the map where they fit better elsewhere. Missing and unsupported residues are then
    built by the solver in rounds, at first from traces through free density, then from noise: after each, the segments
    that the map supports in some replica are kept and join the known atoms of the next. With half maps, the weight of
    the map is cross-validated between them. A last stage at low noise moves everything together. Of large models that
    fit, all this is done in windows (`find_windows`) around what is to be built, without bending.

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
    spec = docked.spec  # without chains that were not found
    given = load_problem(spec, events, docked.structure)
    if given.symmetric is not None:
        spec = replace(spec, chains=given.symmetric.chains)
    control.obey()
    prepared = prepare(spec, given, events, control)
    error = None if spec.pae is None else aligned_errors(given, read_aligned_error(spec.pae))
    geometry = geometry_of_prediction(_before_docking(spec, given, docked), events, error)
    windows = find_windows(spec, prepared, events)
    scope, runs, scene = prepared, planned_runs(spec), given.scene(NullEvents())
    if windows is not None:
        events.message(windows.sentence())
        scope, runs = windows.part, runs_in_windows(spec)
        scene = scope.problem.scene(NullEvents())
    sampled = scope.problem.target.n_residues
    in_the_way = obstacles_of(scene, ~scope.support.trusted)
    further = (*scope.problem.measurements(spec.further, events), *geometry, *in_the_way)
    cost = job_cost(spec, given.target.n_residues, given.device, (scope.density, *further), runs, sampled)
    events.message(cost.sentence(spec.replicas))
    weight = DensityWeight(scope.density.name, spec.density_weight)
    pins = scope.problem.pins()
    plan = (*runs, *finishing_runs(spec, given.target.n_residues, cost, runs))
    running = Running(events, control, weight.change, cost.batch, None if windows is None else windows.sampled)
    sampling = Sampling(job, running, pins, plan)
    course = Course(spec, further, weight.table, sampling, pins)
    bent, start = np.zeros(sampled, bool), scope.problem.target
    if windows is None:
        scope, bent = _follow(course, scope, events)
        scope, start = scope.settled(events), given.target
    support = scope.support
    firm = support.trusted & ~_displaced(start, scope.problem.target)
    refiner = Refiner(course, scope, firm)
    built = refiner.build(events)
    composite = InRegister(scope, firm, built)
    composite = try_registers(course, composite, _reported(scope.problem, start), events, control)
    tried = [attempt.figures(start) for attempt in composite.attempts]
    if composite.built is not built:
        scope, firm, built = composite.prepared, composite.firm, composite.built
        refiner = Refiner(course, scope, firm)
    crossed = cross_validate(course, scope, firm, built, weight, events, None if windows is None else windows.folds)
    polished, of_sampled = refiner.polish(built), refiner
    if windows is not None:
        polished, built, pins = windows.within(polished), windows.built_within(built), windows.pins(pins)
        support, scope = windows.whole.support, windows.after(scope).whole
        refiner = Refiner(course, scope, scope.support.trusted)
    polished = pins.impose(polished)
    problem, density, start = scope.problem, scope.density, given.target
    reported = _reported(problem, start)
    control.obey()
    free = free_share(refiner.starting_density(), polished[:, :, 1])
    evidence = map_evidence(density.source, polished, reported.known_residues, free)
    unseen = unseen_residues(
        evidence,
        support.trusted,
        may_be_unseen(reported) & ~pins.mask.any(1),
        reported.polymer.chain_index,
        contests(polished, linked_residues(problem.polymer)),
    )
    leave = spec.unseen == "leave" and spec.rebuild is None
    told_unseen = unseen_sentence(start, np.flatnonzero(unseen), leave)
    if told_unseen:
        events.message(told_unseen, "warning")
    shown = Shown.without(unseen & leave, reported, built, density, pins)
    reported, density, pins, own = shown.problem, shown.density, shown.pins, shown.built
    # with the chain breaks that the solver knew
    polymer = shown.part_of(problem.target).polymer
    part = shown.of(polished)
    final = regularise(part, polymer.sequence, linked_residues(polymer), pins.movable(part))
    view = map_view(density, refiner.starting_density())
    anew = _anew(reported, own)
    backbones = pins.impose(final.cpu().double()).numpy()
    stay = None if windows is None else windows.elsewhere[shown.rows]
    wanted = SideChainJob(spec.side_chains, anew, view, spec.seed, stay, spec.side_chain_model)
    told = sampling.overall.counting(events)
    symmetric = reported.symmetric
    surrounded = reported
    if symmetric is not None:
        beside = following_copies(reported.structure, symmetric, reported.target, backbones[0])
        surrounded = replace(reported, structure=beside)
    all_atoms = place_side_chains(wanted, surrounded, backbones, told, control)
    control.obey()
    matched = (
        density.likelihood.correlation(final) if all_atoms is None else torch.from_numpy(all_atoms.correlations(view))
    )
    everywhere = shown.within(final, polished)
    ranking = of_sampled.rank(everywhere if windows is None else windows.of(everywhere), matched)
    sampling.conclude(ranking.chosen)
    ordered, polished = final[list(ranking.order)], polished[list(ranking.order)]
    own_free = free_share(refiner.starting_density(), ordered[:1, :, 1])[0]
    sampled_fit = density.likelihood.per_residue_fit(ordered[:1])[0]
    in_place = refiner.sequence_check.probability(shown.within(ordered[:1], polished[:1])[..., 1, :], built.segments)
    before = reported.start()
    outcome = Outcome(
        backbones[list(ranking.order)],
        _confidence(ordered, own, sampled_fit * own_free * in_place[0, shown.rows], support.typical, density),
        ranking.score[list(ranking.order)].double().cpu().numpy(),
        ranking.chosen,
        start_fit=density.start_fit(before[None]),
        all_atoms=None if all_atoms is None else all_atoms.ordered(ranking.order),
    )
    movable = Movable(~reported.kept & ~pins.mask.any(1), anew, density)
    finished = finish(spec, reported, outcome, _TITLE, movable, told, control)
    sampling.overall.finish(events)
    # from here on everything speaks of the model that is written
    ordered = torch.from_numpy(finished.outcome.replicas).to(ordered)
    fit = density.likelihood.per_residue_fit(ordered[:1])[0]
    finished = replace(finished, outcome=replace(finished.outcome, fit=fit))
    correlations = density.likelihood.correlation(ordered)
    best = finished.outcome.replicas[0]
    shifted = check_register(reported.structure, reported.target, best, view)
    for line in register_lines(shifted, reported.target):
        events.message(line, "warning")
    replicas = shown.within(ordered, polished)
    figures = {
        "register": register_figures(shifted, reported.target),
        "register_tried": tried,
        "map_cc_before": round(density.start_correlation(before[None]), 4),
        "map_cc_after": round(float(correlations[0]), 4),
        "map_cc_by_replica": [round(float(c), 4) for c in correlations],
        "resolution": round(density.resolution, 3),
        "b_factor": round(density.b_factor, 1),
        "density_weight": weight.value,
        "cross_validation": None if crossed is None else crossed.describe(),
        "docked": docked.parts,
        "residues_rebuilt_for_lack_of_support": int((support.rejected & ~built.returned).sum()),
        "residues_left_for_lack_of_support": int(built.returned.sum()),
        "moved_as_rigid_bodies": [describe_placement(one, problem.target) for one in scope.placements],
        "residues_bent": int(bent.sum()),
        "residues_sampled": sampled,
        "tugged": tugged_figures(sampling.tugs, given.target),
        "segments": own.describe(reported, fit, best[:, 1]),
        "unseen": unseen_figures(start, np.flatnonzero(unseen), leave),
        "symmetry": None
        if symmetric is None
        else describe_symmetry(
            symmetric, finished.structure, density.source, density.resolution, density.copies_correlation
        ),
        **described(further, replicas[:1] if windows is None else windows.of(replicas[:1])),
    }
    if error is not None:
        error = error[np.ix_(shown.rows, shown.rows)]
    everything = Whole(shown.whole, replicas.double().cpu().numpy(), shown.rows)
    return report_model_job(job, spec, reported, finished, _TITLE, figures, events, error, density, everything)


def _reported(problem: Problem, start: Target) -> Problem:
    """The job with the model as it was given: figures and files compare with that, not with what became of it since."""
    return replace(problem, target=replace(problem.target, xyz=start.xyz, known=start.known, sigma=start.sigma))


def _anew(problem: Problem, built: Built) -> NDArray[np.bool_]:
    """Residues (N,) that the job has built: what was missing, and segments in the place of others."""
    anew = ~problem.known_residues
    for segment in built.segments:
        anew[segment] = True
    return anew


def _before_docking(spec: RefineSpec, given: Problem, docked: Start) -> Problem:
    """The job with the model as the user gave it: docked by its domains, it has other distances between them."""
    if not docked.parts:
        return given
    sequences = None if spec.sequence is None else parse_sequence_argument(spec.sequence)
    target, _ = place_model(spec, read_structure(spec.model), sequences)
    return replace(given, target=replace(given.target, xyz=target.xyz))


def _follow(course: Course, prepared: Prepared, events: Events) -> tuple[Prepared, NDArray[np.bool_]]:
    """Bend the model into the map, in passes; and which residues (N,) that moved.

    What looks like a misplaced domain may be a bent one, which a rigid body puts out of its register: so the model is
    bent as it was, too, and the better one goes on.
    """
    begin = [(prepared, FIRST)]
    if prepared.unmoved is not None:
        begin.insert(0, (replace(prepared.beginning_at(prepared.unmoved), placements=[], unmoved=None), UNMOVED))
    density = prepared.density
    outcomes = [(start, *_bent(course, start, number)) for start, number in begin]
    start, prepared, found = max(outcomes, key=lambda one: density.start_correlation(one[1].problem.start()[None]))
    bent = found.moved
    if found.way > _SETTLED:
        prepared, again = _bent(course, prepared, AGAIN)
        bent = bent | again.moved
    if bent.any():
        way = np.linalg.norm(prepared.problem.target.xyz[bent, 1] - start.problem.target.xyz[bent, 1], axis=-1)
        count = "1 known residue fits" if bent.sum() == 1 else f"{int(bent.sum())} known residues fit"
        events.message(f"{count} better after bending, {np.sqrt(np.square(way).mean()):.1f} A away (rms).")
    return prepared, bent


def _bent(course: Course, prepared: Prepared, number: int) -> tuple[Prepared, Bent]:
    """One pass, and the map and the verdict that follow it."""
    found = Refiner(course, prepared, prepared.problem.kept).bend(number)
    return (prepared.moved_to(found.target) if found.moved.any() else prepared), found


def _displaced(before: Target, now: Target) -> NDArray[np.bool_]:
    """Residues (N,) that are no longer where the user's model shows them."""
    way = np.linalg.norm(now.xyz[:, 1] - before.xyz[:, 1], axis=-1)
    return np.asarray(np.nan_to_num(way) > _DISPLACED)


def _confidence(
    final: Tensor, built: Built, fit: NDArray[np.float64], typical: float, density: DensityMeasurement
) -> NDArray[np.float64]:
    """Confidence per residue: the spread of the final replicas, scaled by the fit in built segments, and calibrated.

    The final replicas start from one composite, so their spread says how well the map and the prior
    hold a residue, not whether it was built in the right place; that is what the local map-model
    correlation tells, as a fraction of what correct residues score in this map.
    """
    confidence = replica_confidence(replica_spread(final, 0)).double().cpu().numpy()
    for segment in built.segments:
        stated = confidence[segment] * np.clip(np.nan_to_num(fit[segment]) / typical, 0.0, 1.0)
        confidence[segment] = calibrated_confidence(stated, density.resolution)
    limited: NDArray[np.float64] = np.clip(confidence, 0.0, 100.0)
    return limited
