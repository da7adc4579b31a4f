"""One gap traced through a tube of density."""

from __future__ import annotations

import numpy as np
import pytest

from adp3d.tracing.field import FreeDensity
from adp3d.tracing.search import Gap, Trace, distinct, trace_gap
from adp3d.tracing.steps import BOND, load_steps

GAP = slice(40, 58)


@pytest.fixture(scope="module")
def free(backbone, left_by):
    known = np.ones(len(backbone), bool)
    known[GAP] = False
    return left_by(known)


@pytest.fixture(scope="module")
def gap(backbone):
    ca = backbone[:, 1]
    return Gap(GAP.stop - GAP.start, ca[GAP.start - 3 : GAP.start], ca[GAP.stop : GAP.stop + 3])


def rmsd(trace, true):
    return float(np.sqrt(np.square(trace - true).sum(-1).mean()))


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_chain_is_found_in_its_density(backbone, free, gap, closed, backwards):
    true = backbone[GAP, 1]
    wanted = gap.reversed if backwards else gap
    if not closed:
        wanted = Gap(wanted.length, wanted.before, wanted.after[:0])
    found = trace_gap(free, wanted, load_steps(backwards))
    ordered = [trace.reversed.ca if backwards else trace.ca for trace in found]
    assert min(rmsd(ca, true) for ca in ordered[:3]) < 1.2
    assert [trace.score for trace in found] == sorted((trace.score for trace in found), reverse=True)
    for trace in found:
        whole = np.concatenate([wanted.before, trace.ca])
        np.testing.assert_allclose(np.linalg.norm(np.diff(whole[2:], axis=0), axis=-1), BOND)
        assert not closed or abs(np.linalg.norm(trace.ca[-1] - wanted.after[0]) - BOND) < 0.5
    assert all(rmsd(a.ca, b.ca) > 1.0 for i, a in enumerate(found) for b in found[:i])


def test_nothing_is_traced_without_a_beginning_or_between_ends_that_are_too_far_apart(free, gap):
    steps = load_steps()
    assert trace_gap(free, Gap(gap.length, gap.before[1:], gap.after), steps) == []
    assert trace_gap(free, Gap(2, gap.before, gap.before[-1:] + 30.0), steps) == []
    assert trace_gap(free, Gap(0, gap.before, gap.after), steps) == []


def test_without_density_the_likeliest_steps_are_taken(gap):
    empty = FreeDensity(np.full((4, 4, 4), -2.5, np.float32), np.full(3, 1e4), 1.0)
    steps = load_steps()
    best = trace_gap(empty, Gap(8, gap.before, gap.after[:0]), steps)[0].ca
    rise = np.linalg.norm(best[3:] - best[:-3], axis=-1)
    np.testing.assert_allclose(rise[1:], 5.1, atol=0.8)  # i to i + 3 in a helix


def test_who_listens_may_stop(free, gap):
    def stop():
        raise InterruptedError

    with pytest.raises(InterruptedError):
        trace_gap(free, gap, load_steps(), stop)


def test_equal_traces_are_one():
    line = np.arange(12.0).reshape(4, 3)
    traces = [Trace(3.0, line), Trace(2.0, line + 0.1), Trace(1.0, line + 5.0), Trace(0.0, line - 5.0)]
    assert [trace.score for trace in distinct(traces, 2)] == [3.0, 1.0]
