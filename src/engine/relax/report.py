"""What a relaxation did, in figures and in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .region import LeftOut

__all__ = ["RelaxationReport", "left_out_sentence"]

_NAMED = 10
"""Residues that a sentence names."""


@dataclass(frozen=True)
class RelaxationReport:
    """Figures of a relaxation.

    Parameters
    ----------
    residues : int
        How many moved.
    left_out : tuple of LeftOut
        Residues that were to move and stayed.
    largest_move, rms_move : float
        Of their heavy atoms, in A.
    energy_before, energy_after : float
        kJ/mol, with all that is held beside them; only their difference means something.
    in_map : bool
        Whether a map pulled.
    steps : int
        Iterations.
    seconds : float
    """

    residues: int
    left_out: tuple[LeftOut, ...]
    largest_move: float
    rms_move: float
    energy_before: float
    energy_after: float
    in_map: bool
    steps: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a JSON report."""
        return {
            "residues": self.residues,
            "left_out": [{"residue": one.residue, "reason": one.reason} for one in self.left_out],
            "largest_move": round(self.largest_move, 3),
            "rms_move": round(self.rms_move, 3),
            "energy_before": round(self.energy_before, 1),
            "energy_after": round(self.energy_after, 1),
            "in_map": self.in_map,
            "steps": self.steps,
            "seconds": round(self.seconds, 1),
        }


def left_out_sentence(left_out: tuple[LeftOut, ...]) -> str:
    """One sentence that names the residues that stay where they are, and why; empty if there are none."""
    if not left_out:
        return ""
    named = [f"{one.residue} ({one.reason})" for one in left_out[:_NAMED]]
    more = f", and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
    what = "1 residue stays where it is" if len(left_out) == 1 else f"{len(left_out)} residues stay where they are"
    return f"In the relaxation {what}: {', '.join(named)}{more}."
