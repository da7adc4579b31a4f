"""What chance makes of local correlations, against maps with noise."""

from __future__ import annotations

import numpy as np
import pytest

from adp3d.density.score import mask_radius
from adp3d.fitting.chance import by_chance, caution


def test_correlations_vary_as_the_formula_says():
    """Of a signal with noise as strong, over as many independent values as a residue's volume has."""
    rng = np.random.default_rng(0)
    radius, resolution, residues = mask_radius(6.0), 6.0, 5
    volume = 4 / 3 * np.pi * radius**3 + np.pi * radius**2 * 2.5
    n = round(volume / (resolution / 2) ** 3 * residues / (resolution / 2 / 2.0))
    signal = rng.standard_normal((20_000, n))
    noisy = signal + rng.standard_normal(signal.shape)
    away = [one - one.mean(1, keepdims=True) for one in (signal, noisy)]
    found = (away[0] * away[1]).sum(1) / np.sqrt(np.square(away[0]).sum(1) * np.square(away[1]).sum(1))
    assert by_chance(float(found.mean()), resolution, residues) == pytest.approx(found.std(), rel=0.15)


@pytest.mark.parametrize("residues", [1, 5, 20])
def test_of_little_account_in_clear_maps(residues):
    assert by_chance(0.95, 2.0, residues) < 0.03
    assert by_chance(0.5, 6.0, residues) > 3 * by_chance(0.9, 3.0, residues)
    assert by_chance(1.0, 8.0, residues) == 0.0


def test_more_is_asked_for_in_coarse_maps():
    assert [caution(resolution) for resolution in (1.8, 3.9, 4.0)] == [1.0, 1.0, 1.0]
    assert caution(6.0) == pytest.approx(1.5)
    assert caution(8.0) == pytest.approx(2.0)
