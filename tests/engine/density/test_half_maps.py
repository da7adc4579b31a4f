"""Half maps are filtered as their map was."""

from __future__ import annotations

import numpy as np
import pytest

from adp3d.density.crop import crop
from adp3d.density.half_maps import filtered_as
from adp3d.density.map import DensityMap
from adp3d.density.resample import blur, low_pass


@pytest.fixture(scope="module")
def halves():
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.arange(40)] * 3, indexing="ij"), -1)
    atoms = rng.uniform(10, 30, (60, 3))
    signal = sum(np.exp(-((grid - atom) ** 2).sum(-1) / 3.0) for atom in atoms)
    return tuple(
        DensityMap((signal + 0.1 * rng.standard_normal(signal.shape)).astype(np.float32), np.zeros(3), np.eye(3))
        for _ in range(2)
    )


def mean(first, second):
    return first.with_values(0.5 * (first.values + second.values))


def test_the_mean_of_filtered_halves_is_the_map(halves):
    full = low_pass(blur(mean(*halves), -15.0), 3.5)
    full = full.with_values(7.0 * full.values)
    first, second = filtered_as(full, *halves, 3.5)
    inside = (slice(6, -6),) * 3
    error = mean(first, second).values[inside] - full.values[inside]
    # a gain for each shell, which are wide in a box as small as this
    assert error.std() < 0.1 * full.values[inside].std()
    noise = (first.values - second.values)[inside].std() / 2
    assert noise == pytest.approx((blur_noise(halves) * 7.0)[inside].std(), rel=0.1)


def blur_noise(halves):
    difference = halves[0].with_values(0.5 * (halves[0].values - halves[1].values))
    return low_pass(blur(difference, -15.0), 3.5).values


def test_halves_come_onto_the_grid_of_a_map_that_was_cut(halves):
    full = crop(mean(*halves), np.array([[12.0, 12, 12], [28, 28, 28]]), 6.0)
    first, second = filtered_as(full, *halves, 3.0)
    assert first.same_grid(full) and second.same_grid(full)
    assert np.corrcoef(mean(first, second).values.ravel(), full.values.ravel())[0, 1] > 0.97
