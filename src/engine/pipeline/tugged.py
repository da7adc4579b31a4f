"""Residues that the user has tugged while a job ran, for its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..placing.target import Target

__all__ = ["tugged_figures"]


def tugged_figures(tugs: Mapping[int, int], target: Target) -> list[dict[str, Any]]:
    """Plain values for the metrics: chain, number and how often, in the order of the model.

    Parameters
    ----------
    tugs : mapping of int to int
        How often residues were tugged, by their place in the target.
    target : Target
    """
    found = []
    for row in sorted(tugs):
        chain, number, code = target.labels[row]
        found.append({"chain": chain, "residue": f"{number}{code}".strip(), "times": tugs[row]})
    return found
