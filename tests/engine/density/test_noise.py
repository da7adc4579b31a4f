from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

import adp3d
from adp3d.contract.errors import InputError
from adp3d.density.map import DensityMap
from adp3d.density.neighbourhood import near
from adp3d.density.noise import estimate_noise, noise_from_half_maps, noise_from_solvent
from adp3d.density.read import read_map
from adp3d.density.resample import blur

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


DEMO = Path(adp3d.__file__).parent / "pipeline" / "demo" / "emd_20026_protomer.map.gz"


@pytest.fixture(scope="module")
def protomer():
    """Experimental map of one protomer, blank beyond 4 A from it, and where its density is high."""
    density = read_map(DEMO)
    inside = np.argwhere(density.values > 0.03)
    return density, density.to_points(inside[inside[:, 0] < 45])


@pytest.mark.parametrize("level", [0.0, 0.005, 0.01, 0.02, 0.03])
def test_thresholded_maps_get_a_floor_instead_of_the_noise_of_neighbours(protomer, level):
    density, points = protomer
    true = noise_from_solvent(density, points).sigma
    cut = density.with_values(np.where(density.values < level, 0, density.values))
    found = noise_from_solvent(cut, points)
    assert found.method == "floor"
    assert 0 < found.sigma < 0.2 * true
    # cut off at a level and set to it, instead of to zero
    clipped = noise_from_solvent(density.with_values(np.maximum(density.values, max(level, 1e-3))), points)
    assert clipped.method == "floor" and 0 < clipped.sigma < 0.2 * true


def test_maps_sharpened_by_a_network_get_a_floor(protomer):
    density, points = protomer
    smooth = ndimage.gaussian_filter(np.maximum(density.values - 0.02, 0), 1.0)
    sharpened = density.with_values(np.where(smooth < 1e-4, 0, smooth))
    found = noise_from_solvent(sharpened, points)
    assert found.method == "floor"
    assert found.sigma < 0.1 * float(sharpened.values[sharpened.values > 0].std())


def two_molecules(gaussian_map):
    atoms = np.random.default_rng(3).uniform(-6, 6, (2, 60, 3)) + np.array([[[14.0, 24, 24]], [[34.0, 24, 24]]])
    return gaussian_map(atoms.reshape(-1, 3), 60.0, (48, 48, 48), np.eye(3)), atoms


@pytest.mark.parametrize("filling", [0.0, -0.7])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("margin", [3.0, 6.0])
def test_masked_maps_show_the_noise_inside_of_the_mask(gaussian_map, filling, soft, margin):
    """Masks around two molecules, of which the model knows one: their noise, or less where soft masks take it away."""
    signal, atoms = two_molecules(gaussian_map)
    sigma = 0.1
    distance = ndimage.distance_transform_edt(~near(signal, atoms, margin))
    weight = np.clip(1.0 - distance / 6.0, 0.0, 1.0) if soft else (distance == 0).astype(float)
    values = noisy(signal, sigma, 1).values * weight + filling
    found = noise_from_solvent(signal.with_values(np.where(weight > 0, values, filling)), atoms[0])
    assert (0.25 if soft else 0.7) * sigma < found.sigma < 1.5 * sigma


def test_a_box_without_solvent_gives_an_upper_estimate(gaussian_map):
    signal, atoms = two_molecules(gaussian_map)
    sigma = 0.1
    box = tuple(slice(c - 5, c + 6) for c in (14, 24, 24))
    inside = noisy(signal, sigma, 1)
    part = DensityMap(inside.values[box], inside.to_points([b.start for b in box]), inside.axes)
    found = noise_from_solvent(part, atoms[0])
    assert found.method == "low density"
    assert sigma < found.sigma < float(part.values.std())


@pytest.mark.parametrize(("steps", "expected"), [(0.2, 12**-0.5), (0.6, None), (3.0, 3.0)])
def test_maps_of_whole_numbers(gaussian_map, steps, expected):
    """Noise of some steps of rounding is found; below a step, what rounding adds is what can be said."""
    signal, atoms = two_molecules(gaussian_map)
    stored = noisy(signal.with_values(signal.values * 60 / signal.values.max()), steps, 1)
    found = noise_from_solvent(signal.with_values(np.rint(stored.values)), atoms[0])
    if expected is None:
        assert 12**-0.5 <= found.sigma < 1.6
    else:
        assert found.sigma == pytest.approx(max(expected, 0.05 * float(np.rint(stored.values).std())), rel=0.35)


def test_a_map_of_two_values_has_a_noise_above_zero(signal):
    binary = signal.with_values(np.where(signal.values > 0.5 * signal.values.max(), 0.5, 0))
    assert noise_from_solvent(binary, ATOMS).sigma > 0
