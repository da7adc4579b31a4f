"""The weight of a map, cross-validated: refined in one part of the data, scored in the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..job.events import Events
from ..measurement.folds import Fold, folds_of
from ..measurement.half_maps import soft_mask
from .built import Built
from .cost import refinement_runs
from .course import Course
from .density_weight import DensityWeight
from .prepared import Prepared
from .refiner import Refiner

__all__ = ["CrossValidation", "Trial", "climb", "cross_validate"]


_UNSEEN = 1 / 3
"""Share of what a weight gains in the data refined in that it must gain in the others. Half maps have different
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
        Mean Fourier shell correlation of each replica with the data that it was refined in, and with the others.
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
        """Whether it explains unseen data better, in each of the runs, and by enough beside what changes of the rest.

        Runs begin with the same noise. A larger weight explains what it was shown better, and must not do only that; a
        smaller one explains it worse, and must be worth that.
        """
        gain, shown = self.free - other.free, self.work - other.work
        return bool((gain > 0).all() and gain.mean() > _UNSEEN * abs(shown.mean()))


@dataclass(frozen=True)
class CrossValidation:
    """Trials of weights of the map.

    Attributes
    ----------
    trials : sequence of Trial
        In the order in which they were run.
    chosen : Trial
        The one that explains best the data that it has not seen.
    in_halves : bool
        Whether the parts of the data are half maps; else the free part is the finest shell.
    """

    trials: Sequence[Trial]
    chosen: Trial
    in_halves: bool = True

    def sentence(self) -> str:
        """For the log."""
        free = ", ".join(f"{trial.free.mean():.3f} with {trial.weight:g}" for trial in self._by_weight)
        part, other = ("in one half map", "the other") if self.in_halves else ("without the finest shell", "that shell")
        return (
            f"Refined {part}, the model has a mean FSC with {other} of {free}: the weight of the map is "
            f"{self.chosen.weight:g} (FSC with what it was refined in: {self.chosen.work.mean():.3f})."
        )

    def describe(self) -> dict[str, Any]:
        """For metrics."""
        return {
            "free": "half map" if self.in_halves else "finest shell",
            **self.chosen.describe(),
            "trials": [trial.describe() for trial in self._by_weight],
        }

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
    course: Course,
    prepared: Prepared,
    firm: NDArray[np.bool_],
    built: Built,
    weight: DensityWeight,
    events: Events,
    parts: Callable[[], tuple[Fold, ...]] | None = None,
) -> CrossValidation | None:
    """Try weights of the map in part of its data, and propose the one that explains best the part not refined in.

    Everything together is moved at low noise, as in the last stage, in either half map or in the map without its
    finest shell. What the model owes to all of the data is forgotten at the noise from which that starts: residues are
    uncertain there by more than what weights make a difference of.

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
    parts : callable, optional
        Makes the parts of the data; by default those of the whole map.

    Returns
    -------
    CrossValidation or None
        None where the user has set the weight, unless there are half maps, or sets it before the last trial is over; or
        where the map is so small that it has no finest shell.
    """
    planned = {weighing.weight: weighing.runs for weighing in refinement_runs(course.spec).weighing}
    if not planned or weight.steered:
        return None
    folds = folds_of(prepared.density) if parts is None else parts()
    if not folds:
        return None
    refiners = [Refiner(course, replace(prepared, density=fold.work), firm) for fold in folds]
    mask = soft_mask(prepared.density, built.x)

    def run(value: float) -> Trial:
        weight.propose(value)
        scores = []
        for refiner, fold, one in zip(refiners, folds, planned[value], strict=True):
            x = refiner.polish(built, one)
            if weight.steered:
                raise _SteeredError
            scores.append(fold.score(x, mask))
        work, free = (np.concatenate(part) for part in zip(*scores, strict=True))
        return Trial(value, work, free)

    try:
        crossed = replace(climb(list(planned), run), in_halves=prepared.density.whole.halves is not None)
    except _SteeredError:
        return None
    weight.propose(crossed.chosen.weight)
    events.message(crossed.sentence())
    return crossed
