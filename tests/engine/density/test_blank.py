import numpy as np

from adp3d.density.blank import blank_voxels, taper_weights
from adp3d.density.map import DensityMap


def make(values):
    return DensityMap(values, np.zeros(3), np.eye(3))


def test_outside_of_a_mask_is_blank_whatever_its_value():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(20, 20, 20))
    outside = np.ones((20, 20, 20), dtype=bool)
    outside[5:15, 5:15, 5:15] = False
    for filling in (0.0, -3.5):
        np.testing.assert_array_equal(blank_voxels(make(np.where(outside, filling, noise))), outside)
    assert not blank_voxels(make(noise)).any()


def test_repeated_values_of_integer_maps_are_measurements():
    coarse = np.rint(np.random.default_rng(0).normal(size=(20, 20, 20)))
    assert (coarse == 0).mean() > 0.3
    assert not blank_voxels(make(coarse)).any()


def test_weights_rise_from_the_border():
    values = np.random.default_rng(0).normal(size=(20, 9, 9))
    values[:8] = 0
    grid = make(values)
    weights = taper_weights(grid, blank_voxels(grid), 4.0)
    assert (weights[:8] == 0).all()
    assert (np.diff(weights[:, 4, 4]) >= 0).all()
    np.testing.assert_allclose(weights[9, 4, 4], 0.5 - 0.5 * np.cos(np.pi * 1.5 / 4), rtol=1e-6)
    assert (weights[13:] == 1).all()
    assert (taper_weights(grid, np.zeros(grid.shape, bool), 4.0) == 1).all()
