"""Finite coordinates where nothing is known."""

from __future__ import annotations

import numpy as np

from adp3d.structure.placeholder import placeholder_backbone


def backbone():
    return np.random.default_rng(0).normal(size=(7, 4, 3))


def test_known_atoms_stay_and_the_others_lie_on_the_nearest_known_ca():
    xyz = backbone()
    xyz[2:5] = np.nan  # a gap
    xyz[6, 3] = np.nan  # an oxygen
    x = placeholder_backbone(xyz)
    known = np.isfinite(xyz)
    np.testing.assert_array_equal(x[known], xyz[known])
    np.testing.assert_array_equal(x[2], np.tile(xyz[1, 1], (4, 1)))
    np.testing.assert_array_equal(x[4], np.tile(xyz[5, 1], (4, 1)))
    np.testing.assert_array_equal(x[6, 3], xyz[6, 1])


def test_without_any_ca_the_mean_of_the_other_atoms_stands_in():
    xyz = backbone()
    xyz[:, 1] = np.nan
    xyz[3] = np.nan
    x = placeholder_backbone(xyz)
    np.testing.assert_allclose(x[3], np.tile(np.nanmean(xyz, axis=(0, 1)), (4, 1)))
    assert np.isfinite(x).all()
