"""Layouts of jobs."""

from __future__ import annotations

import numpy as np

from adp3d.pipeline.layout import layout_of_polymer, layout_of_target
from adp3d.placing.target import build_target
from adp3d.structure.polymer import Polymer
from adp3d.structure.read import read_structure


def test_layout_of_a_partial_model(small):
    target = build_target(read_structure(str(small.model)), None)
    layout = layout_of_target(target)
    n = small.last - small.first + 1
    assert layout.coordinates.shape == (1, n, 4, 3) and layout.coordinates.dtype == np.float32
    assert layout.numbers == list(range(small.first, small.last + 1))
    assert layout.chains == ["A"] * n and layout.insertion_codes == [""] * n
    assert [number for number, known in zip(layout.numbers, layout.known, strict=True) if not known] == [*small.missing]
    assert layout.links == [True] * (n - 1) + [False]
    assert layout.names == list(target.names)
    np.testing.assert_array_equal(layout.coordinates[0][target.known], target.xyz[target.known].astype("f4"))
    assert np.isfinite(layout.coordinates).all()


def test_layout_of_sequences():
    polymer = Polymer("GAXWY", np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 0, 1]), ("A", "B"))
    labels = [("A", 1, ""), ("A", 2, ""), ("A", 3, ""), ("B", 1, ""), ("B", 2, "")]
    layout = layout_of_polymer(polymer, labels)
    assert layout.names == ["GLY", "ALA", "UNK", "TRP", "TYR"]
    assert layout.links == [True, True, False, True, False]
    assert layout.known == [False] * 5
    assert np.isfinite(layout.coordinates).all()
