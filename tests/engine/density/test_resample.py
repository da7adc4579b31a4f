import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.density.map import DensityMap
from adp3d.density.resample import blur, fourier_resample, limit_sampling, low_pass, resample, resample_like

CENTRES = np.array([[9.0, 8.5, 10.2], [12.1, 10.0, 8.8], [10.0, 12.0, 12.0]])


@pytest.fixture(scope="module")
def slanted(oblique):
    """An oblique grid of 24^3 points around `CENTRES`."""
    return 0.9 * oblique, CENTRES.mean(axis=0) - 11.5 * (0.9 * oblique).sum(axis=0)


def test_blur_raises_b_factors(gaussian_map, oblique, slanted):
    axes, origin = slanted
    for grid_axes, grid_origin in ((np.eye(3) * 0.8, np.zeros(3)), (axes, origin)):
        shape = (28, 28, 28) if grid_axes is not axes else (24, 24, 24)
        sharp = gaussian_map(CENTRES, 70.0, shape, grid_axes, grid_origin)
        wide = gaussian_map(CENTRES, 105.0, shape, grid_axes, grid_origin)
        np.testing.assert_allclose(blur(sharp, 35.0).values, wide.values, atol=2e-3 * wide.values.max())
        again = blur(blur(sharp, 12.0), -12.0)
        np.testing.assert_allclose(again.values, sharp.values, atol=2e-3 * sharp.values.max())


def test_blur_keeps_constants_and_reaches_the_border(gaussian_map):
    sharp = gaussian_map(CENTRES, 40.0, (28, 28, 28), np.eye(3) * 0.8)
    shifted = sharp.with_values(sharp.values + 3)
    np.testing.assert_allclose(blur(shifted, 50.0).values, blur(sharp, 50.0).values + 3, atol=1e-5)


@pytest.mark.parametrize("spacing", [0.5, 0.93, 1.1])
def test_fourier_resampling_of_a_smooth_density(gaussian_map, slanted, spacing):
    for grid_axes, origin in ((np.diag([0.7, 0.8, 0.9]), np.zeros(3)), slanted):
        b = 100.0
        shape = (34, 30, 28) if origin.sum() == 0 else (24, 24, 24)
        fine = gaussian_map(CENTRES, b, shape, grid_axes, origin)
        found = fourier_resample(fine, spacing)
        np.testing.assert_allclose(found.voxel_size, spacing, rtol=0.01)
        np.testing.assert_array_equal(found.origin, fine.origin)
        reach = fine.to_index(found.to_points(np.array(found.shape) - 1))
        assert (reach <= np.array(shape) - 1 + 1e-6).all() and (reach > np.array(shape) - 1 - spacing / 0.6).all()
        expected = gaussian_map(CENTRES, b, found.shape, found.axes, found.origin)
        np.testing.assert_allclose(found.values, expected.values, atol=0.01 * expected.values.max())


def test_resampling_an_oblique_grid(gaussian_map, slanted):
    fine = gaussian_map(CENTRES, 120.0, (24, 24, 24), *slanted)
    found = resample(fine, 0.75)
    np.testing.assert_allclose(found.axes, 0.75 * np.eye(3))
    expected = gaussian_map(CENTRES, 120.0, found.shape, found.axes, found.origin).values
    index = fine.to_index(found.to_points(np.stack(np.indices(found.shape), axis=-1)))
    inside = ((index >= 0) & (index <= 23)).all(axis=-1)
    assert inside.any() and not inside.all()
    np.testing.assert_allclose(found.values[inside], expected[inside], atol=0.01 * expected.max())
    assert (found.values[~inside] == 0).all()
    # Coarser than the grid: what cannot be represented is filtered away, the rest stays.
    coarse = resample(fine, 2.0)
    expected = gaussian_map(CENTRES, 120.0, coarse.shape, coarse.axes, coarse.origin)
    assert np.corrcoef(coarse.values.ravel(), expected.values.ravel())[0, 1] > 0.97


def test_axis_aligned_grids_get_cubic_voxels(gaussian_map):
    fine = gaussian_map(CENTRES, 80.0, (30, 24, 22), np.diag([0.7, 0.9, 1.0]))
    found = resample(fine, 0.8)
    np.testing.assert_allclose(found.voxel_size, 0.8, rtol=0.01)
    np.testing.assert_allclose(found.axes, np.diag(np.diag(found.axes)))
    for spacing in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="positive"):
            resample(fine, spacing)
    with pytest.raises(InputError, match="finer"):
        resample(fine, 50.0)


def test_resample_like_copies_on_a_shared_lattice(gaussian_map):
    whole = gaussian_map(CENTRES, 140.0, (22, 22, 22), np.eye(3))
    part = DensityMap(np.zeros((8, 30, 6), np.float32), np.array([3.0, -4, 5]), np.eye(3))
    found = resample_like(whole, part).values
    np.testing.assert_array_equal(found[:, 4:26], whole.values[3:11, :, 5:11])
    assert (found[:, :4] == 0).all() and (found[:, 26:] == 0).all()
    between = DensityMap(np.zeros((12, 12, 12), np.float32), np.full(3, 4.3), np.eye(3) * 1.1)
    expected = gaussian_map(CENTRES, 140.0, between.shape, between.axes, between.origin).values
    np.testing.assert_allclose(resample_like(whole, between).values, expected, atol=0.01 * expected.max())


def test_low_pass_removes_fine_waves_only():
    index = np.stack(np.indices((48, 20, 20)), axis=-1)
    values = np.cos(2 * np.pi * index[..., 0] / 12) + np.cos(2 * np.pi * index[..., 0] / 4)
    kept = low_pass(DensityMap(values, np.zeros(3), np.eye(3)), 6.0).values
    expected = np.cos(2 * np.pi * index[..., 0] / 12)
    np.testing.assert_allclose(kept[14:34, 8:12, 8:12], expected[14:34, 8:12, 8:12], atol=0.1)


def test_sampling_is_limited_only_where_it_pays(gaussian_map):
    fine = gaussian_map(CENTRES, 300.0, (40, 40, 40), np.eye(3) * 0.5)
    assert limit_sampling(fine, 1.9) is fine
    np.testing.assert_allclose(limit_sampling(fine, 4.5).voxel_size, 1.5, rtol=0.01)
