"""The solver runs of a refinement: building in rounds, bending, polishing."""

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
from ..ensemble.confidence import replica_spread
from ..ensemble.denoising_energy import denoising_energy
from ..ensemble.mosaic import best_sources
from ..ensemble.ranking import SCALES, Ranking, rank_replicas
from ..ensemble.recombination import missing_segments, recombine, supported_ends
from ..fitting.support import Support
from ..job.events import Events
from ..job.sampling import Sampling, Stage, Watch
from ..measurement.density import DensityMeasurement
from ..measurement.figures import figures_of, residue_figures_of
from ..measurement.map_evidence import MapEvidence, free_share
from ..measurement.protocol import Measurement
from ..placing.target import Target
from ..prior.evidence import DensityEvidence, Evidence
from ..prior.schedule import step_times
from ..solver.choose_updates import Pull, choose_updates
from ..solver.pins import HeldAtoms, Pins
from ..solver.posterior import Posterior
from ..solver.protocol import Level
from ..validation.torsions import linked_residues
from .cost import BENDING_LEVELS, refinement_runs
from .problem import Problem

__all__ = ["Built", "Measured", "Refiner"]

_ACCEPTED_SIGMA = 0.5
"""Standard deviation in angstrom given to segments kept from an earlier round: the error of segments that are found
(medians of 0.1 to 0.4 A), with room to move; chosen by hand."""
_EXPLAINS = 1.0
"""Standard deviation in angstrom from which a known atom no longer explains density, as in training."""
_BENT_GAIN = 0.02
"""Local correlation by which a known residue must fit better elsewhere to be moved: replicas that agree within 0.1 A
differ by this much."""
_BENT_WAY = 0.3
"""Angstrom from which a known residue counts as moved, and its old place as wrong; the last stage may do less."""
_MOST = 10.0
"""More than any local correlation."""
_BEND_SEED = 15_485_863
"""Added to the seed of each run of bending."""
_ROUND_SEED, _POLISH_SEED = 7919, 104_729
"""Added to the seed of each round, and of the last stage: none repeats the noise of another."""
_POLISH_START = 0.4
"""Diffusion time at which the last stage starts: noise of 0.07 in units of R eps. Bent models came back best from 0.4
to 0.5, ends and loops left their density in one replica of three from 0.5."""


@dataclass(frozen=True)
class Built:
    """A complete model put together from the best segments of several rounds.

    Attributes
    ----------
    x : Tensor, shape (N, 4, 3)
    segments : list of slice
        Everything that was built.
    bent : ndarray of bool, shape (N,), or None
        Known residues that moved to where they fit better.
    """

    x: Tensor
    segments: list[slice]
    bent: NDArray[np.bool_] | None = None

    def describe(self, problem: Problem, fit: NDArray[np.float64], ca: NDArray[np.float64]) -> list[dict[str, Any]]:
        """Each built segment: first and last residue, length, fit, and CA RMSD where there is a reference.

        Parameters
        ----------
        problem : Problem
        fit : ndarray, shape (N,)
            Local correlation of the result.
        ca : ndarray, shape (N, 3)
            CA positions of the result in angstrom.
        """
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
            if problem.reference is not None:
                squares = np.square(ca[segment] - problem.reference[segment]).sum(axis=-1)
                if np.isfinite(squares).any():  # the reference may lack some residues, or all
                    row["ca_rmsd"] = round(float(np.sqrt(np.nanmean(squares))), 3)
            rows.append(row)
        return rows


@dataclass(frozen=True)
class Measured:
    """What is measured: the map, what the prior sees of it, and further measurements; weights by name."""

    density: DensityMeasurement
    seen: MapEvidence
    further: Sequence[Measurement]
    weights: Mapping[str, float]


class Refiner:
    """The solver runs of one job."""

    def __init__(
        self,
        spec: RefineSpec,
        problem: Problem,
        support: Support,
        measured: Measured,
        sampling: Sampling,
        pins: Pins,
    ) -> None:
        self._spec = spec
        self._runs = refinement_runs(spec)
        self._problem = problem
        self._support = support
        self._measured = measured
        self._density = measured.density
        self._sampling = sampling
        self._pins = pins
        self._start = support.apply(problem.target)
        self._judge = sampling.interruptible(problem.prior)

    def build(self, events: Events) -> Built:
        """Build what is missing or unsupported, in rounds."""
        support, chains = self._support, self._problem.polymer.chain_index
        target = self._start
        segments = missing_segments(support.trusted, chains)
        found = support.trusted.copy()
        current: Tensor | None = None
        for number, planned in enumerate(self._runs.building):
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
        return Built(current, segments)

    def bend(self, built: Built, events: Events) -> Built:
        """Let the known part follow the map where it fits better elsewhere.

        Known atoms hold a model that is bent or shifted where it is. So the composite is renoised to two levels, whose
        noise bends it as chains bend, and brought down with the map in view and nothing known but what the user keeps.
        Of the outcome, stretches are taken that fit clearly better and begin and end near the composite.
        """
        if not self._problem.prior.sees_density or not self._loose.any():
            return built
        free = replace(self._start, known=np.zeros_like(self._start.known))
        found = [built.x[None]]
        for number, (planned, t) in enumerate(zip(self._runs.bending, BENDING_LEVELS, strict=True)):
            start = built.x.expand(planned.replicas, -1, -1, -1)
            seed = self._spec.seed + _BEND_SEED * (number + 1)
            stage = Stage(planned.name, step_times(planned.steps, start=t), planned.replicas, seed, start)
            found.append(self._sample(stage, free))
        x = torch.cat(found)
        quality = self._density.likelihood.per_residue_fit(x)
        quality[0] += np.where(self._loose, _BENT_GAIN, _MOST)  # what is held, and what was built, stays
        source = best_sources(x[:, :, 1].double().cpu().numpy(), quality, linked_residues(self._problem.polymer))
        chosen = torch.as_tensor(source, device=x.device)
        bent = x[chosen, torch.arange(len(source), device=x.device)]
        way = (bent - built.x)[:, 1].norm(dim=-1).cpu().numpy()
        moved = self._loose & (source > 0) & (way > _BENT_WAY)
        if moved.any():
            rms = float(np.sqrt(np.square(way[moved]).mean()))
            events.message(f"{int(moved.sum())} known residues fit better after bending, {rms:.1f} A away (rms).")
        self._start = _extended(self._start, bent, np.flatnonzero(moved).tolist())
        return replace(built, x=bent, bent=moved)

    @property
    def _loose(self) -> NDArray[np.bool_]:
        """Known residues that the user does not keep, shape (N,)."""
        return self._problem.known_residues & ~self._pins.mask[:, 1]

    def polish(self, built: Built) -> Tensor:
        """Move everything together at low noise, from the composite; (replica, N, 4, 3)."""
        planned = self._runs.polishing
        start = built.x.expand(self._spec.replicas, -1, -1, -1)
        times = step_times(planned.steps, start=_POLISH_START)
        stage = Stage(planned.name, times, planned.replicas, self._spec.seed + _POLISH_SEED, start)
        return self._sample(stage, self._start.without_places())

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
        return self._sampling.run(stage, posterior, self._watch())

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

    def _watch(self) -> Watch:
        # rejected residues are meant to move
        trusted = replace(self._start, known=self._start.known & self._support.trusted[:, None])
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

        return Watch(figures, residues, REFINE.merit)


def _extended(target: Target, x: Tensor, residues: list[int]) -> Target:
    """The target with residues found in the map, at their places in x (N, 4, 3), known."""
    xyz, known, sigma = target.xyz.copy(), target.known.copy(), target.sigma.copy()
    xyz[residues] = x[residues].double().cpu().numpy()
    known[residues] = True
    sigma[residues] = _ACCEPTED_SIGMA
    return replace(target, xyz=xyz, known=known, sigma=sigma)
