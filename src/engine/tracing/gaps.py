"""Traces for all gaps of a job, none through another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .field import FreeDensity
from .search import Beside, Gap, Trace, distinct, trace_gap
from .searches import searched
from .steps import BOND, Steps, load_steps

__all__ = ["trace_gaps"]

Array = NDArray[np.float64]

_LONGEST = 80
"""Residues of a gap that is traced: what is longer is a domain, and its beginning would be forgotten by a beam search
before its end tells whether it was right. Chosen by hand; gaps of up to 30 residues were tried."""
_COLLIDE = 3.0
"""Angstrom between CA atoms of two traces from which one of them has the other's density."""
_KEPT = 20
"""Traces of a gap that are kept in all."""
_FORGETS = 12
"""Residues up to which a search keeps most of what is possible: one is enough. Chosen by hand."""
_BEGINNINGS, _UNSURE = 4, 0.17
"""Searches of a longer gap that has one known end, an end of a chain as a rule; and standard deviation in angstrom,
per axis, by which the known atoms are moved before each but the first. They set the frame of the first step, and
nothing at the other end tells a search early which way was right. With known atoms off by 0.3 A, of 24 such gaps of
20 residues in validation chains at 3 A the first trace is right in 83 % with one search and in 92 % with four, one of
the first four in 88 and 100 %."""
_FEW = 8
"""Traces of a gap below which it is traced once more, where those of other gaps have taken the rest: twice as many as
replicas as a rule begin with."""


def trace_gaps(
    field: FreeDensity,
    gaps: Sequence[Gap],
    beside: Beside | None = None,
    steps: tuple[Steps, Steps] | None = None,
    poll: Callable[[], None] = lambda: None,
    threads: int = 1,
) -> list[list[Trace]]:
    """Likely traces for each gap, best first, that leave the best ones of other gaps their places.

    Each gap is traced from both of its ends. Where the best traces of two gaps run through each other, each is traced
    again without the density of the other's; then the gap that would lose most chooses first, and one that is left with
    few traces is traced once more without the density of all others.

    Parameters
    ----------
    field : FreeDensity
    gaps : sequence of Gap
    beside : callable, optional
        What speaks for the types of residues; by default they do not matter.
    steps : tuple of Steps, optional
        Of chains from start to end, and from end to start; by default those of the package.
    poll : callable
        Called now and then, by one thread at a time; an exception ends the search.
    threads : int
        Searches at a time; what is found does not depend on it.

    Returns
    -------
    list of list of Trace
        Empty for gaps without known ends and for those of more than 80 residues.
    """
    both = (load_steps(), load_steps(backwards=True)) if steps is None else steps

    def traced(free: FreeDensity, several: Sequence[Gap]) -> list[list[Trace]]:
        return _from_both_ends(free, several, both, beside, poll, threads)

    found = traced(field, gaps)
    for i, j in combinations(range(len(gaps)), 2):
        if found[i] and found[j] and _collide(found[i][0], found[j][0]):
            rivals = found[i][0], found[j][0]
            for number, other in ((i, rivals[1]), (j, rivals[0])):
                (again,) = traced(field.without(_along(other.ca)), [gaps[number]])
                found[number] = _merged(found[number], again)
    apart = _apart(found)
    for number, gap in enumerate(gaps):
        if 0 < len(apart[number]) < min(_FEW, len(found[number])):
            taken = [_along(traces[0].ca) for other, traces in enumerate(apart) if traces and other != number]
            (again,) = traced(field.without(np.concatenate(taken)), [gap])
            apart[number] = distinct([*apart[number], *again], _KEPT)
    return apart


def _from_both_ends(
    field: FreeDensity,
    gaps: Sequence[Gap],
    steps: tuple[Steps, Steps],
    beside: Beside | None,
    poll: Callable[[], None],
    threads: int,
) -> list[list[Trace]]:
    """Traces of each gap, whatever becomes of the others."""

    def search(way: Gap, ask: Callable[[], None]) -> list[Trace]:
        traces = trace_gap(field, way, steps[way.backwards], beside, ask)
        return [trace.reversed for trace in traces] if way.backwards else traces

    begun = [(number, one) for number, gap in enumerate(gaps) if gap.length <= _LONGEST for one in _beginnings(gap)]
    each = searched(search, [way for _, one in begun for way in (one, one.reversed)], threads, poll)
    found: list[list[Trace]] = [[] for _ in gaps]
    for (number, _), there, back in zip(begun, each[::2], each[1::2], strict=True):
        found[number] = _merged(found[number], _merged(there, back))
    return found


def _beginnings(gap: Gap) -> list[Gap]:
    """The gap, and if it is long and only one of its ends is known, the same with that end a little elsewhere."""
    rng = np.random.default_rng(0)
    if gap.length <= _FORGETS or (len(gap.before) and len(gap.after)):
        return [gap]

    def moved(ca: Array) -> Array:
        return np.asarray(ca + _UNSURE * rng.standard_normal(ca.shape))

    others = (replace(gap, before=moved(gap.before), after=moved(gap.after)) for _ in range(_BEGINNINGS - 1))
    return [gap, *others]


def _merged(one: list[Trace], other: list[Trace]) -> list[Trace]:
    return distinct(sorted([*one, *other], key=lambda trace: -trace.score), _KEPT)


def _along(ca: Array) -> Array:
    """Points that stand for the backbone of a trace, as dense as its atoms."""
    step = np.diff(ca, axis=0)
    parts = np.arange(0.0, 1.0, 1.3 / BOND)
    return np.concatenate([(ca[:-1, None] + parts[:, None] * step[:, None]).reshape(-1, 3), ca[-1:]])


def _collide(one: Trace, other: Trace) -> bool:
    distance, _ = cKDTree(one.ca).query(other.ca, distance_upper_bound=_COLLIDE)
    return bool(np.isfinite(distance).any())


def _apart(found: list[list[Trace]]) -> list[list[Trace]]:
    """Traces that do not run through the best ones of other gaps; the gap that would lose most has the first choice."""
    chosen: dict[int, Trace] = {}
    left = {number for number, traces in enumerate(found) if traces}
    while left:
        free = {
            number: [t for t in found[number] if not any(_collide(t, other) for other in chosen.values())]
            for number in left
        }
        number = max(left, key=lambda one: (_loss(one, free, found), -one))
        chosen[number] = (free[number] or found[number])[0]
        left.remove(number)
    out: list[list[Trace]] = []
    for number, traces in enumerate(found):
        others = [trace for other, trace in chosen.items() if other != number]
        first = [chosen[number]] if number in chosen else []
        rest = [
            t for t in traces if all(t is not one for one in first) and not any(_collide(t, other) for other in others)
        ]
        out.append(first + rest)
    return out


def _loss(number: int, free: dict[int, list[Trace]], found: list[list[Trace]]) -> float:
    """Nats that a gap loses at most if the others choose before it."""
    own = free[number]
    if not own:
        return -np.inf
    rivals = [traces[0] for other, traces in free.items() if other != number and traces]
    spared = [t.score for t in own if not any(_collide(t, rival) for rival in rivals)]
    worst = min(t.score for t in found[number])
    return own[0].score - max(spared, default=worst - 1.0)
