"""What refinements are compared by."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest


@pytest.fixture
def refinement(load):
    return load("refinement")


def test_what_a_job_says_its_map_does_not_show_is_told_apart(refinement):
    labels = [("A", 7, ""), ("A", 8, ""), ("A", 8, "A"), ("A", 9, ""), ("B", 8, "")]
    problem = SimpleNamespace(target=SimpleNamespace(labels=labels), known_residues=np.array([1, 0, 0, 0, 0], bool))
    reference, ca = np.zeros((5, 3)), np.zeros((5, 3))
    ca[:, 0] = [9.0, 30.0, 3.0, 50.0, 4.0]
    reference[3] = np.nan
    found = refinement.shown_figures({"unseen": [{"chain": "A", "residues": ["8"]}]}, problem, reference, ca)
    assert found == {"missing_shown": 2, "ca_rmsd_missing_shown": pytest.approx(np.sqrt(12.5))}
    everything = {"unseen": [{"chain": "A", "residues": ["8", "8A"]}, {"chain": "B", "residues": ["8"]}]}
    nothing = refinement.shown_figures(everything, problem, reference, ca)
    assert nothing == {"missing_shown": 0, "ca_rmsd_missing_shown": None}


def test_the_sentence_says_what_the_map_shows_where_there_is_a_model_to_compare_with(refinement):
    row = {
        "completeness_before": 60.0, "completeness_after": 100.0, "residues": 10, "ca_rmsd_start": 0.8,
        "ca_rmsd_known": 0.5, "ca_rmsd_missing": 4.0, "map_cc_before": 0.5, "map_cc_after": 0.6, "seconds": 9.0,
        "peak_memory_gb": 1.0, "missing_shown": 3, "ca_rmsd_missing_shown": 1.4,
    }  # fmt: skip
    assert "missing 4.00 A (1.40 A of the 3 that the map shows);" in refinement.sentence(row)
    alone = {**row, "missing_shown": None, "ca_rmsd_missing": None, "ca_rmsd_missing_shown": None}
    assert "missing unknown A;" in refinement.sentence(alone)
