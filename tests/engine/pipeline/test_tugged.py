"""What a job's figures say of residues that were tugged."""

from __future__ import annotations

from types import SimpleNamespace

from adp3d.pipeline.tugged import tugged_figures


def test_in_the_order_of_the_model_by_its_own_numbers():
    target = SimpleNamespace(labels=(("A", 9, ""), ("A", 10, ""), ("B", 10, "C")))
    assert tugged_figures({2: 1, 0: 3}, target) == [
        {"chain": "A", "residue": "9", "times": 3},
        {"chain": "B", "residue": "10C", "times": 1},
    ]
    assert tugged_figures({}, target) == []
