from __future__ import annotations

import json

from adp3d.structure.report import ChainPlacement, PlacementReport, UnmodelledSegment


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
