"""What a prior costs, for estimates before a run."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PriorCost"]


@dataclass(frozen=True)
class PriorCost:
    """Memory and time of a prior; rough, a factor of two is enough.

    Attributes
    ----------
    fixed_bytes : int
        The program with its libraries and the prior's weights.
    bytes_per_residue : int
        Working memory for each residue of each replica computed at once.
    seconds_per_residue : float
        Time of one core for each residue, replica and step.
    accelerator_speed : float
        How many cores one accelerator stands for.
    """

    fixed_bytes: int
    bytes_per_residue: int
    seconds_per_residue: float
    accelerator_speed: float
