"""Fit and temperature of a job as curves for the plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..live.plot_data import fit_series, temperature_series
from .plot import Curve

if TYPE_CHECKING:
    from ..jobs.job import Job

__all__ = ["job_curves"]


def job_curves(job: Job) -> tuple[list[Curve], float]:
    """Curves of the best replica of a job, and the step at which its present stage ends.

    Jobs leave out rounds that they do not need: of one that has ended that step says nothing.
    """
    found = (fit_series(job), temperature_series(job))
    curves = [
        Curve(series.figure.short, series.steps.astype(float), series.of(job.best_replica))
        for series in found
        if series is not None
    ]
    return curves, 0.0 if job.ended else float(job.total)
