"""A model judged by its map: what the map supports of it, and parts that belong elsewhere as rigid bodies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.specification import RefineSpec
from ..fitting.redock import Placement, redock
from ..fitting.support import Support, judge_support
from ..job.events import Control, Events, NullEvents
from ..measurement.density import DensityMeasurement, bind_map, load_density
from ..measurement.whole_map import MapFiles
from ..placing.target import Target
from .equal_chains import EqualChains
from .problem import Problem

__all__ = ["Prepared", "describe_placement", "judged", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """A job whose model has been judged by its map.

    Attributes
    ----------
    problem : Problem
        Known residues that lie outside the map are kept where they are: it says nothing of them.
    density : DensityMeasurement
    support : Support
    asked : ndarray of bool, shape (N,)
        Residues that the user keeps.
    placements : list of Placement
        Parts that were moved as rigid bodies.
    unmoved : Target or None
        The model before that.
    elsewhere : EqualChains or None
        Of a part of a job, the chains of the whole; None for a whole job, whose chains are its own.
    """

    problem: Problem
    density: DensityMeasurement
    support: Support
    asked: NDArray[np.bool_]
    placements: list[Placement] = field(default_factory=list)
    unmoved: Target | None = None
    elsewhere: EqualChains | None = None

    @property
    def equal_chains(self) -> EqualChains:
        """Chains of equal sequence, those that are not sampled among them."""
        return EqualChains.of(self.problem.target) if self.elsewhere is None else self.elsewhere

    def beginning_at(self, target: Target) -> Prepared:
        """The same with the model elsewhere, before anything else was done with it: other residues may be outside."""
        return _kept_outside(replace(self, problem=replace(self.problem, kept=self.asked)).moved_to(target))

    def moved_to(self, target: Target) -> Prepared:
        """The same with the model elsewhere: map and verdict follow it."""
        problem = replace(self.problem, target=target)
        density = bind_map(self.density.whole, problem.scene(NullEvents()))
        return replace(self, problem=problem, density=density, support=_judge(problem, density))

    def settled(self, events: Events) -> Prepared:
        """Tell the verdict, and break chains accordingly, once the model is where it stays."""
        problem, placements = self.problem, self.placements
        support = self.support.trusting(self.support.outside(problem.known_residues))
        outside = problem.kept & ~self.asked
        if outside.any():
            chain, number, icode = problem.target.labels[int(np.flatnonzero(outside)[0])]
            events.message(
                f"{int(outside.sum())} known residues (the first: {chain} {number}{icode}) lie outside the map and "
                "stay where they are.",
                "warning",
            )
        for placement in placements:
            figures = describe_placement(placement, problem.target)
            events.message(
                f"Residues {figures['first']} to {figures['last']} of chain {figures['chain']} were moved as a rigid "
                f"body by {figures['shift']:.0f} A and {figures['angle']:.0f} degrees into density that fits them."
            )
        for line in support.lines(problem.target):
            events.message(line)
        return replace(self, problem=problem.with_breaks_between(support.trusted), support=support)


def prepare(spec: RefineSpec, problem: Problem, events: Events, control: Control) -> Prepared:
    """Read the map, judge the model by it, and put misplaced domains where they belong.

    Raises
    ------
    InputError
        If the map cannot be used, or does not overlap with the model.
    """
    density = load_density(MapFiles(spec.map, spec.half_maps, spec.resolution), problem.scene(events))
    control.obey()
    prepared = judged(problem, density)
    target, placements = redock(density.source, problem.target, prepared.support, spec.seed, control.obey)
    if not placements:
        return _kept_outside(prepared)
    # a body may have bridged residues that the user keeps
    target = replace(target, xyz=np.where(problem.kept[:, None, None], problem.target.xyz, target.xyz))
    return replace(prepared.beginning_at(target), placements=placements, unmoved=problem.target)


def judged(problem: Problem, density: DensityMeasurement) -> Prepared:
    """The job with its model as it lies, before any part of it was moved."""
    return Prepared(problem, density, _judge(problem, density), problem.kept)


def _kept_outside(prepared: Prepared) -> Prepared:
    """Keep known residues where they are that lie outside the map."""
    problem, support = prepared.problem, prepared.support
    outside = support.outside(problem.known_residues) & ~problem.kept
    if not outside.any():
        return prepared
    kept = problem.kept | outside
    return replace(prepared, problem=replace(problem, kept=kept), support=support.trusting(outside))


def _judge(problem: Problem, density: DensityMeasurement) -> Support:
    """What the map supports of the model; residues that the user keeps are trusted in any case."""
    start = problem.start()[None]
    fit, share = density.start_fit(start), density.start_share(start)
    return judge_support(problem.target, fit, density.resolution, share).trusting(problem.kept)


def describe_placement(placement: Placement, target: Target) -> dict[str, Any]:
    """Figures of a part that was moved, for metrics and messages."""
    first, last = target.labels[placement.first], target.labels[placement.last]
    return {
        "chain": first[0],
        "first": first[1],
        "last": last[1],
        "angle": round(placement.angle, 1),
        "shift": round(placement.shift, 1),
        "z": round(placement.z, 1),
    }
