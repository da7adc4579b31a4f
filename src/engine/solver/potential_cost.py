"""What a measurement costs the solver, for estimates before a run."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PotentialCost"]


@dataclass(frozen=True)
class PotentialCost:
    """Memory and time of one potential; rough, a factor of two is enough. The default is next to nothing.

    Attributes
    ----------
    fixed_bytes : int
        Memory that it takes once.
    bytes_per_replica : int
        Working memory of each replica computed at once.
    seconds_per_step : float
        Time of one core for each replica and step.
    """

    fixed_bytes: int = 0
    bytes_per_replica: int = 0
    seconds_per_step: float = 0.0
