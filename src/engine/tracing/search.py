"""Traces of CA atoms from one known end to the other, through density, found by a beam search."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..restraints.shells import Shells
from .ahead import nats_ahead
from .field import FreeDensity
from .steps import BOND, STRETCH, Steps, label_steps, step_frames

__all__ = ["Beside", "Gap", "Trace", "distinct", "is_another", "trace_gap"]

Array = NDArray[np.float64]
Beside = Callable[[Array, Array, Array, int], Array]
"""Nats (M,) that speak for a residue type, from CA atoms (M, 3) before, of and after residues in the chain's order."""

# Chosen on eleven chains of the validation split at 3 and 4 A (36 gaps of 6 to 30 residues).
_BEAM = 3000
"""Beginnings of traces that are kept at each step: with as many, nine in ten of the right ones survive at 3 A."""
_TRIED = 12
"""So many times that number of steps are looked at in full, the best ones."""
_DENSITY = 3.0
"""Nats for each unit of density, as a mean over a step: density along a step is one observation, not three."""
_ALONG = (1 / 3, 2 / 3, 1.0)
"""Parts of a step at which the density is looked at."""
_NEAREST = 4.3
"""Angstrom between CA atoms that are not neighbours: 99.9 % of them are further apart."""
_CELL, _TURN = 1.2, 0.77
"""Angstrom and length of unit vectors within which traces with the same end and direction are the same: the best one
goes on."""
_REACH = {1: (3.4, 4.2), 2: (4.6, 7.4), 3: (4.2, 10.8)}
"""Angstrom that CA atoms one to three steps apart may be from each other; the first one as directions are coarse."""
_MISFIT = 8.0
"""Nats for each angstrom^2 by which the last step is too long or too short: a standard deviation of 0.25 A."""
_COUNT = 20
"""Traces of a gap that are handed on."""
_SAME = 1.0
"""Angstrom (rms) within which two traces are the same: a denoiser makes no difference between them."""


@dataclass(frozen=True)
class Gap:
    """Residues of a chain that have no place yet.

    Attributes
    ----------
    length : int
        How many.
    before, after : ndarray, shape (a, 3), (b, 3)
        CA atoms on either side of it, in the order of the trace, in angstrom. A trace begins with the last three of
        ``before``, and ends at ``after`` if there are any.
    types : ndarray of int64, shape (n,)
        Index of each residue into `AMINO_ACIDS`, in the order of the trace; empty if they do not matter.
    shells : Shells
        What is measured of distances to what is known; residues counted in the order of the trace.
    backwards : bool
        Whether it is traced against the order of the chain.
    """

    length: int
    before: Array
    after: Array
    types: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    shells: Shells = field(default_factory=Shells.none)
    backwards: bool = False

    @property
    def reversed(self) -> Gap:
        """The same gap from its other end."""
        shells = self.shells.reversed(self.length)
        return Gap(self.length, self.after[::-1], self.before[::-1], self.types[::-1], shells, not self.backwards)


@dataclass(frozen=True)
class Trace:
    """CA atoms for a gap.

    Attributes
    ----------
    score : float
        In nats: the log probability of its course, and what its density, that of its side chains and distances to
        known atoms add to that.
    ca : ndarray, shape (n, 3)
        In angstrom.
    """

    score: float
    ca: Array

    @property
    def reversed(self) -> Trace:
        """From its other end."""
        return replace(self, ca=self.ca[::-1])


@dataclass(frozen=True)
class _Beam:
    """Beginnings of traces: atoms (B, 3 + i, 3), the direction of the last step (-1 at first), and scores (B,)."""

    ca: Array
    label: NDArray[np.int64]
    score: Array

    def chosen(self, rows: NDArray[np.int64], label: NDArray[np.int64], place: Array, score: Array) -> _Beam:
        return _Beam(np.concatenate([self.ca[rows], place[:, None]], 1), label, score)


def trace_gap(
    free: FreeDensity,
    gap: Gap,
    steps: Steps,
    beside: Beside | None = None,
    poll: Callable[[], None] = lambda: None,
) -> list[Trace]:
    """Likely traces for a gap, best first; none without three atoms before it, or where its ends are too far apart.

    A beam search: each beginning goes on in all directions that chains take, and the best ones are kept, one for each
    place and direction of their end. The score is the log probability of the directions, each given the one before,
    plus density along the steps, plus what the density beside each CA says of its residue type as soon as the next one
    has a place, plus what distances to known atoms say of each CA and, by what is still within reach, of those to come;
    traces keep away from themselves and within reach of the other end.

    Parameters
    ----------
    free : FreeDensity
    gap : Gap
    steps : Steps
        Of the direction in which it is traced.
    beside : callable, optional
        What speaks for the types of residues; by default they do not matter.
    poll : callable
        Called after each step; an exception ends the search.
    """
    if len(gap.before) < 3 or gap.length < 1:
        return []
    beam = _Beam(gap.before[None, -3:], np.full(1, -1), np.zeros(1))
    for left in range(gap.length, 0, -1):
        poll()
        grown = _grow(free, beam, gap, steps, beside, left)
        if grown is None:
            return []
        beam = grown
    score = beam.score + _closing(beam, gap, steps)
    if len(gap.after):
        score += _suits(beside, gap, gap.length - 1, (beam.ca[:, -2], beam.ca[:, -1], gap.after[:1]))
    found = [Trace(float(score[row]), beam.ca[row, 3:]) for row in np.argsort(-score, kind="stable")]
    return distinct(found, _COUNT)


def distinct(traces: list[Trace], count: int) -> list[Trace]:
    """The first traces of one gap that differ from each other; the list is best first."""
    out: list[Trace] = []
    for trace in traces:
        if len(out) == count:
            break
        if is_another(trace.ca, [one.ca for one in out]):
            out.append(trace)
    return out


def is_another(ca: Array, others: Iterable[Array]) -> bool:
    """Whether CA atoms (n, 3) of a gap take another course than all others do (each (n, 3), in angstrom)."""
    return all(np.sqrt(np.square(ca - one).sum(-1).mean()) > _SAME for one in others)


def _grow(free: FreeDensity, beam: _Beam, gap: Gap, steps: Steps, beside: Beside | None, left: int) -> _Beam | None:
    """One more atom; ``left`` of them are lacking before it. None where nothing goes on."""
    end = beam.ca[:, -1]
    frames = step_frames(beam.ca[:, -3], beam.ca[:, -2], end)
    step = BOND * np.einsum("bij,kj->bki", frames, steps.directions[steps.usual])
    density = np.mean([free.at(end[:, None] + part * step) for part in _ALONG], axis=0)
    course = np.where(beam.label[:, None] < 0, steps.log_first, steps.log_next[beam.label])[:, steps.usual]
    place = end[:, None] + step
    number = gap.length - left
    measured = nats_ahead(gap.shells, number, place)
    if number:  # what was said of the same residues from the place before
        measured -= nats_ahead(gap.shells, number - 1, end, first=number)[:, None]
    score = beam.score[:, None] + course + _DENSITY * density + measured
    score = np.where(_within_reach(place, gap.after, left), score, -np.inf).ravel()
    looked_at = np.argsort(-score, kind="stable")[: _TRIED * _BEAM]
    looked_at = looked_at[np.isfinite(score[looked_at])]
    row, way = np.divmod(looked_at, len(steps.usual))
    place = place[row, way]
    apart = np.linalg.norm(beam.ca[row, :-1] - place[:, None], axis=-1).min(1)
    row, way, place, looked_at = (one[apart > _NEAREST] for one in (row, way, place, looked_at))
    if not len(row):
        return None
    total = score[looked_at] + _suits(beside, gap, number - 1, (beam.ca[row, -2], end[row], place))
    order = np.argsort(-total, kind="stable")
    row, way, place, total = (one[order] for one in (row, way, place, total))
    # the first of each kind is its best
    cell = np.floor((place - place.min(0)) / _CELL).astype(np.int64)
    turn = np.round((place - end[row]) / (BOND * _TURN)).astype(np.int64) + 2
    first = np.unique(_numbered(np.concatenate([cell, turn], 1)), return_index=True)[1]
    kept = np.sort(first)[:_BEAM]
    return beam.chosen(row[kept], steps.usual[way[kept]], place[kept], total[kept])


def _suits(beside: Beside | None, gap: Gap, number: int, trace: tuple[Array, Array, Array]) -> Array | float:
    """Nats that speak for the type of one residue of a gap, between CA atoms (M, 3) of a trace."""
    if beside is None or not 0 <= number < len(gap.types):
        return 0.0
    before, ca, after = reversed(trace) if gap.backwards else trace
    return beside(before, ca, after, int(gap.types[number]))


def _within_reach(place: Array, after: Array, left: int) -> NDArray[np.bool_]:
    """Whether atoms after a gap can be reached from places (..., 3) with so many atoms lacking, this one included."""
    ok = np.ones(place.shape[:-1], bool)
    for further, atom in enumerate(after[:2]):
        low, high = _REACH.get(left + further, (0.0, STRETCH * BOND * (left + further)))
        distance = np.linalg.norm(place - atom, axis=-1)
        ok &= (distance >= low) & (distance <= high)
    return ok


def _closing(beam: _Beam, gap: Gap, steps: Steps) -> Array:
    """What the steps onto the atoms after the gap add to the scores (B,)."""
    if not len(gap.after):
        return np.zeros(len(beam.score))
    length = np.linalg.norm(beam.ca[:, -1] - gap.after[0], axis=-1)
    out = -_MISFIT * np.square(length - BOND)
    after = np.broadcast_to(gap.after[:2], (len(out), len(gap.after[:2]), 3))
    label = beam.label
    for following in label_steps(np.concatenate([beam.ca[:, -3:], after], 1)).T:
        out += steps.log_next[label, following]
        label = following
    return np.asarray(out)


def _numbered(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """One number for each row of keys (M, K) that are not negative."""
    out = np.zeros(len(keys), np.int64)
    for column in keys.T:
        out = out * (int(column.max()) + 1) + column
    return out
