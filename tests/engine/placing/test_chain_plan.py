from __future__ import annotations

import gemmi

from adp3d.placing.assignment import assign_chains
from adp3d.placing.chain_plan import LARGEST_NUMBER_GAP, plan_from_copy, plan_from_observation
from adp3d.structure.observed import observe_chains
from adp3d.structure.sequences import NamedSequence


def plan(make, parts, sequence):
    (copy,) = assign_chains(observe_chains(make.build(parts)), [NamedSequence("s", sequence)]).copies
    return plan_from_copy(copy, ())


def letters(found):
    return "".join(slot.letter for slot in found.slots)


def shown(found):
    return [i for i, slot in enumerate(found.slots) if slot.chain is not None]


def test_complete_sequence_in_order(make):
    found = plan(make, [make.Part("A", make.SEQUENCE, skip=tuple(range(5, 9)))], make.SEQUENCE)
    assert letters(found) == make.SEQUENCE
    assert shown(found) == [i for i in range(80) if not 5 <= i < 9]
    assert not found.rebuild and not found.superseded


def test_tag_and_insertion_are_kept_in_place(make):
    modelled = "GSHM" + make.SEQUENCE[:40] + "WWPWWCW" + make.SEQUENCE[40:] + "HHHHHH"
    found = plan(make, [make.Part("A", modelled)], make.SEQUENCE)
    assert letters(found) == modelled
    assert [slot.expected == "" for slot in found.slots].count(True) == 17


def test_deletion_in_a_bonded_chain_rebuilds_both_sides(make):
    found = plan(make, [make.Part("A", make.SEQUENCE[:30] + make.SEQUENCE[42:])], make.SEQUENCE)
    assert letters(found) == make.SEQUENCE
    assert found.rebuild == {29, 42}
    assert any("12 residues between them" in note for note in found.notes)


def test_a_chromophore_stands_for_three_letters(make):
    sequence = make.SEQUENCE[:30] + "TYG" + make.SEQUENCE[33:]
    modelled = sequence[:31] + sequence[33:]
    found = plan(make, [make.Part("A", modelled, names={30: "CRO"})], sequence)
    assert len(found.slots) == 78
    assert found.slots[30].name == "CRO"
    assert not found.rebuild
    assert any("stands for 3 letters" in note for note in found.notes)


def test_names_in_the_result(make):
    names = {0: "MSE", 3: "UNK", 5: "TRP", 6: "QQQ"}
    found = plan(make, [make.Part("A", make.SEQUENCE, names=names, skip=(9,))], make.SEQUENCE)
    assert [found.slots[i].name for i in (0, 3, 5, 6, 9)] == ["MSE", "ALA", "ILE", "QQQ", "ARG"]


def test_unknown_letters_take_the_type_of_the_model(make):
    sequence = "X" * 3 + make.SEQUENCE[3:]
    found = plan(make, [make.Part("A", make.SEQUENCE, skip=(0,))], sequence)
    assert letters(found) == "X" + make.SEQUENCE[1:]
    assert found.slots[0].name == "UNK"


def test_numbers_of_joined_fragments_are_kept_where_they_fit(make):
    main = make.Part("A", make.SEQUENCE, 40, 79)
    fits = plan(make, [main, make.Part("B", make.SEQUENCE, 5, 34)], make.SEQUENCE).given_numbers()
    assert fits[5:35] == [(i + 1, "") for i in range(5, 35)]
    clashes = plan(make, [main, make.Part("B", make.SEQUENCE, 5, 34, start=60)], make.SEQUENCE).given_numbers()
    assert clashes[5:35] == [None] * 30
    assert clashes[40:] == [(i + 1, "") for i in range(40, 80)]


def test_chains_made_of_many_fragments_are_numbered_by_the_sequence(make):
    starts = {0: "Aa", 22: "Ab", 44: "Ac", 66: "Ad"}
    parts = [make.Part(name, make.SEQUENCE, i, min(i + 19, 79), start=1) for i, name in starts.items()]
    assert plan(make, parts, make.SEQUENCE).given_numbers() == [None] * 80


def test_without_a_sequence_numbering_gaps_are_filled(make):
    (chain,) = observe_chains(make.build([make.Part("A", make.SEQUENCE, 10, 40, skip=(20, 21, 22))]))
    found = plan_from_observation(chain)
    assert letters(found) == make.SEQUENCE[10:20] + "XXX" + make.SEQUENCE[23:41]
    assert found.slots[10].name == "UNK"
    assert "3 residues of unknown type" in found.notes[0]


def test_numbering_jumps_that_are_no_gaps(make):
    structure = make.build([make.Part("A", make.SEQUENCE, 0, 30, skip=(10,))])
    for residue in structure[0]["A"]:
        if residue.seqid.num > 11:
            residue.seqid.num += LARGEST_NUMBER_GAP
        if residue.seqid.num == 5:  # an insertion code next to a gap-free bond
            residue.seqid = gemmi.SeqId(4, "A")
    (chain,) = observe_chains(structure)
    found = plan_from_observation(chain)
    assert len(found.slots) == 30
    assert any("jumps" in note for note in found.notes)


def test_bonded_residues_with_a_numbering_jump_are_not_separated(make):
    structure = make.build([make.Part("A", make.SEQUENCE, 0, 20)])
    for residue in structure[0]["A"]:
        if residue.seqid.num > 11:
            residue.seqid.num += 7
    (chain,) = observe_chains(structure)
    assert len(plan_from_observation(chain).slots) == 21
