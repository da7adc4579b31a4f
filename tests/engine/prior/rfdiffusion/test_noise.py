"""RFdiffusion's noise on frames as noise of atoms: translations exactly, rotations by their mean."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from adp3d.prior.rfdiffusion.frames import IDEAL, backbone_of_frames, place_oxygens, residue_axes
from adp3d.prior.rfdiffusion.igso3 import random_rotations
from adp3d.prior.rfdiffusion.noise import (
    FrameCorrelation,
    FrameSchedule,
    NoiseSettings,
    turned_character,
    widest_spread,
)

SETTINGS = NoiseSettings()
SCHEDULE = FrameSchedule(SETTINGS)
CORRELATION = FrameCorrelation((4, 3), 4.0, 0.26)


def _draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_schedule_is_the_product_of_the_steps():
    betas = np.linspace(0.01, 0.07, 50) * 4
    for step in (1, 17, 50):
        alpha, sigma = SCHEDULE.at(step / 50)
        assert alpha**2 == pytest.approx(np.prod(1 - betas[:step]))
        assert alpha**2 + sigma**2 == pytest.approx(1.0)
        assert SCHEDULE.step(step / 50) == step
    assert SCHEDULE.at(0.0) == (1.0, 0.0) and SCHEDULE.step(0.0) == 1
    noise = [SCHEDULE.at(t)[1] for t in np.linspace(0, 1, 173)]
    assert (np.diff(noise) > 0).all()
    assert SETTINGS.rotation_spread(50) == pytest.approx(0.02 + 1.5 + 0.5)


def test_the_correlation_is_a_linear_operator_with_its_inverse_adjoint_and_solution():
    z, x = _draw(2, 7, 4, 3), _draw(2, 7, 4, 3, seed=1)
    torch.testing.assert_close(CORRELATION.inverse(CORRELATION.apply(z)), z)
    torch.testing.assert_close((CORRELATION.apply(z) * x).sum(), (z * CORRELATION.transpose(x)).sum())
    torch.testing.assert_close((CORRELATION.inverse(z) * x).sum(), (z * CORRELATION.inverse_transpose(x)).sum())
    unit = torch.eye(28, dtype=torch.float64).reshape(28, 7, 4, 1).expand(-1, -1, -1, 3)
    dense = CORRELATION.apply(unit)[..., 0].reshape(28, 28).T
    assert CORRELATION.log_determinant == pytest.approx(3 * float(torch.linalg.slogdet(dense).logabsdet))
    weights = torch.rand(2, 7, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for w in (weights, weights[0]):
        found = CORRELATION.solve(0.7, w, x)
        precision = 0.7 * torch.linalg.inv(dense @ dense.T)
        for k in range(2):
            matrix = precision + torch.diag((w if w.dim() == 2 else w[k]).flatten())
            expected = torch.linalg.solve(matrix, x[k].reshape(28, 3))
            torch.testing.assert_close(found[k].reshape(28, 3), expected)


def test_frames_of_noisy_atoms_are_moved_and_turned_as_the_network_expects():
    """CA by the kernel of translations, axes by the mean character of its rotations, at all levels that tell them."""
    spread = widest_spread(SETTINGS)
    assert 0.1 < spread < 0.5
    count = 4000
    start = residue_axes(_draw(count, 4, 3, seed=5))[0]
    x0 = place_oxygens(backbone_of_frames(start, 10 * _draw(count, 3, seed=6)), torch.zeros(count, dtype=torch.bool))
    correlation = FrameCorrelation((count,), 4.0, spread)
    for step in (1, 5, 15, 25, 35):
        t = step / 50
        alpha, sigma = SCHEDULE.at(t)
        x = alpha * x0 + sigma * correlation.apply(_draw(count, 4, 3, seed=7 + step))
        axes, ca = residue_axes(x)
        moved = (ca - alpha * x0[:, 1]) / sigma
        assert float(moved.std()) == pytest.approx(4.0, rel=0.03)
        generator = torch.Generator().manual_seed(step)
        axes = axes @ random_rotations(SCHEDULE.missing_turn(t, spread), count, generator)
        character = float((axes * start).sum((-1, -2)).mean()) / 3
        assert character == pytest.approx(math.exp(-(SETTINGS.rotation_spread(step) ** 2)), abs=0.02)
    assert turned_character(1e-6) == 1.0 and turned_character(1e6) < 0.02


def test_ideal_residues_come_back_from_their_frames():
    rotation, ca = residue_axes(_draw(9, 4, 3))
    main = backbone_of_frames(rotation, ca)
    again, _ = residue_axes(main)
    torch.testing.assert_close(again, rotation)
    torch.testing.assert_close(torch.cdist(main, main), torch.cdist(IDEAL, IDEAL).expand(9, -1, -1))
