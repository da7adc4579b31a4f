"""Shells around known points."""

from __future__ import annotations

import numpy as np

from adp3d.restraints.shells import Shells


def shells(*residues):
    count = len(residues)
    radius = np.arange(count, dtype=float)
    return Shells(np.array(residues), np.arange(3.0 * count).reshape(-1, 3), radius, radius + 1.0, radius + 0.5)


def test_those_of_a_gap_are_counted_from_its_start_or_end():
    own = shells(3, 5, 9, 5).within(slice(5, 9))
    assert own.residue.tolist() == [0, 0]
    assert own.lower.tolist() == [1.0, 3.0] and own.upper.tolist() == [2.0, 4.0] and own.sigma.tolist() == [1.5, 3.5]
    np.testing.assert_array_equal(own.centre, [[3.0, 4.0, 5.0], [9.0, 10.0, 11.0]])
    assert own.reversed(4).residue.tolist() == [3, 3]
    assert shells(0, 3).reversed(4).residue.tolist() == [3, 0]
    assert len(shells(3, 5).within(slice(6, 9))) == 0


def test_several_measurements_are_one_after_the_other():
    both = Shells.none() + shells(1) + shells(4, 2)
    assert len(both) == 3 and both.residue.tolist() == [1, 4, 2]
    assert both.centre.shape == (3, 3)
