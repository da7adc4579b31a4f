"""What there is to plot of a job: fit and temperature of each replica against the step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..engine.contract.kinds import KINDS, TEMPERATURE, Figure

if TYPE_CHECKING:
    from ..jobs.job import Job

__all__ = ["Series", "fit_series", "series_of", "temperature_series"]


@dataclass(frozen=True, eq=False)
class Series:
    """A figure against the step.

    Attributes
    ----------
    figure : Figure
        What it is called.
    steps : ndarray, int64, shape (K,)
        Ascending.
    values : ndarray, float64, shape (replica, K)
        NaN where a replica has no value; one row where the figure is common to all.
    """

    figure: Figure
    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    def of(self, replica: int) -> NDArray[np.float64]:
        """Values (K,) of a replica; the only row where there is one."""
        row: NDArray[np.float64] = self.values[min(max(replica, 0), len(self.values) - 1)]
        return row


def fit_series(job: Job) -> Series | None:
    """Fit of each replica to the measurement; None before the first value."""
    for figure in KINDS[job.kind].curves:
        series = series_of(job, figure)
        if series is not None:
            return series
    return None


def temperature_series(job: Job) -> Series | None:
    """Noise level of the diffusion, which falls like a temperature; None before the first value."""
    return series_of(job, TEMPERATURE)


def series_of(job: Job, figure: Figure) -> Series | None:
    """A figure of a job that was given with steps; of a step told twice the later value counts."""
    by_step: dict[int, list[float]] = {}
    for step, values in job.metrics.get(figure.name, ()):
        if step is not None and values:
            known = by_step.get(step)
            by_step[step] = values if known is None else _merged(known, values)
    if not by_step:
        return None
    steps = sorted(by_step)
    width = max(len(values) for values in by_step.values())
    table = np.full((width, len(steps)), np.nan)
    for k, step in enumerate(steps):
        table[: len(by_step[step]), k] = by_step[step]
    return Series(figure, np.array(steps, dtype=np.int64), table)


def _merged(known: list[float], values: list[float]) -> list[float]:
    """Later values over earlier ones; NaN stands for replicas that were not reported."""
    kept = known[len(values) :]
    return [old if new != new else new for old, new in zip(known, values)] + values[len(known) :] + kept  # noqa: B905
