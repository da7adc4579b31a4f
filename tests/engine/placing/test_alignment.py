from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adp3d.placing.alignment import align_chain, chance_log10, comparable_codes
from adp3d.structure.observed import observe_chains


def observe(make, *parts):
    return observe_chains(make.build(list(parts)))[0]


def test_whole_chain(make):
    found = align_chain(observe(make, make.Part("A", make.SEQUENCE)), make.SEQUENCE)
    assert found.positions.tolist() == list(range(80))
    assert found.identity == 1.0 and found.log10_chance < -80


@settings(deadline=None, max_examples=12)
@given(
    missing=st.sets(st.integers(1, 78), max_size=40),
    start=st.sampled_from([1, 300, -20]),
    shuffled=st.booleans(),
)
def test_gaps_fall_at_breaks_whatever_the_numbers_say(make, missing, start, shuffled):
    structure = make.build([make.Part("A", make.SEQUENCE, start=start, skip=tuple(missing))])
    if shuffled:  # numbers that run on across gaps, as raw ModelAngelo fragments have
        for i, residue in enumerate(structure[0]["A"]):
            residue.seqid.num = start + i
    (chain,) = observe_chains(structure)
    expected = [i for i in range(80) if i not in missing]
    found = align_chain(chain, make.SEQUENCE).positions
    # A residue between two gaps may fit elsewhere when the numbers mislead; stretches of three cannot.
    runs = np.split(np.array(expected), np.flatnonzero(np.diff(expected) != 1) + 1)
    if shuffled and any(len(run) < 3 for run in runs):
        assert (np.diff(found[found >= 0]) > 0).all()
    else:
        assert found.tolist() == expected


def test_breaks_decide_between_equal_gap_places(make):
    # AAAA in the sequence, one alanine missing: types cannot tell which; the chain break does.
    sequence = "MKTWAAAAYIVKQR"
    for gone in range(4, 8):
        chain = observe(make, make.Part("A", sequence, skip=(gone,)))
        expected = [i for i in range(14) if i != gone]
        assert align_chain(chain, sequence, np.arange(13)).positions.tolist() == expected


def test_numbers_place_residues_without_types(make):
    names = {i: "UNK" for i in range(20, 40)}
    chain = observe(make, make.Part("A", make.SEQUENCE, skip=tuple(range(15, 22)), names=names))
    found = align_chain(chain, make.SEQUENCE)
    assert found.positions.tolist() == [i for i in range(80) if not 15 <= i < 22]
    assert found.typed == 80 - 7 - 18


def test_wrong_types_are_placed_as_mismatches(make):
    names = {i: "TRP" for i in range(10, 30, 2)}
    found = align_chain(observe(make, make.Part("A", make.SEQUENCE, names=names)), make.SEQUENCE)
    assert found.positions.tolist() == list(range(80))
    assert 0.85 < found.identity < 0.9


def test_residues_that_the_sequence_lacks_stay_off_it(make):
    tag = "GSHMHHHHHH"
    found = align_chain(observe(make, make.Part("A", tag + make.SEQUENCE)), make.SEQUENCE)
    assert found.positions.tolist() == [-1] * 10 + list(range(80))
    inserted = make.SEQUENCE[:40] + "WWPWWCW" + make.SEQUENCE[40:]
    found = align_chain(observe(make, make.Part("A", inserted)), make.SEQUENCE)
    assert found.positions.tolist() == [*range(40), *[-1] * 7, *range(40, 80)]


def test_a_deletion_within_a_bonded_chain(make):
    shorter = make.SEQUENCE[:30] + make.SEQUENCE[42:]
    found = align_chain(observe(make, make.Part("A", shorter)), make.SEQUENCE)
    assert found.positions.tolist() == [*range(30), *range(42, 80)]


def test_distance_forbids_gaps_that_are_too_short(make):
    # Two distant parts: 'GG' could follow at once or 23 residues later; only the latter spans the distance.
    sequence = "MKTAYIAKQRGGWISFVKSHFSRQLEERLGLIEGGWV"
    parts = (
        make.Part("A", sequence, 0, 9),
        make.Part("A", sequence[:35], 33, 34, start=11, shift=(0, 0, 30)),
    )
    found = align_chain(observe(make, *parts), sequence)
    assert found.positions[:10].tolist() == list(range(10))
    assert found.positions[10:].tolist() == [33, 34]


def test_stretches_out_of_order_are_taken_off(make):
    # The second half of the sequence comes first in the file, on its own.
    parts = (make.Part("A", make.SEQUENCE, 50, 79, start=1), make.Part("A", make.SEQUENCE, 0, 39, start=201))
    found = align_chain(observe(make, *parts), make.SEQUENCE)
    assert found.positions[30:].tolist() == list(range(40))
    assert (found.positions[:30] == -1).all()


def test_insertion_codes(make):
    structure = make.build([make.Part("A", make.SEQUENCE)])
    for i, residue in enumerate(structure[0]["A"]):
        if 20 <= i < 23:
            residue.seqid.num, residue.seqid.icode = 20, "ABC"[i - 20]
        elif i >= 23:
            residue.seqid.num = i - 2
    (chain,) = observe_chains(structure)
    assert chain.numbers[19:24] == ((20, ""), (20, "A"), (20, "B"), (20, "C"), (21, ""))
    assert align_chain(chain, make.SEQUENCE).positions.tolist() == list(range(80))


def test_poly_alanine_carries_no_evidence(make):
    names = {i: "ALA" for i in range(80)}
    chain = observe(make, make.Part("A", make.SEQUENCE, names=names))
    assert comparable_codes(chain) == "X" * 80
    found = align_chain(chain, make.SEQUENCE)
    assert found.positions.tolist() == list(range(80)) and found.typed == 0


def test_rare_types_compare_as_relatives(make):
    names = {5: "SEC"}
    chain = observe(make, make.Part("A", "MKTAYCAKQR", names=names))
    assert align_chain(chain, "MKTAYCAKQR").identity == 1.0
    assert align_chain(chain, "MKTAYUAKQR").identity == 1.0


def test_chain_longer_than_the_sequence(make):
    found = align_chain(observe(make, make.Part("A", make.SEQUENCE)), make.SEQUENCE[20:40])
    assert found.positions[20:40].tolist() == list(range(20))
    assert (found.positions[:20] == -1).all() and (found.positions[40:] == -1).all()


@pytest.mark.parametrize(("matches", "typed"), [(1, 1), (3, 8), (10, 10), (40, 300)])
def test_chance_is_a_binomial_tail(matches, typed):
    tail = sum(math.comb(typed, k) * 0.08**k * 0.92 ** (typed - k) for k in range(matches, typed + 1))
    assert chance_log10(matches, typed) == pytest.approx(math.log10(tail), abs=1e-9)


def test_chance_of_nothing():
    assert chance_log10(0, 10) == 0.0


def test_a_single_residue_between_two_breaks_stays_in_its_place(make):
    # the sequence lacks what is missing on either side of the residue at 40, and the numbers count on
    parts = [
        make.Part("A", make.SEQUENCE, 0, 29, start=1),
        make.Part("A", make.SEQUENCE, 40, 40, start=31),
        make.Part("A", make.SEQUENCE, 51, 79, start=32),
    ]
    (chain,) = observe_chains(make.build(parts))
    sequence = make.SEQUENCE[:30] + make.SEQUENCE[40] + make.SEQUENCE[51:]
    assert align_chain(chain, sequence).positions.tolist() == list(range(60))
    # with the whole sequence it is placed where it belongs, or not at all
    assert align_chain(chain, make.SEQUENCE).positions[31:].tolist() == list(range(51, 80))
