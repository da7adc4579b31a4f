"""``adp3d refine``: complete and refine a partial model in a cryo-EM map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.specification import RefineSpec
from ..ensemble.confidence import replica_confidence, replica_spread
from ..ensemble.denoising_energy import denoising_energy
from ..ensemble.ranking import SCALES, Ranking, rank_replicas
from ..ensemble.recombination import missing_segments, recombine, supported_ends
from ..fitting.redock import Placement, redock
from ..fitting.support import Support, judge_support
from ..job.events import Control, Events, NullEvents
from ..job.folder import JobFolder
from ..job.sampling import Running, Sampling, Stage, Watch
from ..measurement.density import DensityMeasurement, bind_map, load_density
from ..measurement.figures import described, figures_of, residue_figures_of
from ..measurement.map_evidence import MapEvidence, free_share, load_map_evidence
from ..measurement.protocol import Measurement
from ..measurement.whole_map import MapFiles
from ..placing.target import Target
from ..prior.evidence import DensityEvidence, Evidence
from ..prior.schedule import step_times
from ..solver.choose_updates import Pull, choose_updates
from ..solver.pins import HeldAtoms, Pins
from ..solver.posterior import Posterior
from ..solver.protocol import Level
from ..solver.regularise import regularise
from ..validation.torsions import linked_residues
from .cost import job_cost, planned_runs
from .outcome import Outcome, report_model_job
from .problem import Problem, load_problem

__all__ = ["run"]

_ACCEPTED_SIGMA = 0.5
"""Standard deviation in angstrom given to segments kept from an earlier round: the error of segments that are found
(medians of 0.1 to 0.4 A), with room to move; chosen by hand."""
_EXPLAINS = 1.0
"""Standard deviation in angstrom from which a known atom no longer explains density, as in training."""
_ROUND_SEED, _POLISH_SEED = 7919, 104_729
"""Added to the seed of each round, and of the last stage: none repeats the noise of another."""
_POLISH_START = 0.4
"""Diffusion time at which the last stage starts: noise of 0.07 in units of R eps. Bent models came back best from 0.4
to 0.5, ends and loops left their density in one replica of three from 0.5."""


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
    segments that the map supports in some replica are kept and join the known atoms of the next. A
    last stage at low noise moves everything together.

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
    given = load_problem(spec, events)
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
    refiner = _Refiner(spec, prepared, _Measured(density, seen, further, weights), sampling, pins)
    built = refiner.build(events)
    polished = pins.impose(refiner.polish(built))
    control.obey()
    linked = linked_residues(problem.polymer)
    final = regularise(polished, problem.polymer.sequence, linked, pins.movable(polished))
    ranking = refiner.rank(final)
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
        "residues_rebuilt_for_lack_of_support": int(support.rejected.sum()),
        "moved_as_rigid_bodies": [_describe(placement, problem.target) for placement in prepared.placements],
        "segments": built.describe(problem, fit),
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


@dataclass(frozen=True)
class _Built:
    """A complete model put together from the best segments of several rounds.

    Attributes
    ----------
    x : Tensor, shape (N, 4, 3)
    segments : list of slice
        Everything that was built.
    """

    x: Tensor
    segments: list[slice]

    def describe(self, problem: Problem, fit: NDArray[np.float64]) -> list[dict[str, Any]]:
        """First and last residue, length and fit of each built segment, and its CA RMSD if it can be known."""
        rows = []
        for segment in self.segments:
            first, last = problem.target.labels[segment.start], problem.target.labels[segment.stop - 1]
            row: dict[str, Any] = {
                "chain": first[0],
                "first": f"{first[1]}{first[2]}".strip(),
                "last": f"{last[1]}{last[2]}".strip(),
                "length": segment.stop - segment.start,
                "map_fit": round(float(np.nanmean(fit[segment])), 3),
            }
            rows.append(row)
        return rows


@dataclass(frozen=True)
class _Measured:
    """What is measured: the map, what the prior sees of it, and further measurements; weights by name."""

    density: DensityMeasurement
    seen: MapEvidence
    further: Sequence[Measurement]
    weights: Mapping[str, float]


class _Refiner:
    """The solver runs of one job."""

    def __init__(
        self, spec: RefineSpec, prepared: _Prepared, measured: _Measured, sampling: Sampling, pins: Pins
    ) -> None:
        self._spec = spec
        self._problem = prepared.problem
        self._support = prepared.support
        self._measured = measured
        self._density = measured.density
        self._sampling = sampling
        self._pins = pins
        self._start = prepared.support.apply(prepared.problem.target)
        self._judge = sampling.interruptible(prepared.problem.prior)

    def build(self, events: Events) -> _Built:
        """Build what is missing or unsupported, in rounds."""
        support, chains = self._support, self._problem.polymer.chain_index
        target = self._start
        segments = missing_segments(support.trusted, chains)
        found = support.trusted.copy()
        current: Tensor | None = None
        *rounds, _ = planned_runs(self._spec)
        for number, planned in enumerate(rounds):
            gaps = missing_segments(found, chains)
            if number and not gaps:
                break
            seed = self._spec.seed + _ROUND_SEED * number
            x = self._sample(Stage(planned.name, step_times(planned.steps), planned.replicas, seed), target)
            base = self.rank(x).chosen
            if current is not None:  # what earlier rounds found competes with what this one did
                x, base = torch.cat([x, current[None]]), len(x)
            shown = self._shown(target)
            current = recombine(x, self._quality(x, found, shown), gaps, base).x
            quality = self._quality(current[None], found, shown)[0]
            gained = [i for gap in gaps for i in supported_ends(quality, gap, support.threshold)]
            found[gained] = True
            target = _extended(target, current, gained)
            if gaps:
                open_residues = sum(gap.stop - gap.start for gap in gaps)
                events.message(
                    f"Round {number + 1}: the map supports {len(gained)} of {open_residues} residues to be built."
                )
        assert current is not None  # there is at least one round
        return _Built(current, segments)

    def polish(self, built: _Built) -> Tensor:
        """Move everything together at low noise, from the composite; (replica, N, 4, 3)."""
        planned = planned_runs(self._spec)[-1]
        start = built.x.expand(self._spec.replicas, -1, -1, -1)
        times = step_times(planned.steps, start=_POLISH_START)
        stage = Stage(planned.name, times, planned.replicas, self._spec.seed + _POLISH_SEED, start)
        return self._sample(stage, self._start)

    def _sample(self, stage: Stage, target: Target) -> Tensor:
        """One stage, with the known atoms both pulling and shown to the prior."""
        problem, measured = self._problem, self._measured
        held = HeldAtoms(problem.known_atoms(target), self._pins)
        others = [measurement.potential for measurement in measured.further]
        own = [self._density.potential]
        looks = problem.prior.sees_density
        pull = Pull(held, others if looks else [*own, *others], own if looks else (), measured.weights)
        origin = problem.origin()
        updates = choose_updates(self._spec.update, problem.prior.correlation, pull, origin, self._sampling.preview)
        posterior = Posterior(problem.prior, updates, origin, Evidence(held, self._shown(target)))
        return self._sampling.run(stage, posterior, self._watch(target))

    def _shown(self, target: Target) -> DensityEvidence:
        """The map as the prior sees it, with the density of atoms known to within an angstrom explained."""
        return self._measured.seen.explained_by(target.xyz[target.known & (target.sigma < _EXPLAINS)])

    def starting_density(self) -> DensityEvidence:
        """The map with only the density explained that the starting model accounts for."""
        return self._shown(self._start)

    def rank(self, x: Tensor) -> Ranking:
        """Order replicas by their fit to the map and by the prior's energy."""
        generator = torch.Generator().manual_seed(self._spec.seed)
        energy = denoising_energy(self._judge, x, generator)
        terms = {"correlation": self._density.likelihood.correlation(x), "energy": -energy}
        return rank_replicas(terms, SCALES)

    def _quality(self, x: Tensor, found: NDArray[np.bool_], shown: DensityEvidence) -> NDArray[np.float64]:
        """Fit of each residue (replica, N); none for residues that lie on what was found before."""
        fit = np.nan_to_num(self._density.likelihood.per_residue_fit(x), nan=-1.0)
        free = np.where(found, 1.0, free_share(shown, x[..., 1, :]))
        return np.where(fit > 0, fit * free, fit)

    def _watch(self, target: Target) -> Watch:
        # rejected residues are meant to move
        trusted = replace(target, known=target.known & self._support.trusted[:, None])
        firm, further = self._problem.known_atoms(trusted), self._measured.further

        def figures(x: Tensor, level: Level) -> dict[str, Tensor]:
            return {**self._density.figures(x), "known_rmsd": firm.rmsd(x), **figures_of(further, x)}

        def residues(x: Tensor, best: int) -> dict[str, NDArray[np.float64]]:
            own = self._density.residue_figures(x[best])
            return {
                **{f"residue_{name}": values for name, values in own.items()},
                "residue_spread": replica_spread(x, best).double().cpu().numpy(),
                **residue_figures_of(further, x[best]),
            }

        return Watch(figures, residues, merit="correlation")


def _extended(target: Target, x: Tensor, residues: list[int]) -> Target:
    """The target with residues found in the map, at their places in x (N, 4, 3), known."""
    xyz, known, sigma = target.xyz.copy(), target.known.copy(), target.sigma.copy()
    xyz[residues] = x[residues].double().cpu().numpy()
    known[residues] = True
    sigma[residues] = _ACCEPTED_SIGMA
    return replace(target, xyz=xyz, known=known, sigma=sigma)


def _confidence(final: Tensor, built: _Built, fit: NDArray[np.float64], typical: float) -> NDArray[np.float64]:
    """Confidence per residue: the spread of the final replicas, scaled by the fit in built segments.

    The final replicas start from one composite, so their spread says how well the map and the prior
    hold a residue, not whether it was built in the right place; that is what the local map-model
    correlation tells, as a fraction of what correct residues score in this map.
    """
    confidence = replica_confidence(replica_spread(final, 0)).double().cpu().numpy()
    for segment in built.segments:
        confidence[segment] *= np.clip(np.nan_to_num(fit[segment]) / typical, 0.0, 1.0)
    result: NDArray[np.float64] = np.clip(confidence, 0.0, 100.0)
    return result
