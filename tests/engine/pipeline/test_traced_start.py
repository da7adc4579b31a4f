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
    starts = traced_starts(x, known, gaps, check, shown, 3, [], lambda: None)
    assert starts.shape == (3, *x.shape) and torch.isfinite(starts).all()
    assert torch.equal(starts[:, known], x[known].expand(3, -1, -1, -1))
    assert not torch.equal(starts[0], starts[1])
    (chain,) = gemmi.read_structure(str(small.deposited))[0]
    true = np.array([chain[str(n)][0].sole_atom("CA").pos.tolist() for n in small.missing])
    error = np.sqrt(np.square(starts[:, gaps[0], 1].double().numpy() - true).sum(-1).mean(-1))
    assert error.min() < 1.5
    bonds = torch.linalg.vector_norm(starts[:, gaps[0], 2] - starts[:, gaps[0], 1], dim=-1)
    assert float((bonds - 1.5).abs().median()) < 0.15
    again = traced_starts(x, known, gaps, check, shown, 3, [], lambda: None)
    assert torch.equal(again, starts)


def test_traces_that_were_tried_give_way_to_others(case):
    x, known, gaps, check, shown = case
    first = traced_starts(x, known, gaps, check, shown, 2, [], lambda: None)
    second = traced_starts(x, known, gaps, check, shown, 2, [first], lambda: None)
    apart = [float((a[gaps[0], 1] - b[gaps[0], 1]).square().sum(-1).mean().sqrt()) for a in first for b in second]
    assert min(apart) > 0.9  # 1 A between traces; backbones on them are a little smoother
    everything = [traced_starts(x, known, gaps, check, shown, 40, [], lambda: None)]
    again = traced_starts(x, known, gaps, check, shown, 2, everything, lambda: None)
    assert torch.equal(again, first)


def test_gaps_without_known_neighbours_are_not_traced(case):
    x, known, gaps, check, shown = case
    apart = replace(check, chain_index=np.arange(len(known)) // 2)  # no three residues of a chain
    assert traced_starts(x, known, gaps, apart, shown, 2, [], lambda: None) is None
    assert traced_starts(x, ~known & False, gaps, check, shown, 2, [], lambda: None) is None


def test_traces_begin_at_the_known_residues_of_their_own_chain():
    ca = np.arange(30.0).reshape(10, 3)
    found = np.array([1, 1, 0, 1, 0, 0, 1, 1, 1, 1], bool)
    gap = traced_start._gap(ca, found, slice(4, 6), np.array([0] * 8 + [1] * 2))
    np.testing.assert_array_equal(gap.before, ca[[3]])
    np.testing.assert_array_equal(gap.after, ca[[6, 7]])
    assert gap.length == 2
