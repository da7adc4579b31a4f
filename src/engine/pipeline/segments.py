"""The list of stretches that a job rebuilt, moved or left in doubt, each with all that is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..contract.segments import CONTRADICTED, LEFT, LEFT_OUT, MOVED, MOVED_BY, REBUILT, Alternative, Segment
from ..ensemble.denoising_energy import denoising_energies
from ..fitting.support import along_chains, judge_support
from ..measurement.density import DensityMeasurement
from ..validation.geometry import backbone_geometry
from ..validation.model_report import ModelReport
from ..validation.ramachandran import OUTLIER, ramachandran
from ..validation.torsions import linked_residues
from .final_model import Outcome
from .problem import Problem
from .segment_trouble import with_trouble

__all__ = ["Replicas", "find_segments", "judge_replicas"]

_BRIDGED = 3
"""Residues between moved ones that do not divide a stretch, though they moved by less."""

_ORDER = (REBUILT, MOVED, CONTRADICTED, LEFT)
"""A residue that is several has the first of these kinds."""


@dataclass(frozen=True)
class Replicas:
    """What tells replicas of N residues apart.

    Attributes
    ----------
    ca : ndarray, shape (replica, N, 3)
        In angstrom, the result first.
    fit : ndarray, shape (replica, N), or None
        Local correlation with the map.
    energy : ndarray, shape (replica, N), or None
        Denoising energy.
    """

    ca: NDArray[np.float64]
    fit: NDArray[np.float64] | None = None
    energy: NDArray[np.float64] | None = None


def judge_replicas(
    problem: Problem, replicas: NDArray[np.float64], seed: int, density: DensityMeasurement | None = None
) -> Replicas:
    """Fit and energy of each residue of replicas (replica, N, 4, 3), the result first; nothing for a single one."""
    ca = replicas[:, :, 1]
    if len(replicas) < 2:
        return Replicas(ca)
    x = torch.as_tensor(replicas, dtype=torch.float32, device=problem.device)
    energy = denoising_energies(problem.prior, x, torch.Generator().manual_seed(seed)).double().cpu().numpy()
    return Replicas(ca, None if density is None else density.likelihood.per_residue_fit(x), energy)


def find_segments(
    problem: Problem,
    outcome: Outcome,
    displacement: NDArray[np.float64],
    figures: Mapping[str, Any],
    report: ModelReport | None,
    replicas: Replicas,
) -> tuple[Segment, ...]:
    """All stretches that are worth a look, the most troubled first, longer ones before shorter ones.

    Parameters
    ----------
    problem : Problem
        With the model as it was given.
    outcome : Outcome
        The model that the job wrote.
    displacement : ndarray, shape (N,)
        Way of each CA atom in angstrom; NaN where the model shows none.
    figures : mapping
        Metrics of the job: ``segments``, ``register``, ``unseen`` and ``resolution`` of a refinement.
    report : ModelReport or None
        Validation of the result, if it has side chains.
    replicas : Replicas
    """
    facts = _Facts(problem, outcome, displacement, figures, report, replicas)
    found = [facts.segment(kind, rows) for kind, rows in facts.stretches()]
    found += [_left_out(one) for one in figures.get("unseen") or () if one["left_out"]]
    return tuple(sorted(found, key=lambda one: (-one.trouble, -one.length)))


class _Facts:
    """What is known of the N residues of a job."""

    def __init__(
        self,
        problem: Problem,
        outcome: Outcome,
        displacement: NDArray[np.float64],
        figures: Mapping[str, Any],
        report: ModelReport | None,
        replicas: Replicas,
    ) -> None:
        target, polymer = problem.target, problem.polymer
        self.labels = target.labels
        self.numbers = [f"{number}{code}".strip() for _, number, code in self.labels]
        self.chains = polymer.chain_index
        left_out = np.zeros(len(self.chains), np.int64) if target.left_out is None else target.left_out
        self.pieces = self.chains + np.cumsum(left_out > 0)  # nothing reaches over residues that are not there
        names = zip((label[0] for label in self.labels), self.numbers, strict=True)
        self.places = {name: row for row, name in enumerate(names)}
        self.problem, self.outcome, self.displacement, self.replicas = problem, outcome, displacement, replicas
        linked = linked_residues(polymer)
        geometry = backbone_geometry(outcome.replicas[0], polymer.sequence, linked)
        n = target.n_residues
        self.breaks = _mask(geometry.breaks, n)  # of each residue with the next one
        self.peptides = _mask((*geometry.cis_other, *geometry.twisted), n)
        self.outliers = ramachandran(outcome.replicas[0], polymer.sequence, linked).classes == OUTLIER
        self.register = np.zeros(n, np.int64)
        for one in figures.get("register") or ():
            self.register[self._rows(one)] = one["shift"]
        self.rebuilt = ~problem.known_residues
        for one in figures.get("segments") or ():
            self.rebuilt[self._rows(one)] = True
        self.rotamers, self.q, self.clashes = self._side_chains(report)
        self.contradicted = self._contradicted(figures)

    def stretches(self) -> Iterable[tuple[str, NDArray[np.int64]]]:
        """Kind and rows of each stretch, along the chains."""
        moved = _bridged(np.nan_to_num(self.displacement) >= MOVED_BY, self.pieces) & ~self.rebuilt
        held = self.problem.kept
        masks = {
            REBUILT: self.rebuilt,
            MOVED: moved,
            CONTRADICTED: (self.contradicted & held) | (self.register != 0),
            LEFT: self.contradicted & ~held,
        }
        kind = np.full(len(self.labels), -1)
        for number in reversed(range(len(_ORDER))):
            kind[masks[_ORDER[number]]] = number
        for rows in _runs(kind, self.pieces):
            yield _ORDER[kind[rows[0]]], rows

    def segment(self, kind: str, rows: NDArray[np.int64]) -> Segment:
        """One row of the list."""
        outcome = self.outcome
        ends = np.unique(np.concatenate([rows, rows[:1] - 1]))  # the bond to the residue before the stretch as well
        ends = ends[(ends >= 0) & (self.chains[ends] == self.chains[rows[0]])]
        shifts = self.register[rows]
        made = Segment(
            chain=self.labels[rows[0]][0],
            residues=tuple(self.numbers[row] for row in rows),
            kind=kind,
            new=int(np.isnan(self.displacement[rows]).sum()),
            confidence=round(float(outcome.confidence[rows].mean()), 1),
            fit=_mean(outcome.fit, rows),
            fit_before=_mean(outcome.start_fit, rows[np.isfinite(self.displacement[rows])]),
            q_score=_mean(self.q, rows),
            displacement=_largest(self.displacement[rows]),
            ramachandran=int(self.outliers[rows].sum()),
            rotamers=None if self.rotamers is None else int(self.rotamers[rows].sum()),
            clashes=None if self.clashes is None else sum(not own.isdisjoint(rows.tolist()) for own in self.clashes),
            peptides=int(self.peptides[ends].sum()),
            breaks=int(self.breaks[ends].sum()),
            register=int(shifts[np.argmax(np.abs(shifts))]),
            alternatives=self._alternatives(rows),
        )
        return with_trouble(made, float(self.contradicted[rows].mean()))

    def _rows(self, stretch: Mapping[str, Any]) -> slice:
        """Rows of a stretch that the metrics name by chain, first and last residue."""
        first, last = (self.places[stretch["chain"], str(stretch[end])] for end in ("first", "last"))
        return slice(first, last + 1)

    def _contradicted(self, figures: Mapping[str, Any]) -> NDArray[np.bool_]:
        """Residues (N,) whose fit, averaged along the chain, is below what the map contradicts in the known part."""
        fit = self.outcome.fit
        if fit is None:
            return np.zeros(len(self.labels), bool)
        known = np.where(self.problem.known_residues, fit, np.nan)
        support = judge_support(self.problem.target, known, figures["resolution"])
        low = along_chains(fit, self.chains) < support.contradicted
        return np.where(self.problem.known_residues & ~self.rebuilt, support.rejected, low)

    def _side_chains(
        self, report: ModelReport | None
    ) -> tuple[NDArray[np.bool_] | None, NDArray[np.float64] | None, list[set[int]] | None]:
        """Rotamer outliers (N,), Q-scores (N,), and the rows that each clash concerns."""
        if report is None:
            return None, None, None
        rotamers, q = np.zeros(len(self.labels), bool), np.full(len(self.labels), np.nan)
        for one in report.residues():
            row = self.places.get((one["chain"], one["number"]))
            if row is not None:
                rotamers[row] = one["rotamer"] == "outlier"
                score = one.get("q_score")
                q[row] = np.nan if score is None else score
        names = report.atoms.residues
        clashes = [
            {self.places.get((names[i].chain, names[i].number), -1) for i in clash.residues}
            for clash in report.clashscore.clashes
        ]
        return rotamers, q if np.isfinite(q).any() else None, clashes

    def _alternatives(self, rows: NDArray[np.int64]) -> tuple[Alternative, ...]:
        ca, fit, energy = self.replicas.ca, self.replicas.fit, self.replicas.energy
        if len(ca) < 2:
            return ()
        away = np.sqrt(np.square(ca[:, rows] - ca[:1, rows]).sum(-1).mean(-1))
        return tuple(
            Alternative(
                number + 1,
                None if fit is None else _mean(fit[number], rows),
                None if energy is None else _mean(energy[number], rows),
                round(float(away[number]), 2),
            )
            for number in range(len(ca))
        )


def _left_out(stretch: Mapping[str, Any]) -> Segment:
    """Row of a stretch (of the metrics) that the result lacks: it is no trouble of the result, but has to be known."""
    residues = tuple(stretch["residues"])
    reasons = ("left out: the map does not show it",)
    return Segment(stretch["chain"], residues, LEFT_OUT, new=len(residues), reasons=reasons)


def _mask(rows: Sequence[int], n: int) -> NDArray[np.bool_]:
    mask = np.zeros(n, bool)
    mask[list(rows)] = True
    return mask


def _runs(kind: NDArray[np.int64], pieces: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Rows of each run of one kind (-1 for none) within a piece of a chain."""
    ends = np.flatnonzero((np.diff(kind) != 0) | (np.diff(pieces) != 0)) + 1
    return [rows for rows in np.split(np.arange(len(kind)), ends) if kind[rows[0]] >= 0]


def _bridged(moved: NDArray[np.bool_], pieces: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The mask (N,) with short gaps between its runs closed, within each piece of a chain."""
    rows = np.flatnonzero(moved)
    closed = moved.copy()
    for first, after in zip(rows[:-1].tolist(), rows[1:].tolist(), strict=True):
        if after - first - 1 <= _BRIDGED and pieces[first] == pieces[after]:
            closed[first:after] = True
    return closed


def _mean(values: NDArray[np.float64] | None, rows: NDArray[np.int64]) -> float | None:
    if values is None or not np.isfinite(values[rows]).any():
        return None
    return round(float(np.nanmean(values[rows])), 3)


def _largest(values: NDArray[np.float64]) -> float | None:
    finite = values[np.isfinite(values)]
    return round(float(finite.max()), 2) if finite.size else None
