from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adp3d.contract.errors import InputError
from adp3d.placing.target import build_target
from adp3d.structure.residues import three_letter
from adp3d.structure.sequences import NamedSequence


def test_arrays_and_masks(make):
    gone = tuple(range(30, 40))
    structure = make.build([make.Part("A", make.SEQUENCE, start=101, skip=gone)])
    target = build_target(structure, [NamedSequence("one", make.SEQUENCE)])
    known = np.ones(80, bool)
    known[list(gone)] = False
    assert target.polymer.sequence == make.SEQUENCE and target.polymer.segment_lengths == (80,)
    assert target.known.all(axis=1).tolist() == known.tolist()
    assert np.isnan(target.xyz[~known]).all()
    assert target.xyz[known] == pytest.approx(make.helix(80)[known])
    assert (target.sigma == 0.3).all()
    assert target.labels == tuple(("A", 101 + i, "") for i in range(80))
    assert [source is None for source in target.sources] == (~known).tolist()
    assert target.n_residues == 80


def test_missing_zero_occupancy_and_uncertain_atoms_are_unknown(make):
    structure = make.build([make.Part("A", make.SEQUENCE, b_iso=90.0)])
    chain = structure[0]["A"]
    chain[3].remove_atom("O", "\0", make.atom("O", (0, 0, 0)).element)
    chain[5]["N"][0].occ = 0.0
    for atom in chain[7]:
        atom.b_iso = 20.0
    target = build_target(structure, None, "plddt")
    assert target.known[3].tolist() == [True, True, True, False]
    assert target.known[5].tolist() == [False, True, True, True]
    assert not target.known[7].any()
    assert np.isnan(target.xyz[~target.known]).all() and np.isfinite(target.xyz[target.known]).all()
    notes = "\n".join(target.report.notes)
    assert "1 backbone atoms with zero occupancy" in notes
    assert "4 backbone atoms with a pLDDT below 50" in notes
    assert target.report.chains[0].known == 78


def test_predictions_know_geometry_and_other_models_places(make):
    structure = make.build([make.Part("A", make.SEQUENCE, b_iso=90.0)])
    for atom in structure[0]["A"][7]:
        atom.b_iso = 20.0
    target = build_target(structure, None, "plddt")
    assert target.lddt is not None and np.isnan(target.lddt[7])
    assert target.lddt[8:] == pytest.approx(0.9)
    assert np.flatnonzero(~target.relative).tolist() == [7]
    assert not target.without_places().known.any() and np.array_equal(target.without_places().xyz[8:], target.xyz[8:])
    built = replace(target, known=np.ones_like(target.known))  # found in the map: its place is known
    assert np.flatnonzero(built.without_places().known.all(1)).tolist() == [7]
    other = build_target(structure, None, "bfactor")
    assert other.lddt is None and not other.relative.any() and other.without_places() is other


def test_recorded_sequence_is_used_and_positions_follow_the_file(make):
    # Repeats make positions ambiguous; the file's own positions decide.
    sequence = "MKTAYIAKQR" * 3
    structure = make.build([make.Part("A", sequence, 10, 19, start=1)])
    structure.entities[0].full_sequence = [r.name for r in make.build([make.Part("A", sequence)])[0]["A"]]
    for i, residue in enumerate(structure[0]["A"]):
        residue.label_seq = 11 + i
    target = build_target(structure, None)
    assert np.flatnonzero(target.known[:, 1]).tolist() == list(range(10, 20))
    assert target.labels[0] == ("A", -9, "") and target.labels[-1] == ("A", 20, "")
    assert target.report.chains[0].sequence_name == f"'entity {structure.entities[0].name}'"


def test_recorded_sequence_that_does_not_fit_is_left_aside(make):
    structure = make.build([make.Part("A", make.SEQUENCE, skip=(3,))])
    structure.entities[0].full_sequence = ["TRP"] * 90
    target = build_target(structure, None)
    assert target.polymer.sequence == make.SEQUENCE[:3] + "X" + make.SEQUENCE[4:]
    assert any("does not fit" in note for note in target.report.notes)


def test_several_chains_selection_and_order(make):
    parts = [make.Part("B", make.OTHER), make.Part("A", make.SEQUENCE, skip=(7,), shift=(40, 0, 0))]
    structure = make.build(parts)
    sequences = [NamedSequence("one", make.SEQUENCE), NamedSequence("two", make.OTHER)]
    target = build_target(structure, sequences)
    assert target.polymer.chain_ids == ("B", "A")
    assert target.polymer.segment_lengths == (len(make.OTHER), 80)
    only = build_target(structure, sequences, chains=["A"])
    assert only.polymer.chain_ids == ("A",) and only.n_residues == 80
    with pytest.raises(InputError, match="no protein chain 'Z'; its protein chains are B, A"):
        build_target(structure, sequences, chains=["A", "Z"])
    with pytest.raises(InputError, match="none was selected"):
        build_target(structure, sequences, chains=[])


def test_ligand_numbers_are_avoided(make):
    water = make.small("HOH", 81, (50, 0, 0), "O", "O", water=True)
    structure = make.build([make.Part("A", make.SEQUENCE)], {"A": [water]})
    target = build_target(structure, [NamedSequence("one", make.SEQUENCE + "GW")])
    assert target.labels[80:] == (("A", 81, "A"), ("A", 82, ""))


def test_joined_fragments_and_report(make):
    parts = [
        make.Part("Aa", make.SEQUENCE, 40, 79, names={45: "TRP", 50: "UNK"}),
        make.Part("Ab", make.SEQUENCE, 0, 30, start=1),
        make.Part("Ac", "WPCW", start=1, shift=(60, 0, 0)),
    ]
    target = build_target(make.build(parts), [NamedSequence("one", make.SEQUENCE)])
    (chain,) = target.report.chains
    assert chain.fragments == ("Aa", "Ab") and chain.chain_id == "Aa"
    assert (chain.observed, chain.matches, chain.untyped) == (71, 69, 1)
    assert chain.mismatches == ("Aa 46 TRP is V in the sequence",) or len(chain.mismatches) == 1
    assert chain.identity == pytest.approx(69 / 70)
    (segment,) = chain.unmodelled
    assert (segment.first, segment.last, segment.length, segment.start) == ("32", "40", 9, 31)
    text = "\n".join(target.report.lines())
    assert "71 of 80 residues" in text and "32 to 40 (9)" in text and "Left as it is: Ac 1 TRP" in text
    assert target.report.to_dict()["chains"][0]["unmodelled"][0]["length"] == 9
    assert target.names[45] != "TRP" and target.names[50] != "UNK"


def test_second_molecule_in_one_chain_gets_a_name(make):
    parts = [make.Part("A", make.SEQUENCE), make.Part("A", make.OTHER, start=201, shift=(40, 0, 0))]
    target = build_target(make.build(parts), [NamedSequence("one", make.SEQUENCE), NamedSequence("two", make.OTHER)])
    assert sorted(target.polymer.chain_ids) == ["A", "B"]
    assert any("became chain B" in note for chain in target.report.chains for note in chain.notes)


def test_impossible_distances_are_reported(make):
    parts = [make.Part("A", make.SEQUENCE, 0, 39), make.Part("A", make.SEQUENCE, 45, 79, shift=(0, 120, 0))]
    target = build_target(make.build(parts), [NamedSequence("one", make.SEQUENCE, ("A",))])
    assert any("too far for the 5 residues" in note for note in target.report.chains[0].notes)


def test_residues_that_no_bond_ties_to_the_chain_stay_as_they_are(make):
    parts = [make.Part("A", make.SEQUENCE), make.Part("A", "WPCWPCWPC", start=301, shift=(40, 0, 0))]
    target = build_target(make.build(parts), [NamedSequence("one", make.SEQUENCE)])
    assert target.n_residues == 80
    assert target.report.unplaced == ("A 301 TRP to A 309 CYS (9 residues), which matches no sequence",)


def test_remarks_of_the_reader_and_on_bfactors(make):
    structure = make.build([make.Part("A", make.SEQUENCE)])
    structure.info["_adp3d.read_note"] = "something was odd"
    other = structure[0]["A"][2].clone()
    other.name = "SER"
    for atom in other:
        atom.occ = 0.4
    structure[0]["A"].add_residue(other, 3)
    target = build_target(structure, None, "bfactor")
    notes = "\n".join(target.report.notes)
    assert "something was odd" in notes and "equal" in notes and "several residue types" in notes
    assert [source.name for source in target.superseded] == ["SER"]
    assert target.n_residues == 80


def test_several_models_and_altlocs_are_noted(make):
    structure = make.build([make.Part("A", make.SEQUENCE)])
    residue = structure[0]["A"][4]
    residue["CB"][0].altloc = "A"
    residue.add_atom(make.atom("CB", (1, 2, 3), occ=0.4, altloc="B"))
    structure.add_model(structure[0].clone())
    notes = "\n".join(build_target(structure, None).report.notes)
    assert "2 models" in notes and "1 residues have alternative conformations" in notes


def test_deletions_in_bonded_chains_free_their_flanks(make):
    structure = make.build([make.Part("A", make.SEQUENCE[:30] + make.SEQUENCE[42:])])
    target = build_target(structure, [NamedSequence("one", make.SEQUENCE)])
    assert (~target.known.any(axis=1)).nonzero()[0].tolist() == list(range(29, 43))


def test_nothing_usable(make):
    structure = make.build([make.Part("A", make.SEQUENCE, b_iso=0.0)])
    with pytest.raises(InputError, match="No sequence was given"):
        build_target(structure, [])
    with pytest.raises(InputError, match="No atom reaches"):
        build_target(structure, None, "plddt")
    for residue in structure[0]["A"]:
        for atom in residue:
            atom.occ = 0.0
    with pytest.raises(InputError, match="zero occupancy"):
        build_target(structure, None)
    empty = make.build([], {"W": [make.small("HOH", 1, (0, 0, 0), "O", "O", True)]})
    with pytest.raises(InputError, match="no protein"):
        build_target(empty, None)


@settings(deadline=None, max_examples=10)
@given(st.sets(st.integers(0, 79), min_size=1, max_size=60), st.integers(-30, 900))
def test_targets_are_complete_and_consistent(make, missing, start):
    structure = make.build([make.Part("A", make.SEQUENCE, start=start, skip=tuple(missing))])
    target = build_target(structure, [NamedSequence("one", make.SEQUENCE, ("A",))])
    assert target.n_residues >= 80
    assert len(set(target.labels)) == target.n_residues
    numbers = {label[1] for label, source in zip(target.labels, target.sources, strict=True) if source is not None}
    assert numbers == {start + i for i in range(80) if i not in missing}
    assert target.report.n_residues == target.n_residues
    assert 0 < target.report.completeness <= 1


def test_types_of_the_model_are_kept_on_request(make):
    structure = make.build([make.Part("A", make.SEQUENCE, names={45: "TRP", 50: "UNK", 60: "MSE"})])
    there = three_letter(make.SEQUENCE[45])
    sequence = [NamedSequence("one", make.SEQUENCE)]
    usual, own = build_target(structure, sequence), build_target(structure, sequence, keep_types=True)
    assert (usual.names[45], own.names[45]) == (there, "TRP")
    assert (usual.polymer.sequence[45], own.polymer.sequence[45]) == (make.SEQUENCE[45], "W")
    assert usual.names[50] == own.names[50] != "UNK"
    assert len(usual.report.warnings()) == 1 and own.report.warnings() == []
    (changed, other) = usual.report.chains[0].differences
    assert (changed.residue, changed.in_model, changed.in_result, changed.position) == ("A 46", "TRP", there, 45)
    assert (other.in_model, own.names[60]) == ("MSE", "MSE")
    assert usual.report.chains[0].mismatches == own.report.chains[0].mismatches


def test_poly_alanine_keeps_its_name_only_on_request(make):
    names = {i: "ALA" for i in range(20, 40)}
    structure = make.build([make.Part("A", make.SEQUENCE, names=names)])
    sequence = [NamedSequence("one", make.SEQUENCE)]
    assert build_target(structure, sequence).names[21] != "ALA"
    assert set(build_target(structure, sequence, keep_types=True).names[20:40]) == {"ALA"}
