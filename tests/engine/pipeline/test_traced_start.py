"""Structures to begin building from."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
import pytest
import torch

from adp3d.contract.specification import RefineSpec
from adp3d.ensemble.recombination import missing_segments
from adp3d.job.events import NullEvents
from adp3d.measurement.density import load_density
from adp3d.measurement.map_evidence import load_map_evidence
from adp3d.measurement.whole_map import MapFiles
from adp3d.pipeline import traced_start
from adp3d.pipeline.problem import load_problem
from adp3d.pipeline.sequence_check import SequenceCheck
from adp3d.pipeline.traced_start import traced_starts
from adp3d.restraints.shells import Shells

NO_OTHERS = [[]]
NO_SHELLS = Shells.none()


@pytest.fixture(scope="module")
def case(small):
    """Structure (44, 4, 3), what is known of it, the gap, what the map says of types, and what nothing explains."""
    spec = RefineSpec(
        output="none", map=str(small.map), model=str(small.model), sequence=small.sequence, device="cpu",
        prior="gaussian", resolution=1.75,
    )  # fmt: skip
    problem = load_problem(spec, NullEvents())
    scene = problem.scene(NullEvents())
    density = load_density(MapFiles(spec.map, None, spec.resolution), scene)
    known = problem.known_residues
    seen, x = load_map_evidence(density, scene, known), problem.start()
    check = SequenceCheck.of(seen.whole, problem.polymer, x[:, 1], known)
    shown = seen.explained_by(problem.target.xyz[problem.target.known])
    return x, known, missing_segments(known, problem.polymer.chain_index), check, shown


def test_a_gap_begins_on_traces_near_the_truth_and_all_else_as_it_is(small, case):
    x, known, gaps, check, shown = case
    starts = traced_starts(x, known, gaps, check, shown, NO_SHELLS, 3, [], NO_OTHERS, lambda: None)
    assert starts.shape == (3, *x.shape) and torch.isfinite(starts).all()
    assert torch.equal(starts[:, known], x[known].expand(3, -1, -1, -1))
    assert not torch.equal(starts[0], starts[1])
    (chain,) = gemmi.read_structure(str(small.deposited))[0]
    true = np.array([chain[str(n)][0].sole_atom("CA").pos.tolist() for n in small.missing])
    error = np.sqrt(np.square(starts[:, gaps[0], 1].double().numpy() - true).sum(-1).mean(-1))
    assert error.min() < 1.5
    bonds = torch.linalg.vector_norm(starts[:, gaps[0], 2] - starts[:, gaps[0], 1], dim=-1)
    assert float((bonds - 1.5).abs().median()) < 0.15
    again = traced_starts(x, known, gaps, check, shown, NO_SHELLS, 3, [], NO_OTHERS, lambda: None)
    assert torch.equal(again, starts)


def test_traces_that_were_tried_give_way_to_others(case):
    x, known, gaps, check, shown = case
    first = traced_starts(x, known, gaps, check, shown, NO_SHELLS, 2, [], NO_OTHERS, lambda: None)
    second = traced_starts(x, known, gaps, check, shown, NO_SHELLS, 2, [first], NO_OTHERS, lambda: None)
    apart = [float((a[gaps[0], 1] - b[gaps[0], 1]).square().sum(-1).mean().sqrt()) for a in first for b in second]
    assert min(apart) > 0.9  # 1 A between traces; backbones on them are a little smoother
    everything = [traced_starts(x, known, gaps, check, shown, NO_SHELLS, 40, [], NO_OTHERS, lambda: None)]
    again = traced_starts(x, known, gaps, check, shown, NO_SHELLS, 2, everything, NO_OTHERS, lambda: None)
    assert torch.equal(again, first)


def test_gaps_without_known_neighbours_are_not_traced(case):
    x, known, gaps, check, shown = case
    apart = replace(check, chain_index=np.arange(len(known)) // 2)  # no three residues of a chain
    assert traced_starts(x, known, gaps, apart, shown, NO_SHELLS, 2, [], NO_OTHERS, lambda: None) is None
    assert traced_starts(x, ~known & False, gaps, check, shown, NO_SHELLS, 2, [], NO_OTHERS, lambda: None) is None


def test_shells_of_a_gap_are_counted_from_its_start(case, monkeypatch):
    x, known, gaps, check, shown = case
    (gap,) = gaps
    seen = []

    def nothing_found(field, joined, beside, poll, threads):
        seen.extend(joined)
        return [[]]

    monkeypatch.setattr(traced_start, "trace_gaps", nothing_found)
    rows = np.array([gap.start + 2, gap.stop, gap.start])
    shells = Shells(rows, np.zeros((3, 3)), np.zeros(3), np.arange(3.0), np.ones(3))
    traced_starts(x, known, gaps, check, shown, shells, 1, [], NO_OTHERS, lambda: None)
    assert seen[0].shells.residue.tolist() == [2, 0] and seen[0].shells.upper.tolist() == [0.0, 2.0]


def test_traces_begin_at_the_known_residues_of_their_own_chain():
    ca = np.arange(30.0).reshape(10, 3)
    found = np.array([1, 1, 0, 1, 0, 0, 1, 1, 1, 1], bool)
    gap = traced_start._gap(ca, found, slice(4, 6), np.array([0] * 8 + [1] * 2))
    np.testing.assert_array_equal(gap.before, ca[[3]])
    np.testing.assert_array_equal(gap.after, ca[[6, 7]])
    assert gap.length == 2


def test_a_gap_begins_as_other_chains_have_it_and_on_traces(case):
    x, known, gaps, check, shown = case
    (gap,) = gaps
    n = gap.stop - gap.start
    (on_trace,) = traced_starts(x, known, gaps, check, shown, NO_SHELLS, 1, [], NO_OTHERS, lambda: None)
    one = x[gap].double().numpy() + np.array([6.0, 0.0, 0.0])
    other, same = one + np.array([0.0, 6.0, 0.0]), one + 0.1
    starts = traced_starts(
        x, known, gaps, check, shown, NO_SHELLS, 4, [], [[one, same, other, one - 9.0]], lambda: None
    )
    np.testing.assert_allclose(starts[0, gap], one, atol=1e-4)
    np.testing.assert_allclose(starts[1, gap], other, atol=1e-4)
    assert torch.equal(starts[2, gap], on_trace[gap]) and not torch.equal(starts[3, gap], on_trace[gap])
    later = traced_starts(x, known, gaps, check, shown, NO_SHELLS, 2, [starts], [[one, same]], lambda: None)
    assert not torch.equal(later[0, gap], starts[0, gap]), "what was tried gives way"
    apart = replace(check, chain_index=np.arange(len(known)) // 2)
    alone = traced_starts(x, known, gaps, apart, shown, NO_SHELLS, 2, [], [[one]], lambda: None)
    np.testing.assert_allclose(alone[:, gap], np.broadcast_to(one, (2, n, 4, 3)), atol=1e-4)
