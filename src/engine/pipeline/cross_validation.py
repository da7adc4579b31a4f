"""The weight of a map, cross-validated: refined in one half of the data, scored in the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..job.events import Events
from ..measurement.half_maps import average_fsc, bind_half_maps, soft_mask
from .cost import refinement_runs
from .density_weight import DensityWeight
from .prepared import Prepared
from .refiner import Built, Course, Refiner

__all__ = ["CrossValidation", "Trial", "climb", "cross_validate"]


_UNSEEN = 1 / 3
"""Share of what a weight gains in the half map refined in that it must gain in the other. The halves have different
noise, but the same side chains, waters and solvent, which no backbone explains, so the FSC with the other goes on to
rise a little while the model gets worse. From the validation chains of benchmarks/map_weight.py."""


class _SteeredError(Exception):
    """The user has set the weight while it was being tried."""


@dataclass(frozen=True)
class Trial:
    """What one weight came to.

    Attributes
    ----------
    weight : float
        Factor on the weight of the map.
    work, free : ndarray, shape (run,)
        Mean Fourier shell correlation of each replica with the half map that it was refined in, and with the other.
    """

    weight: float
    work: NDArray[np.float64]
    free: NDArray[np.float64]

    def describe(self) -> dict[str, float]:
        """For metrics."""
        return {
            "weight": self.weight,
            "fsc_work": round(float(self.work.mean()), 4),
            "fsc_free": round(float(self.free.mean()), 4),
        }

    def better_than(self, other: Trial) -> bool:
        """Whether it explains unseen data better, in each of the runs, and what it was shown not so much better still.

        Runs begin with the same noise.
        """
        gain, shown = self.free - other.free, self.work - other.work
        return bool((gain > 0).all() and gain.mean() > _UNSEEN * shown.mean())


@dataclass(frozen=True)
class CrossValidation:
    """Trials of weights of the map.

    Attributes
    ----------
    trials : sequence of Trial
        In the order in which they were run.
    chosen : Trial
        The one that explains best the data that it has not seen.
    """

    trials: Sequence[Trial]
    chosen: Trial

    def sentence(self) -> str:
        """For the log."""
        free = ", ".join(f"{trial.free.mean():.3f} with {trial.weight:g}" for trial in self._by_weight)
        return (
            f"Refined in one half map, the model has a mean FSC with the other of {free}: the weight of the map is "
            f"{self.chosen.weight:g} (FSC with the half map refined in: {self.chosen.work.mean():.3f})."
        )

    def describe(self) -> dict[str, Any]:
        """For metrics."""
        return {**self.chosen.describe(), "trials": [trial.describe() for trial in self._by_weight]}

    @property
    def _by_weight(self) -> list[Trial]:
        return sorted(self.trials, key=lambda trial: trial.weight)


def climb(weights: Sequence[float], run: Callable[[float], Trial]) -> CrossValidation:
    """Try the first weight, then larger ones as long as they are better, and where none is, smaller ones.

    Parameters
    ----------
    weights : sequence of float
        The usual one, then larger ones, upwards, then smaller ones, downwards.
    run : callable
        Tries a weight.
    """
    usual, *others = weights
    best = run(usual)
    trials = [best]
    for side in ([w for w in others if w > usual], [w for w in others if w < usual]):
        for weight in side:
            trials.append(run(weight))
            if not trials[-1].better_than(best):
                break
            best = trials[-1]
        if best.weight != usual:
            break
    return CrossValidation(trials, best)


def cross_validate(
    course: Course, prepared: Prepared, firm: NDArray[np.bool_], built: Built, weight: DensityWeight, events: Events
) -> CrossValidation | None:
    """Try weights of the map in its halves, and propose the one that explains best the half not refined in.

    Everything together is moved at low noise, as in the last stage, in either half map. What the model owes to the
    whole map, both halves, is forgotten at the noise from which that starts: residues are uncertain there by more than
    what weights make a difference of.

    Parameters
    ----------
    course : Course
    prepared : Prepared
    firm : ndarray of bool, shape (N,)
        As `Refiner` takes it.
    built : Built
    weight : DensityWeight
        Gets the proposal.
    events : Events

    Returns
    -------
    CrossValidation or None
        None without half maps, or where the user sets the weight before the last trial is over.
    """
    planned = {weighing.weight: weighing.runs for weighing in refinement_runs(course.spec).weighing}
    if not planned or weight.steered:
        return None
    halves = bind_half_maps(prepared.density)
    refiners = [Refiner(course, replace(prepared, density=half), firm) for half in halves]
    mask = soft_mask(prepared.density, built.x)

    def run(value: float) -> Trial:
        weight.propose(value)
        work, free = [], []
        for refiner, one, own, other in zip(refiners, planned[value], halves, halves[::-1], strict=True):
            x = refiner.polish(built, one)
            if weight.steered:
                raise _SteeredError
            work.append(average_fsc(own, x, mask))
            free.append(average_fsc(other, x, mask))
        return Trial(value, np.concatenate(work), np.concatenate(free))

    try:
        crossed = climb(list(planned), run)
    except _SteeredError:
        return None
    weight.propose(crossed.chosen.weight)
    events.message(crossed.sentence())
    return crossed
