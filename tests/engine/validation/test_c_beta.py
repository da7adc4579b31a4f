from __future__ import annotations

import numpy as np
import pytest

from adp3d.structure.read import read_structure
from adp3d.validation.c_beta import c_beta_deviation, ideal_c_beta
from adp3d.validation.torsions import angle, dihedral, distance
from adp3d.validation.validate import validate_model


def test_ideal_place_has_the_ideal_geometry(helix):
    names = ["LEU"] * 30
    cb = ideal_c_beta(names, helix)
    n, ca, c = helix[:, 0], helix[:, 1], helix[:, 2]
    np.testing.assert_allclose(distance(ca, cb), 1.530, atol=1e-6)
    np.testing.assert_allclose(angle(c, ca, cb), 110.1, atol=1.0)
    np.testing.assert_allclose(angle(n, ca, cb), 110.5, atol=1.0)
    np.testing.assert_allclose(dihedral(n, c, ca, cb), 122.8, atol=1.5)


def test_deviation_is_the_distance_moved(helix):
    names = ["ALA", "VAL", "GLY", "PRO"] * 7 + ["SER", "SER"]
    cb = ideal_c_beta(names, helix)
    assert np.isnan(cb[2]).all() and np.isnan(c_beta_deviation(names, helix, cb)[2])
    moved = c_beta_deviation(names, helix, cb + np.array([0.0, 0.3, 0.0]))
    np.testing.assert_allclose(moved[[0, 1, 3]], 0.3, atol=1e-9)
    mirrored = cb.copy()
    mirrored[0] = helix[0, 1] + (helix[0, 1] - cb[0])
    assert c_beta_deviation(names, helix, mirrored)[0] > 3.0


def test_a_deposited_model_has_small_ones(small):
    deviations = validate_model(read_structure(small.deposited)).c_beta
    assert np.nanmean(deviations) < 0.1 and np.nanmax(deviations) < 0.25
    assert np.isfinite(deviations).sum() == pytest.approx(44, abs=5)


def test_missing_atoms_leave_it_undefined(helix):
    x = helix.copy()
    x[3, 0] = np.nan
    assert np.isnan(ideal_c_beta(["LEU"] * 30, x)[3]).all() and len(ideal_c_beta([], np.zeros((0, 4, 3)))) == 0
