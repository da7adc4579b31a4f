from __future__ import annotations

import pytest

from adp3d.contract.errors import InputError
from adp3d.placing.assignment import assign_chains
from adp3d.structure.observed import observe_chains
from adp3d.structure.sequences import NamedSequence


def assign(make, parts, sequences):
    return assign_chains(observe_chains(make.build(parts)), sequences)


def members(assignment):
    return [(c.sequence.name, [f.chain.chain_id for f in c.fragments]) for c in assignment.copies]


def test_each_chain_finds_its_sequence(make):
    parts = [
        make.Part("A", make.OTHER, shift=(40, 0, 0)),
        make.Part("B", make.SEQUENCE, skip=tuple(range(10, 30))),
        make.Part("C", make.OTHER, shift=(80, 0, 0), skip=(3, 4)),
    ]
    found = assign(make, parts, [NamedSequence("one", make.SEQUENCE), NamedSequence("two", make.OTHER)])
    assert members(found) == [("two", ["A"]), ("one", ["B"]), ("two", ["C"])]
    assert not found.unplaced and not found.notes


def test_many_sequences_are_screened_by_words(make):
    decoys = [NamedSequence(f"d{i}", make.OTHER[i:] + make.OTHER[:i]) for i in range(1, 8)]
    found = assign(make, [make.Part("A", make.SEQUENCE)], [*decoys, NamedSequence("one", make.SEQUENCE)])
    assert members(found) == [("one", ["A"])]


def test_fragments_in_several_chains_join_one_copy(make):
    parts = [
        make.Part("Aa", make.SEQUENCE, 40, 79, start=1),
        make.Part("Ab", make.SEQUENCE, 0, 14, start=1),
        make.Part("Ac", make.SEQUENCE, 20, 34, start=1),
    ]
    found = assign(make, parts, [NamedSequence("one", make.SEQUENCE)])
    assert members(found) == [("one", ["Aa", "Ab", "Ac"])]
    assert any("chain Ab were joined to chain Aa" in note for note in found.copies[0].notes)


def test_fragments_too_far_away_start_another_copy(make):
    parts = [make.Part("A", make.SEQUENCE, 30, 79), make.Part("B", make.SEQUENCE, 0, 24, shift=(0, 90, 0))]
    found = assign(make, parts, [NamedSequence("one", make.SEQUENCE)])
    assert members(found) == [("one", ["A"]), ("one", ["B"])]


def test_fragments_of_a_dimer_go_to_the_nearer_copy(make):
    far = (0.0, 45.0, 0.0)
    parts = [
        make.Part("A", make.SEQUENCE, 25, 79),
        make.Part("B", make.SEQUENCE, 25, 79, shift=far),
        make.Part("C", make.SEQUENCE, 0, 20, shift=far),
        make.Part("D", make.SEQUENCE, 0, 20),
    ]
    found = assign(make, parts, [NamedSequence("one", make.SEQUENCE)])
    assert members(found) == [("one", ["A", "D"]), ("one", ["B", "C"])]


def test_named_chains_are_copies_of_their_own(make):
    parts = [make.Part("A", make.SEQUENCE, 30, 79), make.Part("B", make.SEQUENCE, 0, 24)]
    found = assign(make, parts, [NamedSequence("one", make.SEQUENCE, ("A", "B", "C"))])
    assert members(found) == [("one", ["A"]), ("one", ["B"])]
    assert any("names chain C" in note for note in found.notes)


def test_names_that_contradict_the_residues_are_overruled(make):
    sequences = [NamedSequence("one", make.SEQUENCE, ("B",)), NamedSequence("two", make.OTHER, ("A",))]
    found = assign(make, [make.Part("A", make.SEQUENCE), make.Part("B", make.OTHER, shift=(40, 0, 0))], sequences)
    assert members(found) == [("one", ["A"]), ("two", ["B"])]
    assert sum("is named by" in note for note in found.notes) == 2


def test_equal_sequences_count_once(make):
    parts = [make.Part("A", make.SEQUENCE), make.Part("B", make.SEQUENCE, shift=(40, 0, 0))]
    found = assign(make, parts, [NamedSequence("one", make.SEQUENCE), NamedSequence("copy", make.SEQUENCE)])
    assert members(found) == [("one", ["A"]), ("one", ["B"])]
    assert not found.notes


def test_overlapping_ends_are_resolved_for_the_larger_fragment(make):
    parts = [make.Part("A", make.SEQUENCE, 30, 79), make.Part("B", make.SEQUENCE, 0, 32, shift=(3, 3, 3))]
    found = assign(make, parts, [NamedSequence("one", make.SEQUENCE)])
    (copy,) = found.copies
    assert [f.alignment.placed for f in copy.fragments] == [50, 30]
    assert sum(len(rows) for _, rows in copy.superseded) == 3
    assert any("3 of 33 residues of chain B" in note and "given up" in note for note in copy.notes)


def test_duplicates_in_one_place_are_given_up(make):
    parts = [make.Part("A", make.SEQUENCE), make.Part("B", make.SEQUENCE, 20, 50, shift=(0.5, 0, 0))]
    found = assign(make, parts, [NamedSequence("one", make.SEQUENCE)])
    assert members(found) == [("one", ["A"])]
    assert len(found.copies[0].superseded[0][1]) == 31


def test_parts_out_of_order_are_put_in_order(make):
    parts = [make.Part("A", make.SEQUENCE, 50, 79, start=1), make.Part("A", make.SEQUENCE, 0, 39, start=201)]
    found = assign(make, parts, [NamedSequence("one", make.SEQUENCE)])
    (copy,) = found.copies
    assert sorted(f.alignment.positions.tolist()[0] for f in copy.fragments) == [0, 50]
    assert copy.occupied()[0].tolist() == [*range(40), *range(50, 80)]


def test_two_proteins_in_one_chain(make):
    parts = [make.Part("A", make.SEQUENCE), make.Part("A", make.OTHER, start=201, shift=(40, 0, 0))]
    found = assign(make, parts, [NamedSequence("one", make.SEQUENCE), NamedSequence("two", make.OTHER)])
    assert sorted(members(found)) == [("one", ["A"]), ("two", ["A"])]


def test_short_and_unrelated_parts_stay_unplaced(make):
    parts = [make.Part("A", make.SEQUENCE), make.Part("B", "WPCW", start=700, shift=(40, 0, 0))]
    found = assign(make, parts, [NamedSequence("one", make.SEQUENCE)])
    assert [part.chain_id for part in found.unplaced] == ["B"]


def test_half_wrong_types_are_still_placed(make):
    # As ModelAngelo without a sequence: half of the types wrong, numbers from 1.
    names = {i: "TRP" for i in range(20, 60, 2)}
    found = assign(
        make,
        [make.Part("A", make.SEQUENCE, 20, 59, start=1, names=names)],
        [NamedSequence("one", make.SEQUENCE)],
    )
    assert found.copies[0].fragments[0].alignment.positions.tolist() == list(range(20, 60))


def test_types_unknown_throughout_need_numbers_that_fit(make):
    names = {i: "UNK" for i in range(80)}
    found = assign(make, [make.Part("A", make.SEQUENCE, 20, 59, names=names)], [NamedSequence("one", make.SEQUENCE)])
    assert found.copies[0].fragments[0].alignment.positions.tolist() == list(range(20, 60))
    assert "residue numbers" in found.notes[0]
    with pytest.raises(InputError, match="matches"):
        assign(
            make,
            [make.Part("A", make.SEQUENCE, 20, 59, start=500, names=names)],
            [NamedSequence("one", make.SEQUENCE)],
        )


def test_nothing_matches(make):
    with pytest.raises(InputError, match="No chain of the model matches the sequence given"):
        assign(make, [make.Part("A", make.SEQUENCE)], [NamedSequence("two", make.OTHER)])
    with pytest.raises(InputError, match="sequences given"):
        assign(
            make,
            [make.Part("A", make.SEQUENCE)],
            [NamedSequence("t", make.OTHER), NamedSequence("u", "WWWWWW")],
        )


def test_sequences_without_a_chain_are_reported(make):
    found = assign(
        make,
        [make.Part("A", make.SEQUENCE)],
        [NamedSequence("one", make.SEQUENCE), NamedSequence("two", make.OTHER)],
    )
    assert found.notes == ("no chain of the job shows 'two', so it is not built",)


@pytest.mark.parametrize(
    "stray",
    [
        pytest.param({"sequence": "X" * 15, "stop": 14}, id="unknown types"),
        pytest.param({"sequence": "A" * 15, "stop": 14}, id="poly-alanine"),
        pytest.param({"stop": 1}, id="two residues"),
        pytest.param({"first": 10, "stop": 26}, id="a short helix"),
    ],
)
def test_too_little_never_becomes_a_second_copy(make, stray):
    sequence = stray.get("sequence", make.SEQUENCE)
    parts = [
        make.Part("A", make.SEQUENCE),
        make.Part(
            "X", sequence, stray.get("first", 0), stray["stop"], start=1 + stray.get("first", 0), shift=(0, 90, 0)
        ),
    ]
    found = assign(make, parts, [NamedSequence("one", make.SEQUENCE)])
    assert members(found) == [("one", ["A"])]
    left = [chain.chain_id for chain, _ in found.undecided] + [chain.chain_id for chain in found.unplaced]
    assert left == ["X"]


def test_a_chain_that_the_sequence_names_is_a_copy_however_short(make):
    parts = [make.Part("A", make.SEQUENCE), make.Part("X", make.SEQUENCE, 10, 20, shift=(0, 90, 0))]
    found = assign(make, parts, [NamedSequence("one", make.SEQUENCE, ("A", "X"))])
    assert members(found) == [("one", ["A"]), ("one", ["X"])]


def test_the_first_copy_needs_no_more_evidence_than_before(make):
    found = assign(make, [make.Part("A", "X" * 40, 0, 39)], [NamedSequence("one", make.SEQUENCE)])
    assert members(found) == [("one", ["A"])]
