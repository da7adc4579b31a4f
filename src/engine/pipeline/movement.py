"""What a job moved of its model, domain by domain: as figures, as sentences, and as a table of residues."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.motions import motion_sentences
from ..predictions.domains import domains_by_contacts, domains_by_error
from ..structure.observed import observe_chains
from ..validation.displacement import Displacement, DomainMotion, Screw, displacement
from .problem import Problem

__all__ = ["Movement", "find_movement", "residue_table"]

STILL = 5e-4
"""Angstrom within which an atom is where it was: half of the last digit that files keep."""
_FARTHEST = 3
"""Residues named of each domain."""


@dataclass(frozen=True)
class Movement:
    """Ways of the N residues of a job from the model that was given to the result.

    Attributes
    ----------
    labels : tuple of (str, int, str)
        Chain, number and insertion code of each residue in the result.
    domain : ndarray of int64, shape (N,)
        Domain of each residue, from 0; -1 for none.
    ways : Displacement
    """

    labels: tuple[tuple[str, int, str], ...]
    domain: NDArray[np.int64]
    ways: Displacement

    @property
    def any(self) -> bool:
        """Whether anything moved."""
        return bool((np.nan_to_num(self.ways.distance) > STILL).any())

    def stretches(self, motion: DomainMotion) -> str:
        """Residues of a domain, such as ``1-145, 335-397``; residues between that are missing do not divide it."""
        own = np.flatnonzero(self.domain == motion.domain)
        runs = np.split(own, np.flatnonzero(np.diff(own) > 1) + 1)
        shown = set(motion.residues.tolist())
        ends = [[row for row in run.tolist() if row in shown] for run in runs]
        return ", ".join(
            self._number(rows[0]) if len(rows) == 1 else f"{self._number(rows[0])}-{self._number(rows[-1])}"
            for rows in ends
            if rows
        )

    def figures(self) -> dict[str, Any]:
        """Figures for ``metrics.json``."""
        shown = self.ways.distance[np.isfinite(self.ways.distance)]
        return {
            "ca_rmsd": _rounded(self.ways.rmsd),
            "median": _rounded(float(np.median(shown))) if shown.size else None,
            "largest": _rounded(float(shown.max())) if shown.size else None,
            "domains": [self._figures_of(motion) for motion in self.ways.domains],
        }

    def lines(self) -> list[str]:
        """Sentences for the user, one for each domain."""
        if not np.isfinite(self.ways.distance).any():
            return []
        if not self.any:
            return ["Nothing that the model showed has moved."]
        return motion_sentences(self.figures()["domains"])

    def _figures_of(self, motion: DomainMotion) -> dict[str, Any]:
        return {
            "chain": self.labels[motion.residues[0]][0],
            "residues": self.stretches(motion),
            "count": len(motion.residues),
            "shift": _rounded(motion.shift),
            "angle": _rounded(motion.angle, 2),
            "ca_rmsd": _rounded(motion.rmsd),
            "ca_rmsd_internal": _rounded(motion.internal_rmsd),
            "farthest": [
                {"residue": self._number(row), "distance": _rounded(float(self.ways.distance[row]))}
                for row in self.ways.farthest(motion.residues, _FARTHEST)
            ],
            "hinge": None if motion.hinge is None else _hinge(motion.hinge),
        }

    def _number(self, row: int) -> str:
        return f"{self.labels[row][1]}{self.labels[row][2]}".strip()


def find_movement(problem: Problem, ca: NDArray[np.floating], error: NDArray[np.floating] | None = None) -> Movement:
    """Compare a result with the model that the user gave.

    Parameters
    ----------
    problem : Problem
    ca : ndarray, shape (N, 3)
        CA positions of the result, in A.
    error : ndarray, shape (N, N), optional
        Predicted aligned errors of the model, which tell its domains; without them contacts do.

    Returns
    -------
    Movement
    """
    start = _start(problem)
    chain = problem.polymer.chain_index
    shown: NDArray[np.bool_] = np.isfinite(start[:, 0])
    domain = np.full(len(start), -1, np.int64)
    count = 0
    for number in np.unique(chain).tolist():
        rows = np.flatnonzero((chain == number) & shown)
        if not len(rows):
            continue
        found = domains_by_contacts(start[rows]) if error is None else domains_by_error(error[np.ix_(rows, rows)])
        domain[rows] = np.where(found >= 0, found + count, -1)
        count += int(found.max(initial=-1)) + 1
    _fill(domain, chain, shown)
    return Movement(problem.target.labels, domain, displacement(start, ca, domain, chain))


def residue_table(
    movement: Movement,
    names: Sequence[str],
    confidence: NDArray[np.floating],
    fit: NDArray[np.floating] | None = None,
    start_fit: NDArray[np.floating] | None = None,
) -> str:
    """Table of residues as CSV.

    Parameters
    ----------
    movement : Movement
    names : sequence of str
        Residue names.
    confidence : ndarray, shape (N,)
        0 to 100.
    fit, start_fit : ndarray, shape (N,), optional
        Local correlation of result and model with the map.

    Returns
    -------
    str
        One line for each residue of the job; what there is not stays empty. Domains count from 1.
    """
    ways = movement.ways
    empty = np.full(len(names), np.nan)
    columns = {
        "confidence": (confidence, 2),
        "displacement": (ways.distance, 3),
        "displacement_in_domain": (ways.internal, 3),
        "fit_before": (empty if start_fit is None else np.where(np.isfinite(ways.distance), start_fit, np.nan), 3),
        "fit_after": (empty if fit is None else fit, 3),
    }
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["chain", "number", "insertion_code", "name", "domain", *columns])
    for row, (chain, number, code) in enumerate(movement.labels):
        domain = movement.domain[row] + 1 or ""
        values = [f"{value[row]:.{digits}f}" if np.isfinite(value[row]) else "" for value, digits in columns.values()]
        table.writerow([chain, number, code.strip(), names[row], domain, *values])
    return text.getvalue()


def _start(problem: Problem) -> NDArray[np.float64]:
    """CA positions (N, 3) as the user's model has them, NaN where it shows none.

    The target of a job does not tell: parts of it may have been moved, and what is not trusted is not in it.
    """
    place = {
        source: chain.xyz[row, 1]
        for chain in observe_chains(problem.structure)
        for row, source in enumerate(chain.sources)
    }
    nowhere = np.full(3, np.nan)
    return np.array([nowhere if source is None else place.get(source, nowhere) for source in problem.target.sources])


def _fill(domain: NDArray[np.int64], chain: NDArray[np.int64], shown: NDArray[np.bool_]) -> None:
    """Give what was built between two residues of one domain to that domain."""
    rows = np.flatnonzero(shown)
    for first, after in zip(rows[:-1].tolist(), rows[1:].tolist(), strict=True):
        if after > first + 1 and domain[first] == domain[after] and chain[first] == chain[after]:
            domain[first + 1 : after] = domain[first]


def _hinge(hinge: Screw) -> dict[str, Any]:
    return {
        "angle": _rounded(hinge.angle, 2),
        "axis": [round(float(value), 4) for value in hinge.axis],
        "point": [round(float(value), 2) for value in hinge.point],
        "along": _rounded(hinge.along),
    }


def _rounded(value: float, digits: int = 3) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None
