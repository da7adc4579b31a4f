import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adp3d.contract.errors import InputError
from adp3d.density.crop import check_overlap, crop
from adp3d.density.map import DensityMap
from adp3d.density.neighbourhood import near
from adp3d.density.sample import sample


@pytest.fixture(scope="module")
def grid(oblique):
    values = np.random.default_rng(0).normal(size=(20, 18, 16)) + 5
    return DensityMap(values, np.array([10.0, 20, -5]), oblique)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(*[st.floats(-4, 22)] * 3), min_size=1, max_size=4),
    st.floats(0, 4),
)
def test_crop_keeps_all_that_is_near(grid, index, margin):
    points = grid.to_points(index)
    wanted = near(grid, points, margin)
    try:
        box = crop(grid, points, margin)
    except InputError:
        assert not wanted.any()
        return
    # The density is the same at the same places, and nothing near a point was cut away.
    inside = box.to_points(np.random.default_rng(0).uniform(0, 1, (20, 3)) * (np.array(box.shape) - 1))
    np.testing.assert_allclose(sample(box, inside), sample(grid, inside), atol=1e-4)
    assert near(box, points, margin).sum() == wanted.sum()


def test_crop_is_tight():
    grid = DensityMap(np.random.default_rng(0).normal(size=(30, 30, 30)), np.zeros(3), np.eye(3) * 0.5)
    box = crop(grid, [[5.0, 6, 7], [6, np.nan, 6], [7, 6, 7]], 1.0)
    np.testing.assert_allclose(box.origin, [4, 5, 6])
    assert box.shape == (9, 5, 5)


def test_flat_selection_still_gives_a_map():
    grid = DensityMap(np.random.default_rng(0).normal(size=(5, 5, 5)), np.zeros(3), np.eye(3))
    assert crop(grid, [[4.0, 0, 2]], 0.0).shape == (2, 2, 2)


def test_overlap_of_model_and_map(gaussian_map):
    atoms = np.random.default_rng(0).uniform(8, 16, (30, 3))
    density = gaussian_map(atoms, 60.0, (24, 24, 24), np.eye(3))
    docked = check_overlap(density, atoms)
    assert docked.inside == 1 and docked.on_data == 1
    assert docked.mean_z > 2
    elsewhere = check_overlap(density, atoms[:, :] * 0.2)
    assert elsewhere.mean_z < 0.1
    with pytest.raises(InputError, match=r"centres are 17\d A apart.*docked"):
        check_overlap(density, atoms + 100)
    with pytest.raises(InputError, match="docked"):
        crop(density, atoms + 100, 3.0)
    zone = density.with_values(np.where(near(density, atoms, 3.0), density.values, 0))
    with pytest.raises(InputError, match="blank"):
        check_overlap(zone, np.random.default_rng(0).uniform(0, 3, (9, 3)))
    with pytest.raises(InputError, match="no atoms"):
        check_overlap(density, np.full((4, 3), np.nan))
