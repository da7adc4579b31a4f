"""Brownian rotations: their mean character, how they follow each other, and small ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from adp3d.prior.rfdiffusion.igso3 import mean_character, random_rotations, rotation_of_vector, spread_of_character

COUNT = 20_000


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _character(rotations):
    return float(rotations.diagonal(dim1=-2, dim2=-1).sum(-1).mean()) / 3


@pytest.mark.parametrize("sigma", [0.01, 0.05, 0.3, 0.9, 1.5, 3.0])
def test_the_mean_character_is_that_of_the_heat_kernel(sigma):
    rotations = random_rotations(sigma, COUNT, _generator())
    torch.testing.assert_close(rotations @ rotations.mT, torch.eye(3, dtype=torch.float64).expand_as(rotations))
    assert torch.linalg.det(rotations).min() > 0.99
    assert _character(rotations) == pytest.approx(math.exp(-(sigma**2)), abs=min(0.012, 0.02 * sigma**2 + 1e-5))
    # the next character, of l = 2: 1 + 2 cos w + 2 cos 2w, has mean 5 exp(-3 sigma^2)
    cosine = (rotations.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2
    second = float((1 + 2 * cosine + 2 * (2 * cosine**2 - 1)).mean()) / 5
    assert second == pytest.approx(math.exp(-3 * sigma**2), abs=min(0.012, 0.06 * sigma**2 + 1e-5))
    assert spread_of_character(mean_character(sigma)) == pytest.approx(sigma)


def test_rotations_that_follow_each_other_add_their_variances():
    first, second = random_rotations(0.4, COUNT, _generator(1)), random_rotations(0.7, COUNT, _generator(2))
    together = first @ second
    direct = random_rotations(math.hypot(0.4, 0.7), COUNT, _generator(3))
    for quantile in (0.1, 0.5, 0.9):
        angles = [torch.acos(((r.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2).clamp(-1, 1)) for r in (together, direct)]
        assert float(angles[0].quantile(quantile)) == pytest.approx(float(angles[1].quantile(quantile)), rel=0.03)


def test_small_rotations_are_gaussian_about_each_axis():
    rotations = random_rotations(0.05, COUNT, _generator(4))
    vector = torch.stack([rotations[:, 2, 1], rotations[:, 0, 2], rotations[:, 1, 0]], -1).numpy()
    np.testing.assert_allclose(np.cov(vector.T), 0.05**2 * np.eye(3), atol=1e-4)


def test_rotations_of_vectors():
    quarter = rotation_of_vector(torch.tensor([0.0, 0.0, math.pi / 2], dtype=torch.float64))
    expected = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.float64)
    torch.testing.assert_close(quarter, expected)
