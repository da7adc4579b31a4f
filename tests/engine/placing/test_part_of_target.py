from __future__ import annotations

import gemmi
import numpy as np
import pytest

from adp3d.placing.part_of_target import part_of_target, without_residues
from adp3d.placing.target import build_target
from adp3d.placing.write import result_structure
from adp3d.structure.sequences import NamedSequence
from adp3d.validation.torsions import linked_residues

SKIP = (0, 1, 2, 3, 30, 31, 32, 33, 76, 77, 78, 79)
GONE = np.array([0, 1, 2, 31, 32, 77, 78, 79])


@pytest.fixture
def given(make):
    structure = make.build([make.Part("A", make.SEQUENCE, start=101, skip=SKIP)])
    return structure, build_target(structure, [NamedSequence("s", make.SEQUENCE)])


def test_the_rest_is_not_bonded_across_what_is_gone(given):
    _, target = given
    part = without_residues(target, GONE)
    stays = np.setdiff1d(np.arange(80), GONE)
    assert part.n_residues == 72 and [label[1] for label in part.labels] == [101 + row for row in stays]
    assert np.flatnonzero(~linked_residues(part.polymer)).tolist() == [27]
    assert part.left_out.tolist() == [2 if i == 28 else 0 for i in range(72)]
    assert (part.polymer.residue_index == stays - stays[0]).all()
    np.testing.assert_array_equal(part.known, target.known[stays])
    assert part.unbuilt.before[0] == target.names[:3] and part.unbuilt.before[28] == target.names[31:33]
    assert part.unbuilt.behind == {"A": target.names[77:]}


def test_records_of_the_result_name_what_it_has_no_atoms_of(given, make):
    structure, target = given
    part = without_residues(target, GONE)
    made = result_structure(structure, part, np.nan_to_num(part.xyz), np.full(72, 50.0))
    (entity,) = made.entities
    assert gemmi.one_letter_code(entity.full_sequence) == make.SEQUENCE
    stays = np.setdiff1d(np.arange(80), GONE)
    assert [residue.label_seq for residue in made[0]["A"]] == (stays + 1).tolist()
    assert [residue.seqid.num for residue in made[0]["A"]] == (stays + 101).tolist()


def test_the_result_is_read_as_the_same_chain_with_gaps(given, make):
    structure, target = given
    part = without_residues(target, GONE)
    whole = build_target(make.build([make.Part("A", make.SEQUENCE, start=101)]), None)
    made = result_structure(structure, part, np.delete(whole.xyz, GONE, 0), np.full(72, 50.0))
    document = made.make_mmcif_document()
    again = build_target(gemmi.make_structure_from_block(document.sole_block()), None)
    assert again.polymer.sequence == make.SEQUENCE and again.labels == target.labels
    assert np.flatnonzero(~again.known[:, 1]).tolist() == GONE.tolist()


def test_only_what_the_model_lacks_can_go(given):
    _, target = given
    with pytest.raises(ValueError, match="are not left out"):
        without_residues(target, np.array([3, 4]))
    with pytest.raises(ValueError, match="already"):
        without_residues(part_of_target(target, np.arange(4, 80)), np.array([27]))


def test_several_chains_keep_their_own(make):
    parts = [make.Part(c, make.SEQUENCE, shift=(40.0 * i, 0, 0), skip=(78, 79)) for i, c in enumerate("AB")]
    structure = make.build(parts)
    target = build_target(structure, [NamedSequence("s", make.SEQUENCE)])
    part = without_residues(target, np.array([158, 159]))
    assert part.unbuilt.behind == {"B": target.names[158:]} and not any(part.unbuilt.before)
    made = result_structure(structure, part, np.nan_to_num(part.xyz), np.full(158, 50.0))
    assert [len(chain) for chain in made[0]] == [80, 78]
    assert all(gemmi.one_letter_code(e.full_sequence) == make.SEQUENCE for e in made.entities)
    assert {chain[0].entity_id for chain in made[0]} == {made.entities[0].name}, "one sequence is one entity"
