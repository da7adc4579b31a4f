"""One gap traced through a tube of density."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from atom14_model import demo_atom14

from adp3d.restraints.shells import Shells
from adp3d.tracing.ahead import nats_ahead
from adp3d.tracing.field import FreeDensity
from adp3d.tracing.search import Gap, Trace, distinct, trace_gap
from adp3d.tracing.sequence_fit import load_side_chain_density, residue_fit
from adp3d.tracing.steps import BOND, STRETCH, load_steps

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
        trace_gap(free, gap, load_steps(), poll=stop)


def test_equal_traces_are_one():
    line = np.arange(12.0).reshape(4, 3)
    traces = [Trace(3.0, line), Trace(2.0, line + 0.1), Trace(1.0, line + 5.0), Trace(0.0, line - 5.0)]
    assert [trace.score for trace in distinct(traces, 2)] == [3.0, 1.0]


@pytest.mark.parametrize("backwards", [False, True])
def test_side_chains_beside_a_trace_count_once_for_each_residue(free, gap, backwards):
    wanted = replace(gap, types=np.arange(18))
    wanted = wanted.reversed if backwards else wanted
    plain = trace_gap(free, wanted, load_steps(backwards))
    counted = trace_gap(free, wanted, load_steps(backwards), lambda before, ca, after, kind: np.full(len(ca), kind))
    assert [one.score for one in counted] == pytest.approx([one.score + 17 * 18 / 2 for one in plain])
    np.testing.assert_array_equal(counted[0].ca, plain[0].ca)


@pytest.mark.parametrize("backwards", [False, True])
def test_the_right_types_speak_for_the_right_course(backbone, free, gap, backwards):
    true, types = backbone[GAP, 1], demo_atom14()[1].numpy()
    statistics = load_side_chain_density(2.0)

    def beside(before, ca, after, kind):
        return residue_fit(free, (before, ca, after), np.full(len(ca), kind), statistics)

    def lead(kinds):
        wanted = replace(gap, types=kinds)
        found = trace_gap(free, wanted.reversed if backwards else wanted, load_steps(backwards), beside)
        ordered = [trace.reversed if backwards else trace for trace in found]
        right, others = ([t.score for t in ordered if (rmsd(t.ca, true) < 1.5) == near] for near in (True, False))
        return max(right) - max(others)

    assert lead(types[GAP]) > lead(np.zeros(0, np.int64)) + 2.0


def shells_to(ca, residues, centres, sigma):
    """Distances of some residues of a trace (n, 3) to known points."""
    radius = np.linalg.norm(ca[residues] - centres, axis=-1)
    return Shells(np.array(residues), centres, radius, radius, np.full(len(residues), sigma))


@pytest.mark.parametrize("backwards", [False, True])
def test_distances_count_once_for_each_residue(backbone, free, gap, backwards):
    """Whatever is said ahead of time: a trace's score is that without distances, and what they say of it."""
    shells = shells_to(backbone[GAP, 1] + 3.0, [0, 9, 9, 17], backbone[[5, 10, 70, 80], 1], 2.0)
    wanted = replace(gap, shells=shells)
    wanted = wanted.reversed if backwards else wanted
    plain = trace_gap(free, replace(wanted, shells=Shells.none()), load_steps(backwards))
    common = []
    for trace in trace_gap(free, wanted, load_steps(backwards)):
        said = sum(
            float(nats_ahead(shells.within(slice(i, i + 1)), 0, ca[None])[0])
            for i, ca in enumerate(trace.reversed.ca if backwards else trace.ca)
        )
        common += [(trace.score, one.score + said, said) for one in plain if np.allclose(one.ca, trace.ca)]
    assert len(common) >= 2  # the others differ, as distances lead elsewhere
    scores, expected, distances = np.array(common).T
    np.testing.assert_allclose(scores, expected)
    assert distances.max() < -1.0


@pytest.mark.parametrize("backwards", [False, True])
def test_distances_tell_the_course_where_there_is_no_density(backbone, gap, backwards):
    empty = FreeDensity(np.full((4, 4, 4), -2.5, np.float32), np.full(3, 1e4), 1.0)
    true = backbone[GAP, 1]
    open_end = Gap(gap.length, gap.before, gap.after[:0])
    open_end = Gap(gap.length, gap.after[::-1], gap.before[:0], backwards=True) if backwards else open_end
    residues = [i for i in range(18) for _ in range(4)]
    ordered = true[::-1] if backwards else true
    shells = shells_to(ordered, residues, np.tile(backbone[[3, 30, 65, 90], 1], (18, 1)), 0.5)
    blind = trace_gap(empty, open_end, load_steps(backwards))[0].ca
    told = trace_gap(empty, replace(open_end, shells=shells), load_steps(backwards))[0].ca
    assert rmsd(told, ordered) < 2.5 < rmsd(blind, ordered)


def test_a_distance_of_the_last_residue_leads_the_first_ones(gap):
    """Far away, where a chain that sets out in another direction does not come in time."""
    empty = FreeDensity(np.full((4, 4, 4), -2.5, np.float32), np.full(3, 1e4), 1.0)
    length, steps = 14, load_steps()
    start = Gap(length, gap.before, gap.after[:0])
    rng = np.random.default_rng(1)
    for _ in range(3):
        way = rng.normal(size=3)
        there = gap.before[-1] + 0.8 * length * BOND * STRETCH * way / np.linalg.norm(way)
        shells = Shells(np.array([length - 1]), there[None], np.zeros(1), np.full(1, 1.0), np.full(1, 0.5))
        led = trace_gap(empty, replace(start, shells=shells), steps)[0].ca
        assert np.linalg.norm(led[-1] - there) < 2.5
        assert (led[4] - gap.before[-1]) @ way > 0
