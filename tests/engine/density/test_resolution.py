import numpy as np
import pytest
from scipy import ndimage

from adp3d.contract.errors import InputError
from adp3d.density.map import DensityMap
from adp3d.density.resample import blur, low_pass
from adp3d.density.resolution import (
    Fsc,
    amplitude_spectrum,
    estimate_resolution,
    fourier_shell_correlation,
    half_map_resolution,
)


@pytest.fixture(scope="module")
def molecule():
    """250 atoms of B = 15 A^2 in a ball in a box of 56^3 voxels of 0.9 A, made in Fourier space."""
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(250, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    atoms = 25.0 + 13.0 * direction * rng.uniform(size=(250, 1)) ** (1 / 3)
    values = np.zeros((56, 56, 56), np.float32)
    for x, y, z in np.rint(atoms / 0.9).astype(int):
        values[x, y, z] += 1
    return blur(DensityMap(values, np.zeros(3), np.eye(3) * 0.9), 15.0)


def noisy(density, sigma, seed):
    return density.with_values(density.values + sigma * np.random.default_rng(seed).normal(size=density.shape))


def test_fsc_of_known_signal_and_noise():
    # White signal and noise of variances 1 and v: FSC = 1 / (1 + v) at all frequencies.
    rng = np.random.default_rng(0)
    signal = DensityMap(rng.normal(size=(40, 40, 40)), np.zeros(3), np.eye(3))
    for variance in (0.2, 1.0, 4.0):
        curve = fourier_shell_correlation(noisy(signal, variance**0.5, 1), noisy(signal, variance**0.5, 2))
        mean = np.average(curve.correlation, weights=curve.count)
        assert mean == pytest.approx(1 / (1 + variance), abs=0.02)
    assert fourier_shell_correlation(signal, signal).correlation == pytest.approx(1.0)
    opposite = signal.with_values(-signal.values)
    assert fourier_shell_correlation(signal, opposite).correlation == pytest.approx(-1.0)


def test_crossing_is_interpolated():
    curve = Fsc(np.array([0.1, 0.2, 0.3]), np.array([1.0, 0.5, 0.0]), np.ones(3))
    assert curve.resolution(0.25) == pytest.approx(1 / 0.25)
    assert curve.resolution(-0.5) == pytest.approx(1 / 0.3)
    assert curve.resolution(1.5) == pytest.approx(1 / 0.1)


def test_half_maps_find_where_signal_meets_noise(molecule):
    signal = blur(molecule, 60.0)
    sigma = 0.03 * float(signal.values.max())
    found = half_map_resolution(noisy(signal, sigma, 1), noisy(signal, sigma, 2))
    groups, of_signal = amplitude_spectrum(signal)
    _, of_noise = amplitude_spectrum(signal.with_values(noisy(signal, sigma, 3).values - signal.values))
    # FSC 0.143 is a signal to noise ratio of 1/6 in each half.
    expected = 1 / groups.frequency[np.flatnonzero(of_signal / of_noise < 1 / 6)[0]]
    assert found.method == "half maps"
    assert found.value == pytest.approx(expected, rel=0.1)
    assert estimate_resolution(signal, (noisy(signal, sigma, 1), noisy(signal, sigma, 2))) == found


def test_half_maps_that_are_none(molecule):
    other = noisy(molecule.with_values(np.zeros(molecule.shape)), 1.0, 1)
    with pytest.raises(InputError, match="identical"):
        half_map_resolution(molecule, molecule)
    with pytest.raises(InputError, match="resemble"):
        half_map_resolution(noisy(other, 1.0, 2), noisy(molecule, 10.0, 3))
    with pytest.raises(InputError, match="grids"):
        half_map_resolution(molecule, DensityMap(molecule.values, molecule.origin + 1, molecule.axes))
    with pytest.raises(InputError, match="grids"):
        fourier_shell_correlation(molecule, DensityMap(molecule.values, molecule.origin + 1, molecule.axes))


@pytest.mark.parametrize("resolution", [2.5, 3.2, 4.0, 6.0])
def test_cutoff_of_filtered_maps(molecule, resolution):
    found = estimate_resolution(low_pass(noisy(molecule, 0.02 * float(molecule.values.max()), 1), resolution))
    assert found.method == "cutoff"
    assert found.value == pytest.approx(resolution, rel=0.1)


def test_cutoff_of_a_masked_map(molecule):
    filtered = low_pass(molecule, 3.5)
    centre = np.stack(np.indices(molecule.shape), axis=-1) * 0.9 - 25.0
    masked = filtered.with_values(np.where(np.linalg.norm(centre, axis=-1) < 16, filtered.values, 0))
    found = estimate_resolution(masked)
    assert found.method == "cutoff"
    assert found.value == pytest.approx(3.5, rel=0.15)


def test_noise_floor_of_unfiltered_maps(molecule):
    signal = blur(molecule, 90.0)
    for fraction in (0.01, 0.04):
        sigma = fraction * float(signal.values.max())
        halves = noisy(signal, sigma * 2**0.5, 1), noisy(signal, sigma * 2**0.5, 2)
        full = signal.with_values(0.5 * (halves[0].values + halves[1].values))
        found = estimate_resolution(full)
        assert found.method == "noise floor"
        assert found.value == pytest.approx(half_map_resolution(*halves).value, rel=0.21)


def test_fall_off_of_simulated_maps(molecule):
    # Amplitudes of 1/e at 1/d mean B = 4 d^2, of which the atoms have 15 already.
    found = estimate_resolution(blur(molecule, 4 * 2.5**2 - 15.0))
    assert found.method == "fall-off"
    assert found.value == pytest.approx(2.5, rel=0.2)


def test_tiny_maps_are_refused():
    small = DensityMap(np.random.default_rng(0).normal(size=(11, 30, 30)), np.zeros(3), np.eye(3))
    with pytest.raises(InputError, match="too small"):
        estimate_resolution(small)


def around(density, margin, soft):
    """Weights of a mask `margin` voxels around the molecule."""
    distance = ndimage.distance_transform_edt(density.values < 0.1 * density.values.max())
    if not soft:
        return (distance <= margin).astype(float)
    rise = np.clip((distance - margin) / 5, 0.0, 1.0)
    return 0.5 + 0.5 * np.cos(np.pi * rise)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("margin", [0, 1, 3, 6])
def test_half_maps_that_were_masked_alike(molecule, margin, soft):
    signal = blur(molecule, 20.0)
    sigma = 0.1 * float(signal.values.max())
    halves = noisy(signal, sigma, 1), noisy(signal, sigma, 2)
    true = half_map_resolution(*halves)
    assert true.warnings == () and true.value > 2.3
    weights = around(signal, margin, soft)
    masked = tuple(half.with_values(half.values * weights) for half in halves)
    full = low_pass(masked[0].with_values(0.5 * (masked[0].values + masked[1].values)), true.value)
    found = estimate_resolution(full, masked)
    (warning,) = found.warnings
    assert "one mask" in warning and "'resolution'" in warning
    # never Nyquist; leaving the noise around the molecule out makes it rightly finer than the whole box says
    assert 1.1 * 2 * 0.9 < found.value < 1.1 * true.value


def test_the_ball_of_a_reconstruction_is_no_mask(molecule):
    signal = blur(molecule, 20.0)
    sigma = 0.1 * float(signal.values.max())
    halves = noisy(signal, sigma, 1), noisy(signal, sigma, 2)
    centre = np.stack(np.indices(signal.shape), axis=-1) - 27.5
    ball = np.linalg.norm(centre, axis=-1) < 27
    found = estimate_resolution(signal, tuple(half.with_values(half.values * ball) for half in halves))
    assert found.warnings == () and found.method == "half maps"
    assert 1.1 * 2 * 0.9 < found.value <= half_map_resolution(*halves).value


def test_half_maps_that_agree_up_to_nyquist_are_told(molecule):
    halves = tuple(noisy(molecule, 1e-3 * float(molecule.values.max()), seed) for seed in (1, 2))
    found = estimate_resolution(molecule, halves)
    assert found.method == "half maps" and found.value == pytest.approx(1.8, rel=0.1)
    assert "their voxels can hold" in found.warnings[0]
