"""``adp3d refine``: complete and refine a partial model in a cryo-EM map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.kinds import REFINE
from ..contract.specification import RefineSpec
from ..ensemble.confidence import replica_confidence, replica_spread
from ..ensemble.denoising_energy import denoising_energy
from ..ensemble.ranking import SCALES, Ranking, rank_replicas
from ..ensemble.recombination import missing_segments, recombine, supported_ends
from ..job.events import Control, Events, NullEvents
from ..job.folder import JobFolder
from ..job.interruptible import InterruptiblePrior
from ..job.sampling import Sampling, Stage
from ..measurement.figures import described, figures_of, residue_figures_of
from ..measurement.protocol import Measurement
from ..physics.masking import MaskedModel
from ..placing.target import Target
from ..prior.evidence import DensityEvidence, Evidence, KnownAtoms
from ..prior.schedule import step_times
from ..solver.density_potential import DensityPotential
from ..solver.pins import Pins
from ..solver.protocol import Level, Update
from ..solver.regularise import regularise
from ..solver.updates import LateUpdate, ProximalUpdate
from ..validation.torsions import linked_residues
from .cost import job_cost, planned_runs
from .map_evidence import MapEvidence, free_share, load_map_evidence
from .map_problem import MapProblem, load_map_problem, placeholder_backbone
from .outcome import Outcome, report_model_job
from .problem import Problem, load_problem
from .redock import Placement, redock
from .support import Support, judge_support
from .updates import gradient_updates

__all__ = ["run"]

_ACCEPTED_SIGMA = 0.5
"""Standard deviation in angstrom given to segments kept from an earlier round."""
_EXPLAINS = 1.0
"""Standard deviation in angstrom from which a known atom no longer explains density, as in training."""
_LIKELIHOOD_BELOW = 0.5
"""Diffusion time below which the density likelihood acts if the prior sees the map."""
_ROUND_SEED, _POLISH_SEED = 7919, 104_729
_POLISH_START = 0.4


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
    problem, maps, support, placements = _prepare(spec, given, events, control)
    cost = job_cost(spec, problem.target.n_residues, problem.device, int(np.prod(maps.density.shape)))
    events.message(cost.sentence(spec.replicas))
    weights = {"density": spec.density_weight}

    def change(settings: dict[str, float]) -> None:
        weights["density"] = settings.get("density_weight", weights["density"])

    pins = problem.pins()
    further = problem.measurements(spec.measure, events)
    sampling = Sampling(job, events, control, change, pins, planned_runs(spec))
    seen = load_map_evidence(maps, problem.structure, problem.target, support.trusted, problem.device)
    refiner = _Refiner(spec, problem, maps, seen, support, sampling, weights, cost.batch, pins, control, further)
    built = refiner.build(events)
    polished = pins.impose(refiner.polish(built))
    control.obey()
    linked = linked_residues(problem.polymer)
    final = regularise(polished, problem.polymer.sequence, linked, pins.movable(polished))
    ranking = refiner.rank(final)
    sampling.conclude(ranking.chosen)
    ordered = final[list(ranking.order)]
    fit = maps.likelihood.per_residue_fit(ordered[:1])[0]
    free = free_share(refiner.starting_density(), ordered[:1, :, 1])[0]
    confidence = _confidence(ordered, built, fit * free, support.typical)
    correlations = maps.likelihood.correlation(ordered)
    outcome = Outcome(
        pins.impose(ordered.cpu().double()).numpy(),
        confidence,
        ranking.score[list(ranking.order)].double().cpu().numpy(),
        ranking.chosen,
    )
    figures = {
        "map_cc_before": round(maps.start_correlation(_start(given.target, problem.device)[None]), 4),
        "map_cc_after": round(float(correlations[0]), 4),
        "map_cc_by_replica": [round(float(c), 4) for c in correlations],
        "resolution": round(maps.resolution, 3),
        "b_factor": round(maps.b_factor, 1),
        "residues_rebuilt_for_lack_of_support": int(support.rejected.sum()),
        "moved_as_rigid_bodies": [_describe(placement, problem.target) for placement in placements],
        "segments": built.describe(problem, fit),
        **described(further, ordered[:1]),
    }
    return report_model_job(job, spec, problem, outcome, "Refined by ADP-3D", figures)


def _prepare(
    spec: RefineSpec, problem: Problem, events: Events, control: Control
) -> tuple[Problem, MapProblem, Support, list[Placement]]:
    """Read the map, judge the model by it, and put misplaced domains where they belong."""
    maps = load_map_problem(spec, problem.structure, problem.target, problem.device, events)
    control.obey()
    support = judge_support(problem.target, maps, _start(problem.target, problem.device)).trusting(problem.kept)
    target, placements = redock(maps.source, problem.target, support, spec.seed, control.obey)
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
        maps = load_map_problem(spec, problem.structure, target, problem.device, NullEvents())
        support = judge_support(target, maps, _start(target, problem.device)).trusting(problem.kept)
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
    return problem.with_breaks_between(support.trusted), maps, support, placements


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


def _start(target: Target, device: torch.device) -> Tensor:
    """Starting backbone (N, 4, 3), finite everywhere."""
    return torch.as_tensor(placeholder_backbone(target), dtype=torch.float32, device=device)


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


class _Refiner:
    """The solver runs of one job."""

    def __init__(
        self,
        spec: RefineSpec,
        problem: Problem,
        maps: MapProblem,
        seen: MapEvidence,
        support: Support,
        sampling: Sampling,
        weights: dict[str, float],
        batch: int,
        pins: Pins,
        control: Control,
        further: Sequence[Measurement],
    ) -> None:
        self._further = further
        self._spec = spec
        self._problem = problem
        self._maps = maps
        self._seen = seen
        self._support = support
        self._sampling = sampling
        self._weights = weights
        self._batch = batch
        self._pins = pins
        self._judge = InterruptiblePrior(problem.prior, control.obey)

    def build(self, events: Events) -> _Built:
        """Build what is missing or unsupported, in rounds."""
        problem, support, chains = self._problem, self._support, self._problem.polymer.chain_index
        model = support.apply(problem.masked_model())
        segments = missing_segments(support.trusted, chains)
        found = support.trusted.copy()
        current: Tensor | None = None
        *rounds, _ = planned_runs(self._spec)
        for number, planned in enumerate(rounds):
            gaps = missing_segments(found, chains)
            if number and not gaps:
                break
            stage = Stage(
                planned.name,
                step_times(planned.steps),
                planned.replicas,
                self._spec.seed + _ROUND_SEED * number,
                self._batch,
                merit=REFINE.merit,
            )
            x = self._sample(stage, model)
            base = self.rank(x).chosen
            if current is not None:  # what earlier rounds found competes with what this one did
                x, base = torch.cat([x, current[None]]), len(x)
            density = self._density(model)
            current = recombine(x, self._quality(x, found, density), gaps, base).x
            quality = self._quality(current[None], found, density)[0]
            gained = [i for gap in gaps for i in supported_ends(quality, gap, support.threshold)]
            found[gained] = True
            model = _extended(model, current, gained)
            if gaps:
                open_residues = sum(gap.stop - gap.start for gap in gaps)
                events.message(
                    f"Round {number + 1}: the map supports {len(gained)} of {open_residues} residues to be built."
                )
        assert current is not None  # there is at least one round
        return _Built(current, segments)

    def polish(self, built: _Built) -> Tensor:
        """Move everything together at low noise, from the composite; (replica, N, 4, 3)."""
        model = self._support.apply(self._problem.masked_model())
        planned = planned_runs(self._spec)[-1]
        stage = Stage(
            planned.name,
            step_times(planned.steps, start=_POLISH_START),
            planned.replicas,
            self._spec.seed + _POLISH_SEED,
            self._batch,
            merit=REFINE.merit,
        )
        return self._sample(stage, model, built.x.expand(self._spec.replicas, -1, -1, -1))

    def _sample(self, stage: Stage, model: MaskedModel, start: Tensor | None = None) -> Tensor:
        """One stage, with the known atoms both pulling and shown to the prior."""
        prior, origin = self._problem.prior, self._problem.origin()
        updates, watch = self._updates(model), self._watch(model)
        evidence = Evidence(KnownAtoms(model.target, model.weights), self._density(model))
        return self._sampling.run(stage, prior, updates, origin, watch, start, self._watch_residues, evidence)

    def _density(self, model: MaskedModel) -> DensityEvidence:
        """The map as the prior sees it, with the density of atoms known to within an angstrom explained."""
        sure = model.known & (model.sigma < _EXPLAINS)
        return self._seen.explained_by(model.coordinates[sure].double().cpu().numpy())

    def starting_density(self) -> DensityEvidence:
        """The map with only the density explained that the starting model accounts for."""
        return self._density(self._support.apply(self._problem.masked_model()))

    def rank(self, x: Tensor) -> Ranking:
        """Order replicas by their fit to the map and by the prior's energy."""
        generator = torch.Generator().manual_seed(self._spec.seed)
        energy = denoising_energy(self._judge, x, generator)
        terms = {"correlation": self._maps.likelihood.correlation(x), "energy": -energy}
        return rank_replicas(terms, {}, SCALES)

    def _quality(self, x: Tensor, found: NDArray[np.bool_], density: DensityEvidence) -> NDArray[np.float64]:
        """Fit of each residue (replica, N); none for residues that lie on what was found before."""
        fit = np.nan_to_num(self._maps.likelihood.per_residue_fit(x), nan=-1.0)
        free = np.where(found, 1.0, free_share(density, x[..., 1, :]))
        return np.where(fit > 0, fit * free, fit)

    def _updates(self, model: MaskedModel) -> list[Update]:
        others = [measurement.potential for measurement in self._further]
        potentials = [DensityPotential(self._maps.likelihood), *others]
        correlation = self._problem.prior.correlation
        if self._spec.update == "gradient":
            return gradient_updates(correlation, model, potentials, self._problem.origin(), self._weights, self._pins)
        full = ProximalUpdate(
            correlation, model, potentials, weights=self._weights, pins=self._pins, preview=self._sampling.preview
        )
        if not self._problem.prior.sees_density:
            return [full]
        early = replace(full, potentials=others, preview=None)  # the prior sees nothing of these
        return [LateUpdate(early, full, _LIKELIHOOD_BELOW)]

    def _watch_residues(self, x: Tensor, best: int) -> dict[str, NDArray[np.float64]]:
        fit = np.nan_to_num(self._maps.likelihood.per_residue_fit(x[best : best + 1])[0])
        return {
            "residue_fit": np.clip(fit, 0.0, 1.0),
            "residue_spread": replica_spread(x, best).double().cpu().numpy(),
            **residue_figures_of(self._further, x[best]),
        }

    def _watch(self, model: MaskedModel):
        # rejected residues are meant to move
        trusted = torch.as_tensor(self._support.trusted, device=model.known.device)
        firm = replace(model, known=model.known & trusted[:, None])

        def watch(x: Tensor, level: Level) -> dict[str, Tensor]:
            known = firm.observe(x) - firm.observe(firm.coordinates)
            return {
                "correlation": self._maps.likelihood.correlation(x),
                "known_rmsd": known.square().sum(-1).mean(-1).sqrt(),
                **figures_of(self._further, x),
            }

        return watch


def _extended(model: MaskedModel, x: Tensor, residues: list[int]) -> MaskedModel:
    """The known atoms with those of residues found in the map added."""
    coordinates, known, sigma = model.coordinates.clone(), model.known.clone(), model.sigma.clone()
    coordinates[residues] = x[residues]
    known[residues] = True
    sigma[residues] = _ACCEPTED_SIGMA
    return replace(model, coordinates=coordinates, known=known, sigma=sigma)


def _confidence(final: Tensor, built: _Built, fit: NDArray[np.float64], typical: float) -> NDArray[np.float64]:
    """Confidence per residue: the spread of the final replicas, scaled by the fit in built segments.

    The final replicas start from one composite, so their spread says how well the map and the prior
    hold a residue, not whether it was built in the right place; that is what the local map-model
    correlation tells, as a fraction of what correct residues score in this map.
    """
    confidence = replica_confidence(replica_spread(final, 0)).double().cpu().numpy()
    for segment in built.segments:
        confidence[segment] *= np.clip(np.nan_to_num(fit[segment]) / typical, 0.0, 1.0)
    return np.clip(confidence, 0.0, 100.0)
