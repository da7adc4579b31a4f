"""Axes and centres fitted to a map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from symmetric_complex import assembled, simulated_map

from adp3d.fitting.operators import settle
from adp3d.structure.symmetry import apply, inverse, product


@pytest.fixture(scope="module")
def complex_in_map(small, tmp_path_factory):
    structure, symmetry = assembled(small.deposited, "C3", 13.0)
    density = simulated_map(structure, tmp_path_factory.mktemp("map") / "map.mrc")
    ca = np.array([r["CA"][0].pos.tolist() for r in structure[0][0] if "CA" in r])
    return symmetry, density, ca


def off(symmetry, ca, degrees, shift):
    """The same group about an axis that lies elsewhere."""
    turn = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    middle = ca.mean(0)
    frame = np.column_stack([turn, middle - turn @ middle + shift])
    moved = np.array([product(frame, product(one, inverse(frame))) for one in symmetry.operators])
    moved[0] = np.eye(3, 4)
    return replace(symmetry, operators=moved)


def way(a, b, ca):
    return max(np.linalg.norm(apply(x, ca) - apply(y, ca), axis=-1).max() for x, y in zip(a, b, strict=True))


def test_an_axis_that_is_off_is_brought_back(complex_in_map):
    symmetry, density, ca = complex_in_map
    wrong = off(symmetry, ca, (1.5, -1.0, 0.0), (0.8, -0.5, 0.3))
    assert way(wrong.operators, symmetry.operators, ca) > 1.5
    found = settle(wrong, density, ca)
    assert way(found.symmetry.operators, symmetry.operators, ca) < 0.3
    assert 0.5 < found.moved < 3.0
    once, twice = found.symmetry.operators[1], found.symmetry.operators[2]
    np.testing.assert_allclose(product(once, once), twice, atol=1e-9)


def test_operators_that_are_right_stay(complex_in_map):
    symmetry, density, ca = complex_in_map
    found = settle(symmetry, density, ca)
    assert found.moved == 0 and found.symmetry is symmetry


def test_copies_outside_of_the_map_tell_nothing(complex_in_map):
    symmetry, density, ca = complex_in_map
    for far in (ca + 500.0, ca):
        cut = density if far is not ca else replace(density, origin=density.origin + 300.0)
        assert settle(symmetry, cut, far).symmetry is symmetry
