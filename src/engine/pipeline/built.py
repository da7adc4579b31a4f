"""What the solver runs of a refinement leave behind: a model that has followed the map, and one that is complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..placing.target import Target
from .problem import Problem

__all__ = ["Bent", "Built"]


@dataclass(frozen=True)
class Bent:
    """A model that has followed the map.

    Attributes
    ----------
    target : Target
        With the residues that moved where they are now.
    moved : ndarray of bool, shape (N,)
        Known residues that moved.
    way : float
        How far, as a root mean square in angstrom; 0 if none did.
    """

    target: Target
    moved: NDArray[np.bool_]
    way: float


@dataclass(frozen=True)
class Built:
    """A complete model put together from the best segments of several rounds.

    Attributes
    ----------
    x : Tensor, shape (N, 4, 3)
    segments : list of slice
        Everything that was built.
    returned : ndarray of bool, shape (N,)
        Residues that the map does not support, neither as they were given nor anew, and that are left as given.
    """

    x: Tensor
    segments: list[slice]
    returned: NDArray[np.bool_]

    def describe(self, problem: Problem, fit: NDArray[np.float64], ca: NDArray[np.float64]) -> list[dict[str, Any]]:
        """Each built segment: first and last residue, length, fit, and CA RMSD where there is a reference.

        Parameters
        ----------
        problem : Problem
        fit : ndarray, shape (N,)
            Local correlation of the result.
        ca : ndarray, shape (N, 3)
            CA positions of the result in angstrom.
        """
        rows = []
        for segment in self.segments:
            first, last = problem.target.labels[segment.start], problem.target.labels[segment.stop - 1]
            row: dict[str, Any] = {
                "chain": first[0],
                "first": f"{first[1]}{first[2]}".strip(),
                "last": f"{last[1]}{last[2]}".strip(),
                "length": segment.stop - segment.start,
                "map_fit": round(float(np.nanmean(fit[segment])), 3),
            }
            if problem.reference is not None:
                squares = np.square(ca[segment] - problem.reference[segment]).sum(axis=-1)
                if np.isfinite(squares).any():  # the reference may lack some residues, or all
                    row["ca_rmsd"] = round(float(np.sqrt(np.nanmean(squares))), 3)
            rows.append(row)
        return rows
