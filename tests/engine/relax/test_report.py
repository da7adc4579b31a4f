"""The sentence about residues that stay."""

from __future__ import annotations

import json

from adp3d.relax.region import LeftOut
from adp3d.relax.report import RelaxationReport, left_out_sentence


def test_residues_that_stay_are_named_once_with_the_reason():
    assert left_out_sentence(()) == ""
    one = (LeftOut("A 12 MSE", "has no parameters"),)
    assert left_out_sentence(one) == "In the relaxation 1 residue stays where it is: A 12 MSE (has no parameters)."
    many = tuple(LeftOut(f"A {n} LYS", "lacks CG") for n in range(13))
    text = left_out_sentence(many)
    assert text.startswith("In the relaxation 13 residues stay") and text.endswith("A 9 LYS (lacks CG), and 3 more.")


def test_a_report_becomes_json():
    report = RelaxationReport(3, (LeftOut("A 1 XYZ", "lacks O"),), 1.2345, 0.5, 1e6, -3.14159, True, 7, 1.26)
    told = json.loads(json.dumps(report.to_dict()))
    assert told["left_out"] == [{"residue": "A 1 XYZ", "reason": "lacks O"}]
    assert (told["largest_move"], told["energy_after"], told["seconds"]) == (1.234, -3.1, 1.3)
