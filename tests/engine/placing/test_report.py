from __future__ import annotations

import json
from dataclasses import replace

from adp3d.placing.report import ChainPlacement, PlacementReport, TypeDifference, UnmodelledSegment


def report():
    segments = tuple(UnmodelledSegment(str(10 * i), str(10 * i + i), i + 1, 10 * i) for i in range(14))
    chain = ChainPlacement(
        "A", "'one'", 200, 100, 95, 90,
        tuple(f"A {i} LEU is V in the sequence" for i in range(10)), 0.9, 3, 2,
        segments, ("A", "B"), ("a remark",),
    )  # fmt: skip
    bare = ChainPlacement("C", "", 50, 50, 50, 50, (), 1.0, 0, 0, (), ("C",), ())
    return PlacementReport((chain, bare), ("D 1 GLY (1 residues), which matches no sequence",), ("on the whole",))


def test_totals():
    assert report().n_residues == 250
    assert report().completeness == 145 / 250


def test_lines_say_everything_once():
    lines = report().lines()
    assert lines[0] == (
        "Chain A: 100 of 200 residues of 'one' are modelled (95 trusted); 90 of 100 residue types match"
    )
    assert "  from chain A, B of the model" in lines
    assert any(line.startswith("  to build (105): 0, 10 to 11 (2)") and line.endswith("and 2 more") for line in lines)
    assert any(line.startswith("  mismatches (10): A 0 LEU is V") for line in lines)
    assert "  3 residues without a type of their own take it from the sequence" in lines
    assert "  2 residues that the sequence lacks are kept as part of the chain" in lines
    assert "  a remark" in lines
    assert "Chain C: 50 of 50 residues are modelled (50 trusted)" in lines
    assert lines[-2:] == [
        "Left as it is: D 1 GLY (1 residues), which matches no sequence",
        "Note: on the whole",
    ]


def test_dict_survives_json():
    found = json.loads(json.dumps(report().to_dict()))
    assert found["completeness"] == 145 / 250
    assert found["chains"][0]["unmodelled"][1] == {"first": "10", "last": "11", "length": 2, "start": 10}


def warnings_of(*differences, **changes):
    one, bare = report().chains
    given = replace(one, differences=differences, **changes)
    return PlacementReport((given,) if "sequence_name" not in changes else (given, bare)).warnings()


def test_a_changed_type_is_told_with_the_option_that_keeps_it():
    met = TypeDifference("A 45", "LEU", "MET", "MET", 44)
    assert warnings_of(met) == [
        "Residue A 45 is LEU in the model and MET in the sequence: it will be rebuilt as MET, its own side chain "
        "given up; 'keep_types' keeps LEU."
    ]
    (text,) = warnings_of(TypeDifference("A 45", "LEU", "GLY", "GLY", 44))
    assert "it will be rebuilt as GLY, without its side chain;" in text
    (text,) = warnings_of(met, *(TypeDifference(f"A {i}", "ALA", "VAL", "VAL", i) for i in range(50, 64)))
    assert text.startswith("15 residues of chain A differ") and "A 45 LEU as MET, A 50 ALA as VAL" in text
    assert "and 3 more; 'keep_types'" in text


def test_types_that_are_kept_are_no_warning_but_in_the_report():
    kept = TypeDifference("A 45", "LEU", "MET", "LEU", 44)
    assert warnings_of(kept) == []
    one, _ = report().chains
    lines = PlacementReport((replace(one, differences=(kept,)),)).lines()
    assert "  of these keep their type: A 45 LEU" in lines


def test_one_warning_for_all_chains_without_a_sequence():
    (text,) = warnings_of(sequence_name="")
    assert text.startswith("No sequence is known for chains A, C: 105 residues in gaps")
    assert "'sequence'" in text and text.count(".") == 1
    _, bare = report().chains
    (text,) = PlacementReport((bare,)).warnings()
    assert text.startswith("No sequence is known for chain C: what may be missing") and "UNK" not in text
    assert PlacementReport((report().chains[0],)).warnings() == []
