import numpy as np
import pytest
from scipy import fft

from adp3d.density.fourier import nyquist, padded, shells, squared_frequency


def test_frequencies_of_an_oblique_grid(oblique):
    # A plane wave with wave vector s has all its power at the coefficient with that |s|.
    shape = (8, 10, 6)
    squared = squared_frequency(shape, oblique)
    index = np.stack(np.indices(shape), axis=-1)
    for k in ((1, 2, 1), (-2, 3, 2), (0, -4, 1)):
        wave = np.cos(2 * np.pi * index @ (np.array(k) / shape))
        peak = np.unravel_index(np.abs(fft.rfftn(wave)).argmax(), squared.shape)
        s = np.linalg.inv(oblique) @ (np.array(k) / shape)
        assert squared[peak] == pytest.approx(s @ s)


def test_parseval_holds_over_shells(oblique):
    values = np.random.default_rng(0).normal(size=(16, 14, 13))
    groups = shells((16, 14, 13), oblique, minimum_count=10)
    transform = fft.rfftn(values)
    power = np.abs(transform) ** 2
    inside = groups.index < len(groups.count)
    total = (groups.mean(power) * groups.count).sum()
    assert total == pytest.approx((groups.weight * power.ravel())[inside].sum())
    everything = (groups.weight * power.ravel()).sum()
    assert everything == pytest.approx(values.size * np.square(values).sum())
    assert (np.diff(groups.frequency) > 0).all()
    assert groups.frequency[-1] <= nyquist(oblique)
    assert groups.count.min() >= 10
    spread = groups.spread(groups.frequency, -1.0)
    assert (spread[~inside] == -1).all() and (spread[inside] > 0).all()


def test_padding_keeps_the_middle_and_has_no_jump():
    values = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32) + 4
    box = padded(values, (3, 4, 5))
    np.testing.assert_array_equal(box[3:8, 4:10, 5:12], values)
    # The periodic continuation starts and ends at the same level.
    np.testing.assert_allclose(box[0], box[-1], atol=1e-5)
    assert abs(float(box[0, 0, 0]) - 4) < 0.5
