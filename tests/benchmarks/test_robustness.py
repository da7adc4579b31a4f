"""Maps that differ in what should not matter."""

import numpy as np
import pytest

from adp3d.density.map import DensityMap


@pytest.fixture
def robustness(load):
    return load("robustness")


def gaussian(b):
    """A map of one atom with a B-factor, and where it lies."""
    axis = np.arange(24) - 11.0
    squares = np.square(np.stack(np.meshgrid(axis, axis, axis, indexing="ij"))).sum(0)
    values = (4 * np.pi / b) ** 1.5 * np.exp(-4 * np.pi**2 * squares / b)
    return DensityMap(values.astype(np.float32), np.array([2.0, 3.0, 4.0]), np.eye(3)), np.array([[13.0, 14.0, 15.0]])


def test_changes_are_what_their_names_say(robustness):
    density, atom = gaussian(250.0)
    made = {name: change(density, atom) for name, change in robustness.CHANGES.items()}
    np.testing.assert_array_equal(made["as it is"], density.values)
    np.testing.assert_allclose(made["times 1,000"], 1000 * density.values)
    assert np.ptp(made["plus a constant"] - density.values) < 1e-6 < (made["plus a constant"] - density.values).min()
    assert made["no negative values"].min() >= 0.0
    peak = density.values.max()
    np.testing.assert_allclose(made["blurred by 100 A^2"].max(), gaussian(350.0)[0].values.max(), atol=0.01 * peak)
    np.testing.assert_allclose(made["sharpened by 100 A^2"].max(), gaussian(150.0)[0].values.max(), rtol=0.02)


def test_a_zone_keeps_what_is_near_atoms(robustness):
    density, atom = gaussian(250.0)
    kept = robustness.zoned(density, atom)
    assert kept[11, 11, 11] == density.values[11, 11, 11] and kept[11, 11, 13] > 0
    assert kept[11, 11, 15] == 0 and (kept != 0).sum() == 93  # points of the grid nearer than 3
