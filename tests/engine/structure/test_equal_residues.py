"""Chains of equal sequence."""

from __future__ import annotations

import numpy as np

from adp3d.structure.equal_residues import equal_residues
from adp3d.structure.polymer import Polymer


def test_chains_of_one_sequence_are_side_by_side():
    sequences = ["ACD", "EF", "ACD", "GG", "EF", "ACD"]
    index = np.repeat(np.arange(6), [len(one) for one in sequences])
    polymer = Polymer("".join(sequences), index, np.arange(len(index)), tuple("ABCDEF"))
    first, second = equal_residues(polymer)
    np.testing.assert_array_equal(first, [[0, 5, 12], [1, 6, 13], [2, 7, 14]])
    np.testing.assert_array_equal(second, [[3, 10], [4, 11]])


def test_a_single_chain_has_no_equal():
    assert equal_residues(Polymer.single_chain("ACDEF")) == []
