"""Density that known atoms leave unexplained."""

from __future__ import annotations

import numpy as np
import torch

from adp3d.prior.evidence import DensityEvidence
from adp3d.prior.standard_map import EMPTY
from adp3d.tracing.field import FreeDensity


def test_what_is_taken_is_empty_and_neither_strong_nor_weak_density_counts_further():
    levels = torch.full((1, 4, 4, 4), 0.5)
    levels[0, 1, 1, 1] = 30.0
    levels[0, 3, 3, 3] = -2.2
    taken = torch.zeros(4, 4, 4)
    taken[2, 2, 2] = 1.0
    field = FreeDensity.of(DensityEvidence(levels, taken, torch.tensor([10.0, 0.0, 0.0]), 1.0, 3.0))
    at = np.array(
        [[11.0, 1.0, 1.0], [12.0, 2.0, 2.0], [10.0, 0.0, 0.0], [10.5, 0.0, 0.0], [0.0, 0.0, 0.0], [13.0, 3.0, 3.0]]
    )
    # what nothing explains may be a chain that the map does not show: no place of others
    np.testing.assert_allclose(field.at(at), [1.0, EMPTY, 0.5, 0.5, EMPTY, -1.5])


def test_density_around_known_atoms_and_further_points_is_taken(backbone, left_by):
    ca = backbone[:, 1]
    known = np.arange(len(ca)) < 80
    whole, free = left_by(~np.ones_like(known)), left_by(known)
    assert free.at(ca[5:75]).mean() < -2.0 < -0.3 < whole.at(ca[5:75]).mean()
    np.testing.assert_allclose(free.at(ca[100:110]), whole.at(ca[100:110]), atol=0.4)
    less = free.without(backbone[100:110].reshape(-1, 3))
    assert less.at(ca[102:108]).max() < -2.0
