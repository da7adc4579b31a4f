"""Residues that were built though the map does not show them: which they are, and a job without them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..density.map import DensityMap
from ..ensemble.recombination import missing_segments
from ..fitting.support import along_chains
from ..measurement.density import DensityMeasurement
from ..placing.part_of_target import without_residues
from ..placing.target import Target
from ..prior.registry import load_prior
from ..solver.pins import Pins
from ..validation.clashes import backbone_clashes
from ..validation.q_score import q_scores
from .built import Built
from .problem import Problem
from .symmetric import SymmetricJob

__all__ = ["Shown", "contests", "map_evidence", "may_be_unseen", "unseen_figures", "unseen_residues", "unseen_sentence"]

_SHOWN_FROM = 0.75
"""Evidence, as a fraction of what known residues have in the median, from which the map shows a residue that was built.
EMD-30342 (3.9 A): 5 of the 131 residues built within 2 A of the deposited model have less, 65 of the 74 that it lacks
and 16 of 27 that are 4 A or more away; local correlations hardly differ, as the prior finds some density for each.
Validation chains in maps at 3 and 4 A: with 0.8 the first right ones go, with 0.7 nothing else changes."""
_LEAST_TYPICAL = 0.1
"""Median evidence of known residues below which nothing is left out: the map shows those no better than noise shows
anything."""
_CROSSING = 1.0
"""Angstrom of overlap of backbone atoms from which two chains lie in each other: carbons 2.4 A apart."""
_APART = 3
"""Residues along the sequence from which two are not neighbours."""
_SHORTEST = 3
"""Residues in a row that are left out: one or two between others are held by those."""
_ISLAND = 5
"""Residues in a row that stay between others that do not: about as long as the window over which the fit is averaged;
fewer hang on nothing."""
_LISTED = 8
"""Stretches that a sentence names."""


def may_be_unseen(problem: Problem) -> NDArray[np.bool_]:
    """Residues (N,) that the model does not show, in none of its symmetric copies."""
    given = np.array([source is not None for source in problem.target.sources])
    symmetric = problem.symmetric
    if symmetric is not None:
        sources = symmetric.target.sources
        rows = symmetric.rows(problem.target)
        given |= np.array([any(sources[row] is not None for row in own) for own in rows.T.tolist()])
    return ~given


def map_evidence(
    density: DensityMap, x: Tensor, known: NDArray[np.bool_], free: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How well a map shows each residue (N,): Q-score of its backbone, in density that nothing else explains.

    Q-scores tell a chain in its density from one that runs along or across some density; local correlations of traces
    that the map itself has led are alike.

    Parameters
    ----------
    density : DensityMap
    x : Tensor, shape (replica, N, 4, 3)
        In angstrom; the result is the mean.
    known : ndarray of bool, shape (N,)
        Residues that the model shows, which explain their own density.
    free : ndarray, shape (replica, N)
        Share of the density around each residue that no known residue explains.
    """
    points = x.detach().double().cpu().numpy()
    q = np.stack([q_scores(density, one.reshape(-1, 3)).reshape(-1, 4).mean(1) for one in points])
    return np.asarray((q * np.where(known, 1.0, free)).mean(0))


def contests(x: Tensor, linked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Pairs of residues (P, 2) whose backbones lie in each other in most replicas (replica, N, 4, 3).

    Where two chains cross, one of them is not there. Neighbours along a chain are no pairs: those have bad angles.
    """
    found: Counter[tuple[int, int]] = Counter()
    for one in x.detach().double().cpu().numpy():
        pairs = backbone_clashes(one, linked, _CROSSING).pairs[..., 0]
        found.update({(min(a, b), max(a, b)) for a, b in pairs.tolist()})
    most = [pair for pair, count in found.items() if 2 * count > len(x) and pair[1] - pair[0] >= _APART]
    return np.array(sorted(most), np.int64).reshape(-1, 2)


def unseen_residues(
    evidence: NDArray[np.float64],
    known: NDArray[np.bool_],
    built: NDArray[np.bool_],
    chains: NDArray[np.int64],
    crossing: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Built residues that the map does not show, shape (N,).

    Parameters
    ----------
    evidence : ndarray, shape (N,)
        As of `map_evidence`.
    known : ndarray of bool, shape (N,)
        Residues that the model and the map show.
    built : ndarray of bool, shape (N,)
        Residues that may be left out.
    chains : ndarray of int64, shape (N,)
        Chain of each residue.
    crossing : ndarray of int64, shape (P, 2)
        As of `contests`: the one with less evidence is not shown, or the one that may be left out.
    """
    mean = along_chains(evidence, chains)
    typical = float(np.median(mean[known])) if known.any() else 0.0
    if typical < _LEAST_TYPICAL:
        return np.zeros_like(built)
    unseen = built & (mean < _SHOWN_FROM * typical)
    rank = np.where(built, mean, np.inf)
    if len(crossing):
        losers = np.where(rank[crossing[:, 0]] < rank[crossing[:, 1]], crossing[:, 0], crossing[:, 1])
        unseen[losers] |= built[losers]
    for island in missing_segments(unseen | ~built, chains):  # of built residues that the map shows
        first, after = island.start, island.stop
        hangs = [
            0 <= row < len(built) and chains[row] == chains[first] and not unseen[row] for row in (first - 1, after)
        ]
        if after - first < _ISLAND and not any(hangs):
            unseen[island] = True
    for run in missing_segments(~unseen, chains):
        if run.stop - run.start < _SHORTEST:
            unseen[run] = False
    return unseen


@dataclass(frozen=True)
class Shown:
    """A refinement from its last solver run on: without residues that the map does not show, if there are any.

    Attributes
    ----------
    whole : Problem
        All N residues of the job.
    rows : ndarray of int64, shape (K,)
        Those that stay.
    problem : Problem
        The K residues.
    built : Built
        What was built of them.
    density : DensityMeasurement
        The map, for them.
    pins : Pins
        Those of them.
    """

    whole: Problem
    rows: NDArray[np.int64]
    problem: Problem
    built: Built
    density: DensityMeasurement
    pins: Pins

    @classmethod
    def without(
        cls,
        unseen: NDArray[np.bool_],
        problem: Problem,
        built: Built,
        density: DensityMeasurement,
        pins: Pins,
    ) -> Shown:
        """The job without some residues (N,); everything as it was where there are none."""
        rows = np.flatnonzero(~unseen)
        if len(rows) == len(unseen):
            return cls(problem, rows, problem, built, density, pins)
        own = Pins(len(rows))
        own.hold(pins.mask[rows], pins.xyz[rows])
        narrow = _part_of_problem(problem, np.flatnonzero(unseen))
        return cls(problem, rows, narrow, _part_of_built(built, rows), density.of_residues(rows), own)

    @property
    def left_out(self) -> NDArray[np.int64]:
        """Rows of the job that do not stay."""
        return np.setdiff1d(np.arange(self.whole.target.n_residues), self.rows)

    def part_of(self, target: Target) -> Target:
        """The K residues of a target of the whole job."""
        return without_residues(target, self.left_out) if len(self.left_out) else target

    def of(self, x: Tensor) -> Tensor:
        """The K residues of (..., N, 4, 3)."""
        if not len(self.left_out):
            return x
        return x[..., torch.as_tensor(self.rows, device=x.device), :, :]

    def within(self, part: Tensor, x: Tensor) -> Tensor:
        """All N residues (replica, N, 4, 3), where x has them except for those that stay (replica, K, 4, 3)."""
        if not len(self.left_out):
            return part
        out = x.to(part, copy=True)
        out[:, torch.as_tensor(self.rows, device=x.device)] = part
        return out


def unseen_figures(target: Target, rows: NDArray[np.int64], left: bool) -> list[dict[str, Any]]:
    """Stretches of residues (rows) that the map does not show, for the metrics."""
    return [
        {
            "chain": first[0],
            "first": f"{first[1]}{first[2]}".strip(),
            "last": f"{last[1]}{last[2]}".strip(),
            "length": run.stop - run.start,
            "residues": [f"{number}{code}".strip() for _, number, code in target.labels[run]],
            "left_out": left,
        }
        for run, first, last in _stretches(target, rows)
    ]


def unseen_sentence(target: Target, rows: NDArray[np.int64], left: bool) -> str:
    """Which residues (rows) the map does not show, and what became of them; empty where there are none."""
    found = _stretches(target, rows)
    if not found:
        return ""
    named = [
        f"{first[0]} {first[1]}{first[2]}".strip() + (f" to {last[1]}{last[2]}".rstrip() if last != first else "")
        for _, first, last in found
    ]
    more = f" and {len(named) - _LISTED} more" if len(named) > _LISTED else ""
    became = (
        "They are left out; with 'unseen' build they get a place all the same."
        if left
        else "They have a place all the same; with 'unseen' leave they are left out of the result."
    )
    return f"The map does not show {len(rows)} missing residues ({', '.join(named[:_LISTED])}{more}). {became}"


Label = tuple[str, int, str]


def _stretches(target: Target, rows: NDArray[np.int64]) -> list[tuple[slice, Label, Label]]:
    """Runs of rows, none across a chain end, with their first and last residues."""
    shown = ~np.isin(np.arange(target.n_residues), rows)
    runs = missing_segments(shown, target.polymer.chain_index)
    return [(run, target.labels[run.start], target.labels[run.stop - 1]) for run in runs]


def _part_of_problem(problem: Problem, gone: NDArray[np.int64]) -> Problem:
    target = without_residues(problem.target, gone)
    symmetric = problem.symmetric
    if symmetric is not None:
        symmetric = _part_of_copies(symmetric, problem.target, gone)
    rows = np.setdiff1d(np.arange(problem.target.n_residues), gone)
    return replace(
        problem,
        target=target,
        prior=load_prior(problem.prior_name, target.polymer, problem.device),
        reference=None if problem.reference is None else problem.reference[rows],
        kept=problem.kept[rows],
        symmetric=symmetric,
    )


def _part_of_copies(symmetric: SymmetricJob, target: Target, gone: NDArray[np.int64]) -> SymmetricJob:
    copies = symmetric.rows(target)[:, gone]
    return replace(symmetric, target=without_residues(symmetric.target, np.sort(copies.ravel())))


def _part_of_built(built: Built, rows: NDArray[np.int64]) -> Built:
    """What was built of the rows, its segments cut where residues are left out."""
    segments = []
    for segment in built.segments:
        inside = np.flatnonzero((rows >= segment.start) & (rows < segment.stop))
        for run in np.split(inside, np.flatnonzero(np.diff(rows[inside]) != 1) + 1):
            if len(run):
                segments.append(slice(int(run[0]), int(run[-1]) + 1))
    stays = torch.as_tensor(rows, device=built.x.device)
    return Built(built.x[stays], segments, built.returned[rows])
