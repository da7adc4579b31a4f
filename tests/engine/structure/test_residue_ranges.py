"""Residues named by the user."""

from __future__ import annotations

import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.structure.residue_ranges import select_residues

LABELS = [("A", -2, ""), ("A", -1, ""), ("A", 5, ""), ("A", 5, "A"), ("A", 6, ""), ("BB", 5, ""), ("BB", 9, " ")]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (["A:5"], [2]),
        (["A:5A"], [3]),
        (["A:-2--1"], [0, 1]),
        (["A:-1-5"], [1, 2, 3]),
        (["A:5-5"], [2, 3]),
        (["A:5A-6"], [3, 4]),
        (["A:2-100"], [2, 3, 4]),
        (["BB"], [5, 6]),
        (["BB:9"], [6]),
        (["A:6", "BB:5-9", "A:6"], [4, 5, 6]),
    ],
)
def test_what_is_selected(items, expected):
    assert np.flatnonzero(select_residues(items, LABELS)).tolist() == expected


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("C:5", "its chains are A, BB"),
        ("A:7-9", "no residues 'A:7-9'"),
        ("A:6-5", "no residues"),
        ("A 5", "write A:12"),
    ],
)
def test_what_is_refused(item, words):
    with pytest.raises(InputError, match=words):
        select_residues(["A:5", item], LABELS)
