import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.density.map import DensityMap
from adp3d.density.resample import blur
from adp3d.density.sharpness import relative_sharpness


@pytest.fixture(scope="module")
def points_map():
    """Point scatterers in a ball: a flat spectrum beyond the lowest frequencies."""
    rng = np.random.default_rng(1)
    values = np.zeros((60, 60, 60), np.float32)
    direction = rng.normal(size=(2000, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    for x, y, z in np.rint(30 + 17 * direction * rng.uniform(size=(2000, 1)) ** (1 / 3)).astype(int):
        values[x, y, z] += 1
    return DensityMap(values, np.zeros(3), np.eye(3))


@pytest.mark.parametrize("b_factor", [-20.0, 0.0, 50.0])
def test_relative_b_and_scale_are_recovered(points_map, b_factor):
    model = blur(points_map, 40.0)
    observed = blur(points_map.with_values(3 * points_map.values), 40.0 + b_factor)
    noise = 0.01 * float(observed.values.max()) * np.random.default_rng(0).normal(size=observed.shape)
    found = relative_sharpness(observed.with_values(observed.values + noise + 5), model.values, 3.5)
    assert found.b_factor == pytest.approx(b_factor, abs=4)
    assert found.scale == pytest.approx(3.0, rel=0.06)
    assert found.correlation > 0.9
    assert found.shells_used >= 4


def test_masked_map_and_incomplete_model(points_map):
    centre = np.linalg.norm(np.stack(np.indices(points_map.shape), axis=-1) - 30, axis=-1)
    observed = blur(points_map, 80.0)
    masked = observed.with_values(np.where(centre < 22, observed.values, 0))
    part = points_map.with_values(np.where(np.indices(points_map.shape)[0] < 33, points_map.values, 0))
    found = relative_sharpness(masked, blur(part, 40.0).values, 3.5)
    assert found.b_factor == pytest.approx(40.0, abs=10)


def test_misplaced_model_has_the_same_amplitudes(points_map):
    observed = blur(points_map, 80.0)
    elsewhere = blur(points_map.with_values(points_map.values[::-1, :, ::-1].copy()), 40.0)
    found = relative_sharpness(observed, elsewhere.values, 3.5)
    assert found.b_factor == pytest.approx(40.0, abs=3)
    assert found.scale == pytest.approx(1.0, rel=0.05)
    assert abs(found.correlation) < 0.2


def test_what_cannot_be_measured(points_map):
    noise = np.random.default_rng(0).normal(size=points_map.shape)
    with pytest.raises(InputError, match="too small to measure"):
        relative_sharpness(points_map, noise, 14.0)
    with pytest.raises(ValueError, match="does not fit"):
        relative_sharpness(points_map, noise[:4], 3.0)
