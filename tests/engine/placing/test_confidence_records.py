"""Confidence as records of its own, read back by this program and by gemmi's CIF parser."""

from __future__ import annotations

import gemmi
import pytest

from adp3d.placing.confidence_records import confidence_attribute, read_confidence
from adp3d.placing.write import write_structure


def test_round_trip_by_author_names(make, tmp_path):
    structure = make.build([make.Part("A'", make.SEQUENCE, start=-3), make.Part("B", make.OTHER, shift=(40, 0, 0))])
    structure.setup_entities()
    structure.assign_label_seq_id(True)
    confidence = {("A'", number, ""): float(number + 10) for number in range(-3, 20)}
    confidence["B", 5, ""] = 33.336
    write_structure(structure, tmp_path / "r.cif", confidence)
    assert read_confidence(tmp_path / "r.cif") == {**confidence, ("B", 5, ""): 33.34}


def test_the_records_are_those_of_predicted_models(make, tmp_path):
    structure = make.build([make.Part("A", make.SEQUENCE)])
    structure.setup_entities()
    structure.assign_label_seq_id(True)
    write_structure(structure, tmp_path / "r.cif.gz", {("A", 2, ""): 71.0})
    block = gemmi.cif.read(str(tmp_path / "r.cif.gz")).sole_block()
    assert block.find_value("_ma_qa_metric.mode") == "local"
    (row,) = block.find("_ma_qa_metric_local.", ["label_comp_id", "label_seq_id", "metric_value", "metric_id"])
    assert list(row) == ["LYS", "2", "71.00", block.find_value("_ma_qa_metric.id")]
    assert row[0] == structure[0]["A"][1].name


def test_attribute_file_of_chimerax():
    lines = confidence_attribute({("A", 2, ""): 71.0, ("B", -5, "C"): 8.123}).splitlines()
    assert lines == [
        *("attribute: adp3d_confidence", "match mode: 1-to-1", "recipient: residues"),
        *("\t/A:2\t71.00", "\t/B:-5C\t8.12"),
    ]


@pytest.mark.parametrize("confidence", [None, {}, {("Z", 1, ""): 50.0}])
def test_files_without_a_confidence(make, tmp_path, confidence):
    structure = make.build([make.Part("A", make.SEQUENCE)])
    write_structure(structure, tmp_path / "r.cif", confidence)
    assert read_confidence(tmp_path / "r.cif") == {}
    assert "_ma_qa_metric" not in (tmp_path / "r.cif").read_text()
