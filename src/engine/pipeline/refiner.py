"""The solver runs of a refinement: bending, building in rounds, polishing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..ensemble.denoising_energy import denoising_energy
from ..ensemble.mosaic import best_sources
from ..ensemble.ranking import SCALES, Ranking, rank_replicas
from ..ensemble.recombination import Deciding, missing_segments, recombine, supported_ends
from ..fitting.bending import ask_of_moves, least_move, merit_of_places
from ..fitting.chance import by_chance
from ..fitting.support import along_chains
from ..job.events import Events, NullEvents
from ..job.sampling import Stage
from ..measurement.figures import judges_of, log_likelihoods, potentials_among, shells_of
from ..measurement.map_evidence import MapEvidence, free_share, load_map_evidence
from ..measurement.protocol import Judge
from ..placing.target import Target
from ..prior.evidence import DensityEvidence, Evidence
from ..prior.schedule import step_times
from ..solver.choose_updates import Pull, choose_updates
from ..solver.pins import HeldAtoms
from ..solver.planned_run import PlannedRun
from ..solver.posterior import Posterior
from ..solver.protocol import Potential
from ..solver.regularise import regularise
from ..validation.torsions import linked_residues
from .built import Bent, Built
from .carry import carried_along
from .cost import BENDING_LEVELS, TRACED_LEVEL, refinement_runs
from .course import Course
from .prepared import Prepared
from .refinement_figures import watch_refinement
from .sampled_side_chains import side_chain_potential
from .sequence_check import SequenceCheck
from .traced_start import traced_starts

__all__ = ["ACCEPTED_SIGMA", "Refiner"]

ACCEPTED_SIGMA = 0.5
"""Standard deviation in angstrom given to segments kept from an earlier round: the error of segments that are found
(medians of 0.1 to 0.4 A), with room to move; chosen by hand."""
_EXPLAINS = 1.0
"""Standard deviation in angstrom from which a known atom no longer explains density, as in training."""
_RETURN_GAIN = 0.2
"""Local correlation, as a fraction of a typical one, by which a loop that the map does not support must fit better
anew than as it was given: what fits nowhere is not shown by the map, and the given place is the best that is known.
Right loops gain 0.5 and more; ends that no map shows differ by 0.1 from trace to trace. Chosen by hand, after
EMD-30342, whose ends went 3 A astray."""
_DRIFT = 0.7
"""Angstrom up to which known residues may move otherwise than those around them without being asked why: as exactly as
those tell where they are."""
_BEST_OF = 4.0
"""Standard deviations by which the best of thousands of wrong courses of a segment fits better than most, by chance:
the expected maximum of 3,000 normal deviates is 3.5, and a segment was sampled in the map besides."""
_BEND_SEED = 15_485_863
"""Added to the seed of each run of bending."""
_ROUND_SEED, _TRACED_SEED, _POLISH_SEED = 7919, 32_452_843, 104_729
"""Added to the seed of each round, of those that begin with traces, and of the last stage: none repeats the noise of
another."""
_POLISH_START = 0.4
"""Diffusion time at which the last stage starts: noise of 0.07 in units of R eps. Bent models came back best from 0.4
to 0.5, ends and loops left their density in one replica of three from 0.5."""


@dataclass(frozen=True)
class _SoFar:
    """What rounds of building have come to.

    Attributes
    ----------
    x : Tensor, shape (N, 4, 3)
    rival : Tensor, shape (N, 4, 3), or None
        The same if it was built, and competes with what the next round builds.
    found : ndarray of bool, shape (N,)
        Residues whose places are known by now.
    target : Target
        What is known of atoms by now.
    """

    x: Tensor
    rival: Tensor | None
    found: NDArray[np.bool_]
    target: Target


class Refiner:
    """The solver runs of one job, for a model where it is now.

    Parameters
    ----------
    course : Course
    prepared : Prepared
    firm : ndarray of bool, shape (N,)
        Residues whose side chains are where the user's model has them.
    """

    def __init__(self, course: Course, prepared: Prepared, firm: NDArray[np.bool_]) -> None:
        self._course = course
        self._spec = course.spec
        self._runs = refinement_runs(course.spec)
        self._problem = prepared.problem
        self._support = prepared.support
        self._density = prepared.density
        self._equal = prepared.equal_chains
        self._firm = firm
        self._pins = course.pins
        self._start = prepared.support.apply(prepared.problem.target)
        self._judge = course.sampling.interruptible(prepared.problem.prior)

    @cached_property
    def _seen(self) -> MapEvidence:
        """The map as the prior sees it, made when something is sampled: a pass that has nothing to bend needs none."""
        scene = self._problem.scene(NullEvents())
        return load_map_evidence(self._density, scene, self._support.trusted, self._firm)

    @cached_property
    def sequence_check(self) -> SequenceCheck:
        """Whether what is built lies beside its own side chains."""
        problem, support = self._problem, self._support
        return SequenceCheck.of(self._seen.whole, problem.polymer, problem.start()[:, 1], support.trusted)

    @cached_property
    def _pull(self) -> Potential:
        """What the map pulls with."""
        if self._spec.density_side_chains == "average":
            return self._density.potential
        return side_chain_potential(self._problem, self._density, self._firm, self.starting_density(), self._spec.seed)

    def bend(self, number: int) -> Bent:
        """Let the known part follow the map where it fits better elsewhere.

        Known atoms hold a model that is bent or shifted where it is. So it is renoised to some levels, whose noise
        bends it as chains bend, and brought down with the map in view and nothing known but what the user keeps. Of
        the outcome, stretches are taken that fit clearly better than the model with ideal geometry, and begin and end
        near the old ones.

        Parameters
        ----------
        number : int
            One of the passes that `BENDING_LEVELS` has.
        """
        problem = self._problem
        # not what is held right now: a job that is resumed has to decide as it did
        known, loose = problem.known_residues, problem.known_residues & ~problem.kept
        still = Bent(problem.target, np.zeros(len(known), bool), 0.0)
        if not problem.prior.sees_density or not loose.any():
            return still
        start = problem.start()
        free = replace(problem.target, known=np.zeros_like(problem.target.known))
        found, pulls = [start[None]], potentials_among(self._course.further, known)
        for i, (planned, t) in enumerate(zip(self._runs.bending[number], BENDING_LEVELS[number], strict=True)):
            several = start.expand(planned.replicas, -1, -1, -1)
            seed = self._spec.seed + _BEND_SEED * (1 + i + len(BENDING_LEVELS) * number)
            stage = Stage(planned.name, step_times(planned.steps, start=t), planned.replicas, seed, several)
            found.append(self._sample(stage, free, pulls))
        x = torch.cat(found)
        linked = linked_residues(problem.polymer) & known[:-1] & known[1:]
        # strain alone lowers the fit of a model, but is no reason to leave its place
        eased = regularise(
            start[None], problem.polymer.sequence, linked, torch.ones_like(start[..., 0], dtype=torch.bool)
        )
        fit = self._fit(x)
        fit[0] = np.maximum(fit[0], self._fit(eased)[0])
        far = _array((x - start)[:, :, 1].norm(dim=-1))
        quality = merit_of_places(fit, far, known, loose, self._support.typical, self._density.resolution)
        source = best_sources(_array(x[:, :, 1]), quality, linked)
        bent = x[torch.as_tensor(source, device=x.device), torch.arange(len(source), device=x.device)]
        bent = self._steadied(bent, loose)
        way = (bent - start)[:, 1].norm(dim=-1).cpu().numpy()
        moved = loose & (source > 0) & (way > least_move(self._density.resolution))
        if not moved.any():
            return still
        target = problem.target.with_places(_array(bent), moved, ACCEPTED_SIGMA)
        return Bent(target, moved, float(np.sqrt(np.square(way[moved]).mean())))

    def build(self, events: Events) -> Built:
        """Build what is missing or unsupported, in rounds; nothing to do for a complete model that the map supports."""
        support, chains = self._support, self._problem.polymer.chain_index
        target = self._start
        segments = missing_segments(support.trusted, chains)
        returned = np.zeros(len(chains), bool)
        if not segments and self._problem.target.known.all():
            return Built(self._problem.start(), [], returned)
        so_far = _SoFar(self._problem.start(), None, support.trusted.copy(), target)
        tried: list[Tensor] = []
        for number, planned in enumerate(self._runs.traced):
            starts = self._traced(so_far, planned.replicas, tried, events)
            if starts is None:
                break
            tried.append(starts)
            seed = self._spec.seed + _TRACED_SEED + _ROUND_SEED * number
            times = step_times(planned.steps, start=TRACED_LEVEL)
            stage = Stage(planned.name, times, planned.replicas, seed, starts)
            so_far, _ = self._round(stage, so_far, f"Traces through free density {number + 1}", events)
        again = True
        for number, planned in enumerate(self._runs.building):
            begun = so_far.rival is not None
            if begun and not (again and missing_segments(so_far.found, chains)):
                break
            seed = self._spec.seed + _ROUND_SEED * number
            stage = Stage(planned.name, step_times(planned.steps), planned.replicas, seed)
            # what a round gained nothing for, the next will not find either
            so_far, again = self._round(stage, so_far, f"Round {number + 1}", events)
            if number == 0:
                returned = self._shown_nowhere(so_far.x, so_far.found)
            if number == 0 and returned.any():
                events.message(
                    f"{int(returned.sum())} known residues that the map does not support fit no better anywhere else: "
                    "they are left as given."
                )
                # what is missing beside them is built on them: a trace that led elsewhere does not compete
                x = self._with_given(so_far.x, returned)
                target = so_far.target.with_places(_array(x), returned, ACCEPTED_SIGMA)
                so_far, again = _SoFar(x, None, so_far.found | returned, target), True
        return Built(so_far.x, missing_segments(support.trusted | returned, chains), returned)

    def _traced(self, so_far: _SoFar, replicas: int, tried: Sequence[Tensor], events: Events) -> Tensor | None:
        """Structures with what is still to be built on traces not tried before; None where nothing is traced."""
        chains = self._problem.polymer.chain_index
        gaps = missing_segments(so_far.found, chains)
        if not gaps:
            return None
        count = sum(gap.stop - gap.start for gap in gaps)
        events.message(f"Tracing {count} residues (gaps: {len(gaps)}) through the density that nothing explains.")
        known = _array(so_far.x)
        guesses = [self._equal.guesses(known, so_far.found, gap) for gap in gaps]
        if shown_there := sum(map(bool, guesses)):
            events.message(f"Chains of equal sequence show {shown_there} of these gaps: they are tried, too.")
        shown, poll = self._shown(so_far.target), self._course.sampling.obey
        shells = shells_of(self._course.further, so_far.x, so_far.target.known & so_far.found[:, None])
        check = self.sequence_check
        return traced_starts(so_far.x, so_far.found, gaps, check, shown, shells, replicas, tried, guesses, poll)

    def _round(self, stage: Stage, so_far: _SoFar, name: str, events: Events) -> tuple[_SoFar, bool]:
        """Build what is open once more; and whether the map supports any of it."""
        gaps = missing_segments(so_far.found, self._problem.polymer.chain_index)
        x = self._sample(stage, so_far.target)
        base = self.rank(x).chosen
        if so_far.rival is not None:  # what earlier rounds found competes with what this one did
            x, base = torch.cat([x, so_far.rival[None]]), len(x)
        shown = self._shown(so_far.target)
        x = recombine(x, self._quality(x, so_far.found, shown), gaps, base, self._deciding(gaps)).x
        quality = self._quality(x[None], so_far.found, shown)[0]
        gained = [i for gap in gaps for i in supported_ends(quality, gap, self._support.threshold)]
        if gaps:
            open_residues = sum(gap.stop - gap.start for gap in gaps)
            events.message(f"{name}: the map supports {len(gained)} of {open_residues} residues to be built.")
        found = so_far.found.copy()
        found[gained] = True
        target = so_far.target.with_places(_array(x), found & ~so_far.found, ACCEPTED_SIGMA)
        return _SoFar(x, x, found, target), bool(gained)

    def build_once(self, planned: PlannedRun, seed: int) -> Tensor:
        """One round for what the model does not know, each gap from the replica that the map supports best; (N, 4, 3).

        Parameters
        ----------
        planned : PlannedRun
        seed : int
            Added to that of the job.
        """
        known = self._start.known[:, 1]
        stage = Stage(planned.name, step_times(planned.steps), planned.replicas, self._spec.seed + seed)
        x = self._sample(stage, self._start)
        quality = self._quality(x, known, self._shown(self._start))
        gaps = missing_segments(known, self._problem.polymer.chain_index)
        return recombine(x, quality, gaps, self.rank(x).chosen, self._deciding(gaps)).x

    def polish(self, built: Built, planned: PlannedRun | None = None) -> Tensor:
        """Move everything together at low noise, from the composite; (replica, N, 4, 3).

        Another run than that of the job may be asked for; the noise of its replicas is the same.
        """
        planned = self._runs.polishing if planned is None else planned
        start = built.x.expand(planned.replicas, -1, -1, -1)
        times = step_times(planned.steps, start=_POLISH_START)
        stage = Stage(planned.name, times, planned.replicas, self._spec.seed + _POLISH_SEED, start)
        target = self._start.with_places(_array(built.x), built.returned, ACCEPTED_SIGMA)
        problem = self._problem
        known = problem.known_residues & ~problem.kept & (self._support.trusted | built.returned)
        x = self._sample(stage, target.without_places())
        # a wrong trace beside it may have pulled an end along
        return torch.stack([self._steadied(row, known) for row in x])

    def _sample(self, stage: Stage, target: Target, pulls: Sequence[Potential] | None = None) -> Tensor:
        """One stage, with the known atoms both pulling and shown to the prior; beside the map, all else by default."""
        problem, course = self._problem, self._course
        held = HeldAtoms(problem.known_atoms(target), self._pins)
        others = [measurement.potential for measurement in course.further] if pulls is None else [*pulls]
        own = [self._pull]
        looks = problem.prior.sees_density
        pull = Pull(held, others if looks else [*own, *others], own if looks else (), course.weights)
        origin = problem.origin()
        updates = choose_updates(self._spec.update, problem.prior.correlation, pull, origin, course.sampling.preview)
        posterior = Posterior(problem.prior, updates, origin, Evidence(held, self._shown(target)))
        # rejected residues are meant to move
        trusted = replace(self._start, known=self._start.known & self._support.trusted[:, None])
        watch = watch_refinement(self._density, problem.known_atoms(trusted), course.further)
        return course.sampling.run(stage, posterior, watch)

    def _shown(self, target: Target) -> DensityEvidence:
        """The map as the prior sees it, with the density of atoms known to within an angstrom explained."""
        return self._seen.explained_by(target.xyz[target.known & (target.sigma < _EXPLAINS)])

    def starting_density(self) -> DensityEvidence:
        """The map with only the density explained that the starting model accounts for."""
        return self._shown(self._start)

    def rank(self, x: Tensor, correlation: Tensor | None = None) -> Ranking:
        """Order replicas by their fit to the map, the prior's energy, and what else was measured.

        The fit is that of backbones with average side chains, unless that of all atoms is given as a correlation for
        each replica.
        """
        generator = torch.Generator().manual_seed(self._spec.seed)
        energy = denoising_energy(self._judge, x, generator)
        fit = self._density.likelihood.correlation(x) if correlation is None else correlation.to(x)
        terms = {"correlation": fit, "energy": -energy}
        return rank_replicas(terms, SCALES, log_likelihoods(self._course.further, x))

    def _shown_nowhere(self, x: Tensor, found: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Known residues (N,) that the map did not support, and that fit no better in the trace x (N, 4, 3) either."""
        support, chains = self._support, self._problem.polymer.chain_index
        open_loops = support.rejected & ~support.in_body & ~found
        given, anew = self._fit(torch.stack([self._problem.start(), x]))
        out = np.zeros(len(found), bool)
        for run in missing_segments(~open_loops, chains):
            out[run] = np.mean(anew[run] - given[run]) < _RETURN_GAIN * support.typical
        return out

    def _with_given(self, x: Tensor, residues: NDArray[np.bool_]) -> Tensor:
        """A structure (N, 4, 3) with some residues where the model has them."""
        return torch.where(torch.as_tensor(residues, device=x.device)[:, None, None], self._problem.start(), x)

    def _steadied(self, x: Tensor, loose: NDArray[np.bool_]) -> Tensor:
        """A structure (N, 4, 3) without known residues (N,) that drifted away from the model for nothing.

        Where the map shows little, nothing holds the ends of chains and of gaps: they follow what it does show of the
        residues around them, unless they fit clearly better elsewhere.
        """
        problem = self._problem
        start = problem.start()
        fit = self._fit(x[None])[0]
        shown = np.clip((fit - max(self._support.contradicted, 0.0)) / self._support.typical, 0.0, 1.0)
        old, new = (_array(one) for one in (start, x))
        carried = carried_along(old, new, np.where(problem.known_residues, shown, 0.0))
        far = np.linalg.norm(new - carried, axis=-1)[:, 1]
        gain = along_chains(fit - self._fit(torch.as_tensor(carried).to(x)[None])[0], problem.polymer.chain_index)
        astray = loose & (far > _DRIFT) & (gain < ask_of_moves(far))
        # next to them, a little of both: the last stages mend what that does to the geometry
        share = np.where(
            loose, np.maximum(astray, along_chains(astray.astype(float), problem.polymer.chain_index)), 0.0
        )
        mixed = new + share[:, None, None] * (carried - new)
        return torch.as_tensor(mixed).to(x)

    def _fit(self, x: Tensor) -> NDArray[np.float64]:
        """Local correlation of known residues (replica, N); values that the map contradicts are all the same."""
        fit: NDArray[np.float64] = np.fmax(self._density.known_fit(x), self._support.contradicted)
        return fit

    def _quality(self, x: Tensor, found: NDArray[np.bool_], shown: DensityEvidence) -> NDArray[np.float64]:
        """Fit of each residue (replica, N); little for those beside side chains of others, none on what was found."""
        fit = np.nan_to_num(self._density.likelihood.per_residue_fit(x), nan=-1.0)
        free = np.where(found, 1.0, free_share(shown, x[..., 1, :]))
        gaps = missing_segments(found, self._problem.polymer.chain_index)
        return np.where(fit > 0, fit * free * self.sequence_check.probability(x[..., 1, :], gaps), fit)

    def _deciding(self, gaps: Sequence[slice]) -> Deciding | None:
        """What else is measured has a say in where each gap is taken from, as in which replica is the best."""
        judges = judges_of(self._course.further)
        if not judges:
            return None
        typical, resolution = self._support.typical, self._density.resolution
        chance = tuple(_BEST_OF * by_chance(typical, resolution, gap.stop - gap.start) for gap in gaps)
        return Deciding(chance, tuple(partial(self._judged, judge) for judge in judges))

    def _judged(self, judge: Judge, x: Tensor) -> Tensor:
        self._course.sampling.obey()
        return judge.log_likelihood(x)


def _array(x: Tensor) -> NDArray[np.float64]:
    return x.double().cpu().numpy()
