"""Chain breaks, from the distance that residues would have to span."""

from __future__ import annotations

from itertools import pairwise

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adp3d.placing.breaks import Break, find_breaks, positions_with_breaks, with_breaks_between
from adp3d.placing.target import build_target
from adp3d.structure.polymer import Polymer
from adp3d.validation.torsions import linked_residues


def trace(gaps):
    """CA positions along x, 3.8 A apart but for the given distances after some rows."""
    steps = np.full(12, 3.8)
    for row, distance in gaps.items():
        steps[row] = distance
    return np.stack([np.concatenate([[0], np.cumsum(steps)]), np.zeros(13), np.zeros(13)], -1)


ONE = np.zeros(13, np.int64)


def test_neighbours_too_far_apart_are_a_break():
    assert find_breaks(trace({4: 5.8}), ONE) == []
    assert find_breaks(trace({4: 23.0}), ONE) == [Break(4, 5, pytest.approx(23.0))]
    # another chain begins there: no break of either
    assert find_breaks(trace({4: 23.0}), np.repeat([0, 1], [5, 8])) == []


def test_missing_residues_break_a_chain_only_if_they_cannot_span():
    ca = trace({})
    ca[5:8] = np.nan
    ca[8:] += [4 * 3.9 + 2.0 - 4 * 3.8 - 0.1, 0, 0]
    assert find_breaks(ca, ONE) == []
    ca[8:] += [0.2, 0, 0]
    (found,) = find_breaks(ca, ONE)
    assert (found.before, found.after, found.between) == (4, 8, 3)
    # two of the three go with the near side
    assert found.at == 7


def test_positions_jump_by_what_the_distance_needs():
    breaks = find_breaks(trace({4: 23.0}), ONE)
    assert positions_with_breaks(breaks, ONE).tolist() == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 17]
    two = np.repeat([0, 1], [5, 8])
    assert positions_with_breaks([], two).tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6, 7]
    polymer = Polymer("A" * 13, ONE, positions_with_breaks(breaks, ONE), ("A",))
    assert polymer.segment_lengths == (5, 8)
    assert np.flatnonzero(~linked_residues(polymer)).tolist() == [4]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(3.0, 60.0), min_size=12, max_size=12), st.lists(st.booleans(), min_size=13, max_size=13))
def test_breaks_fall_exactly_where_residues_cannot_span(steps, shown):
    ca = trace(dict(enumerate(steps)))
    ca[~np.array(shown)] = np.nan
    breaks = find_breaks(ca, ONE)
    positions = positions_with_breaks(breaks, ONE)
    assert positions[0] == 0 and (np.diff(positions) >= 1).all()
    known = np.flatnonzero(shown)
    for a, b in pairwise(known):
        impossible = np.linalg.norm(ca[b] - ca[a]) > 3.9 * (b - a) + 2.0
        joined = positions[b] - positions[a] == b - a
        assert joined != impossible


def build(numbers, xs, sequence=None):
    structure, model, chain = gemmi.Structure(), gemmi.Model(1), gemmi.Chain("A")
    for number, x in zip(numbers, xs, strict=True):
        residue = gemmi.Residue()
        residue.name, residue.seqid = "LEU", gemmi.SeqId(number, " ")
        for name, shift in (("N", -1.2), ("CA", 0.0), ("C", 1.2), ("O", 1.4)):
            atom = gemmi.Atom()
            atom.name, atom.element = name, gemmi.Element(name[0])
            atom.pos, atom.occ = gemmi.Position(x + shift, 0.3 * (name == "O"), 0.0), 1.0
            residue.add_atom(atom)
        chain.add_residue(residue)
    model.add_chain(chain)
    structure.add_model(model)
    structure.setup_entities()
    return build_target(structure, sequence)


XS = [*np.arange(6) * 3.8, *(np.arange(6) * 3.8 + 42.0)]


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param(range(1, 13), id="renumbered"),
        pytest.param([*range(1, 7), *range(8, 14)], id="one missing number"),
        pytest.param([*range(1, 7), *range(900, 906)], id="number jump"),
    ],
)
def test_a_model_without_a_sequence_stays_broken(numbers):
    target = build(list(numbers), XS)
    assert target.n_residues == 12 and target.known.all()
    assert target.polymer.segment_lengths == (6, 6)
    (note,) = [note for note in target.report.chains[0].notes if "apart" in note]
    assert "23.0 A apart" in note and "the sequence would tell" in note


def test_numbers_that_fit_the_distance_are_filled_as_before():
    target = build([*range(1, 7), *range(12, 18)], XS)
    assert target.n_residues == 17 and target.polymer.segment_lengths == (17,)


def test_residues_that_will_move_break_nothing():
    target = build(list(range(1, 13)), XS)
    firm = np.ones(12, bool)
    assert with_breaks_between(target, firm) is target
    firm[6:] = False
    assert with_breaks_between(target, firm).polymer.segment_lengths == (12,)


def test_ends_of_a_loop_that_are_near_but_not_bonded_are_a_break():
    # CA atoms 5 A apart, as after a hairpin was cut off: C and N have 2.6 A of bond too much
    xs = [*np.arange(6) * 3.8, *(np.arange(6) * 3.8 + 5 * 3.8 + 5.5)]
    target = build(list(range(1, 13)), xs)
    assert target.polymer.segment_lengths == (6, 6)
    assert any("stays broken" in note for note in target.report.chains[0].notes)
    firm = np.ones(12, bool)
    assert with_breaks_between(target, firm).polymer.segment_lengths == (6, 6)
    firm[6:] = False
    assert with_breaks_between(target, firm).polymer.segment_lengths == (12,)
    # a bond that is merely bad stays a bond
    assert build(list(range(1, 13)), [*xs[:6], *(np.array(xs[6:]) - 0.5)]).polymer.segment_lengths == (12,)
