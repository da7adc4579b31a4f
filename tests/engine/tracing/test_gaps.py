"""All gaps of a chain together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from adp3d.tracing.gaps import _apart, _beginnings, trace_gaps
from adp3d.tracing.search import Gap, Trace, trace_gap
from adp3d.tracing.steps import load_steps

GAPS = (slice(20, 30), slice(40, 52), slice(90, 97), slice(164, 172))


@pytest.fixture(scope="module")
def known(backbone):
    out = np.ones(len(backbone), bool)
    for gap in GAPS:
        out[gap] = False
    return out


def gap_of(ca, where):
    return Gap(where.stop - where.start, ca[max(where.start - 3, 0) : where.start], ca[where.stop : where.stop + 3])


def test_gaps_and_the_end_of_a_chain_are_found_at_once(backbone, left_by, known):
    ca = backbone[:, 1]
    field = left_by(known)
    found = trace_gaps(field, [gap_of(ca, where) for where in GAPS])
    for where, traces in zip(GAPS, found, strict=True):
        assert min(np.sqrt(np.square(t.ca - ca[where]).sum(-1).mean()) for t in traces[:6]) < 1.3, where
    best = [traces[0].ca for traces in found]
    for i, one in enumerate(best):
        assert all(cdist(one, other).min() > 3.0 for other in best[:i])


def test_several_threads_find_the_same(backbone, left_by, known):
    field = left_by(known)
    gaps = [gap_of(backbone[:, 1], where) for where in GAPS[::2]]
    one, four = trace_gaps(field, gaps), trace_gaps(field, gaps, threads=4)
    assert [[t.score for t in traces] for traces in one] == [[t.score for t in traces] for traces in four]
    assert all(np.array_equal(t.ca, u.ca) for a, b in zip(one, four, strict=True) for t, u in zip(a, b, strict=True))


def test_an_end_of_a_chain_is_searched_from_several_beginnings(backbone, left_by):
    ca = backbone[:, 1]
    known = np.arange(len(ca)) < 156
    field, end = left_by(known), slice(156, 172)
    gap = gap_of(ca, end)
    assert len(gap.before) == 3 and len(gap.after) == 0
    moved = replace(gap, before=gap.before + np.random.default_rng(3).normal(0.0, 0.2, (3, 3)))
    once, (found,) = trace_gap(field, moved, load_steps()), trace_gaps(field, [moved])
    assert found[0].score >= once[0].score and [len(_beginnings(one)) for one in (gap, gap_of(ca, GAPS[1]))] == [4, 1]
    assert len(_beginnings(gap_of(ca, GAPS[3]))) == 1, "a short one"
    assert found[0].score == trace_gaps(field, [moved])[0][0].score
    right = np.sqrt(np.square(found[0].ca - ca[end]).sum(-1).mean())
    assert right < 2.0


def test_the_gap_that_would_lose_most_chooses_first():
    here, there, aside = (np.arange(5.0)[:, None] * [3.8, 0.0, 0.0] + [0.0, y, 0.0] for y in (0.0, 8.0, 16.0))
    eager = [Trace(5.0, here), Trace(4.0, there + 1.0), Trace(3.0, there)]
    bound = [Trace(1.0, here + 0.5), Trace(-9.0, aside)]
    third = [Trace(0.0, there), Trace(-1.0, aside + 20.0)]
    first, second, last, none = _apart([eager, bound, third, []])
    # the second one has nothing else as good; what is left to the first is good enough, and then the third gives way
    assert [trace.score for trace in second] == [1.0, -9.0]
    assert [trace.score for trace in first] == [4.0, 3.0] and [trace.score for trace in last] == [-1.0]
    assert none == []


def test_what_no_place_is_left_for_keeps_its_best():
    line = np.arange(5.0)[:, None] * [3.8, 0.0, 0.0]
    assert [traces[0].score for traces in _apart([[Trace(2.0, line)], [Trace(1.0, line + 0.1)]])] == [2.0, 1.0]


def test_what_cannot_be_traced_is_left_out(backbone, left_by):
    ca = backbone[:, 1]
    field = left_by(np.ones(len(ca), bool))
    whole = Gap(100, ca[:3], ca[103:106])
    nowhere = Gap(5, ca[:0], ca[:0])
    assert trace_gaps(field, [whole, nowhere]) == [[], []]
    assert trace_gaps(field, []) == []
