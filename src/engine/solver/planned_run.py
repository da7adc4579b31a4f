"""What a procedure of several solver runs will take: for its steps, its cost and its progress alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["PlannedRun", "total_work"]


@dataclass(frozen=True)
class PlannedRun:
    """One run of the solver.

    Attributes
    ----------
    name : str
        Unique within a job.
    steps : int
        Denoising steps.
    replicas : int
    sampled : bool
        Whether the solver runs; otherwise it is other work that takes as long.
    """

    name: str
    steps: int
    replicas: int
    sampled: bool = True

    @property
    def work(self) -> int:
        """Steps of all replicas together."""
        return self.steps * self.replicas


def total_work(runs: Iterable[PlannedRun]) -> int:
    """Steps of all replicas in all runs together."""
    return sum(run.work for run in runs)
