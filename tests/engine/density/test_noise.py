import numpy as np
import pytest

from adp3d.density.map import DensityMap
from adp3d.density.noise import estimate_noise, noise_from_half_maps, noise_from_solvent
from adp3d.density.resample import blur
from adp3d.errors import InputError

ATOMS = np.random.default_rng(7).uniform(14, 26, (60, 3))


@pytest.fixture(scope="module")
def signal(gaussian_map):
    return gaussian_map(ATOMS, 60.0, (40, 40, 40), np.eye(3))


def noisy(density, sigma, seed):
    return density.with_values(density.values + sigma * np.random.default_rng(seed).normal(size=density.shape))


def test_half_maps_give_white_noise_back(signal):
    sigma = 0.05
    model = noise_from_half_maps(noisy(signal, sigma, 1), noisy(signal, sigma, 2))
    # The mean of two halves has 1 / sqrt(2) of the noise of each.
    expected = sigma / 2**0.5
    assert model.sigma == pytest.approx(expected, rel=0.03)
    assert model.shell_sigma == pytest.approx(expected, rel=0.25)
    np.testing.assert_allclose(model.at([0.0, 0.2, 0.4, 9.0]), expected, rtol=0.2)
    assert model.method == "half maps"


def test_noise_follows_the_filter_of_the_full_map(signal):
    sigma, b = 0.1, 40.0
    halves = noisy(signal, sigma, 1), noisy(signal, sigma, 2)
    full = blur(signal.with_values(2 * (halves[0].values + halves[1].values)), b)
    model = noise_from_half_maps(*halves, full=full)
    assert model.frequency is not None and model.shell_sigma is not None
    expected = 4 * sigma / 2**0.5 * np.exp(-0.25 * b * model.frequency**2)
    middle = (model.frequency > 0.05) & (model.frequency < 0.45)
    np.testing.assert_allclose(model.shell_sigma[middle], expected[middle], rtol=0.25)
    true = blur(noisy(signal.with_values(np.zeros(signal.shape)), 4 * sigma / 2**0.5, 5), b)
    assert model.sigma == pytest.approx(float(true.values.std()), rel=0.1)


def test_half_maps_larger_than_a_masked_map(signal):
    sigma = 0.05
    halves = noisy(signal, sigma, 1), noisy(signal, sigma, 2)
    part = (slice(8, 34), slice(6, 36), slice(8, 32))
    values = (0.5 * (halves[0].values + halves[1].values))[part].copy()
    values[:5] = 0
    full = DensityMap(values, np.array([8.0, 6, 8]), np.eye(3))
    model = estimate_noise(full, half_maps=halves)
    assert model.sigma == pytest.approx(sigma / 2**0.5, rel=0.1)


def test_unusable_half_maps(signal):
    first = noisy(signal, 0.1, 1)
    with pytest.raises(InputError, match="identical"):
        noise_from_half_maps(first, first)
    moved = DensityMap(first.values, first.origin + 500, first.axes)
    with pytest.raises(InputError, match="grids"):
        noise_from_half_maps(first, moved)
    with pytest.raises(InputError, match="overlap"):
        noise_from_half_maps(first, noisy(signal, 0.1, 2), full=DensityMap(first.values, np.full(3, 500), first.axes))


def test_solvent_noise(signal):
    for sigma in (0.02, 0.2):
        found = noise_from_solvent(noisy(signal, sigma, 1), ATOMS)
        assert found.method == "solvent"
        assert found.sigma == pytest.approx(sigma, rel=0.05)
        np.testing.assert_array_equal(found.at([0.1, 0.2]), found.sigma)
        # Without a model, and with half of the molecule unknown, the lower half of the histogram serves.
        assert noise_from_solvent(noisy(signal, sigma, 1)).sigma == pytest.approx(sigma, rel=0.1)
        assert estimate_noise(noisy(signal, sigma, 1), points=ATOMS[:30]).sigma == pytest.approx(sigma, rel=0.1)


def test_zeros_of_a_mask_are_not_solvent(signal):
    sigma = 0.2
    inside = np.zeros(signal.shape, dtype=bool)
    inside[8:32, 8:32, 8:32] = True
    masked = signal.with_values(np.where(inside, noisy(signal, sigma, 1).values, 0))
    assert (masked.values == 0).mean() > 0.7
    found = noise_from_solvent(masked, ATOMS)
    assert found.sigma == pytest.approx(sigma, rel=0.15)
    tight = np.zeros(signal.shape, dtype=bool)
    tight[12:28, 12:28, 12:28] = True
    zoned = signal.with_values(np.where(tight, noisy(signal, sigma, 1).values, 0))
    found = noise_from_solvent(zoned, ATOMS)
    assert found.method == "low density"
    assert 0.7 * sigma < found.sigma < 2.5 * sigma


def test_noise_free_maps_get_a_floor(signal):
    found = noise_from_solvent(signal, ATOMS)
    assert found.method == "floor"
    assert 0 < found.sigma < 0.06 * float(signal.values.max())
