from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from adp3d.contract.errors import InputError
from adp3d.likelihood.map_levels import blur_map, prepare_levels
from adp3d.physics.density import AtomDensity, Grid
from adp3d.physics.form_factors import electron_form_factors

GRID = Grid((1.0, -2.0, 3.0), (0.9, 1.0, 1.1), (28, 26, 24))


def atom(grid, b_factor):
    a, width = (torch.tensor(values) for values in electron_form_factors(["C"]))
    one = torch.ones(1, dtype=torch.float64)
    operator = AtomDensity(grid, a, width, b_factor * one, one, 1e-9)
    centre = [o + s * (n // 2) + 0.3 for o, s, n in zip(GRID.origin, GRID.spacing, GRID.shape, strict=True)]
    return operator(torch.tensor([centre], dtype=torch.float64))


def test_blurring_a_map_raises_its_b_factor():
    blurred = blur_map(atom(GRID, 80.0), GRID, 60.0)
    expected = atom(GRID, 140.0)
    assert float((blurred - expected).abs().max()) < 2e-3 * float(expected.max())


def test_no_blur_leaves_the_map():
    values = torch.randn(GRID.shape)
    torch.testing.assert_close(blur_map(values, GRID, 0.0), values)


def test_level_is_centred_under_the_mask():
    values = torch.randn(GRID.shape, dtype=torch.float64) + 5.0
    mask = torch.rand(GRID.shape, dtype=torch.float64) > 0.4
    (level,) = prepare_levels(values, GRID, 1.0, 3.0, mask)
    assert level.grid == GRID
    assert level.mean == pytest.approx(float(values[mask].mean()))
    torch.testing.assert_close(level.values, values - level.mean)
    assert level.square == pytest.approx(float(((values[mask] - values[mask].mean()) ** 2).sum()))
    map = level.as_map()
    np.testing.assert_allclose(map.origin, GRID.origin)
    np.testing.assert_allclose(map.voxel_size, GRID.spacing)


def test_a_blurred_level_keeps_fewer_voxels_at_their_places():
    (level,) = prepare_levels(atom(GRID, 80.0), GRID, 1.0, 3.0, blurs=(300.0,))
    assert level.grid.shape == (10, 9, 12)
    assert level.grid.spacing == pytest.approx((2.7, 3.0, 2.2))
    expected = atom(level.grid, 380.0)
    assert float((level.values + level.mean - expected).abs().max()) < 5e-3 * float(expected.max())


def test_voxels_count_by_their_volume():
    levels = prepare_levels(torch.randn(GRID.shape), GRID, 1.0, 4.0)
    assert levels[0].independent_fraction == pytest.approx(GRID.voxel_volume / 8.0)
    sparse = Grid(GRID.origin, (3.0, 3.0, 3.0), GRID.shape)
    assert prepare_levels(torch.randn(GRID.shape), sparse, 1.0, 4.0)[0].independent_fraction == 1.0


def test_noise_left_after_a_blur():
    n, step, resolution, blur = 32, 1.0, 3.0, 80.0
    grid = Grid((0.0, 0.0, 0.0), (step,) * 3, (n, n, n))
    k = np.fft.fftfreq(n, step)
    square = k[:, None, None] ** 2 + k[:, None] ** 2 + k**2
    noise = np.random.default_rng(0).normal(size=(n, n, n))
    limited = np.fft.ifftn(np.fft.fftn(noise) * (square < 1 / resolution**2)).real
    blurred = np.fft.ifftn(np.fft.fftn(limited) * np.exp(-blur * square / 4)).real
    (level,) = prepare_levels(torch.tensor(limited), grid, float(limited.var()), resolution, blurs=(blur,))
    assert level.variance == pytest.approx(float(blurred.var()), rel=0.1)
    assert level.blur == blur


def test_unusable_maps_are_refused():
    values = torch.randn(GRID.shape)
    with pytest.raises(InputError, match="mask"):
        prepare_levels(values, GRID, 1.0, 3.0, torch.zeros(GRID.shape, dtype=torch.bool))
    with pytest.raises(InputError, match="constant"):
        prepare_levels(torch.ones(GRID.shape), GRID, 1.0, 3.0)
    with pytest.raises(InputError, match="finite"):
        prepare_levels(values.index_fill(0, torch.tensor([3]), math.nan), GRID, 1.0, 3.0)


@pytest.mark.parametrize(("variance", "resolution", "blur"), [(0.0, 3.0, 0.0), (1.0, 0.0, 0.0), (1.0, 3.0, -5.0)])
def test_impossible_numbers_are_refused(variance, resolution, blur):
    with pytest.raises(ValueError, match="positive"):
        prepare_levels(torch.randn(GRID.shape), GRID, variance, resolution, blurs=(blur,))


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="differ"):
        prepare_levels(torch.randn(3, 4, 5), GRID, 1.0, 3.0)
