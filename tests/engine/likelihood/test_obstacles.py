"""Contacts that are too short: a closed form, its slope and its curvature."""

from __future__ import annotations

import torch

from adp3d.likelihood.obstacles import ObstacleLikelihood

SIGMA = 0.4


def case():
    """Two replicas of three residues; pairs that are too near, just beyond contact, and far away."""
    x = torch.randn(2, 3, 4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 8
    replica, atom = torch.tensor([0, 0, 1, 1]), torch.tensor([1, 5, 5, 11])
    away = torch.tensor([[2.0, 0, 0], [0, 1.5, 0], [0, 0, 3.1], [9.0, 0, 0]], dtype=torch.float64)
    contact = torch.tensor([3.0, 2.7, 3.0, 3.0], dtype=torch.float64)
    return x, ObstacleLikelihood(replica, atom, x.flatten(1, 2)[replica, atom] + away, contact, SIGMA)


def test_the_energy_is_that_of_what_is_too_near():
    x, likelihood = case()
    wanted = torch.tensor([-0.5 * (1.0**2 + 1.2**2) / SIGMA**2, 0.0], dtype=torch.float64)
    torch.testing.assert_close(likelihood(x), wanted, rtol=1e-5, atol=0)


def test_the_slope_leads_away_and_is_that_of_the_value():
    x, likelihood = case()
    leaf = x.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(likelihood(leaf).sum(), leaf)
    assert torch.autograd.gradcheck(likelihood, (leaf,))
    first = gradient.flatten(1, 2)[0, 1]
    torch.testing.assert_close(first, torch.tensor([-1.0 / SIGMA**2, 0, 0], dtype=torch.float64), rtol=1e-5, atol=1e-9)
    assert int((gradient.abs().sum(-1) > 0).sum()) == 2


def test_the_curvature_is_that_of_parabolas_over_all_directions():
    x, likelihood = case()
    found = likelihood.curvature(x).flatten(1)
    wanted = torch.zeros(2, 12, dtype=torch.float64)
    wanted[0, [1, 5]] = 1 / (3 * SIGMA**2)
    torch.testing.assert_close(found, wanted)


def test_an_atom_right_on_another_one_is_finite():
    x = torch.zeros(1, 1, 4, 3, requires_grad=True)
    likelihood = ObstacleLikelihood(torch.tensor([0]), torch.tensor([1]), torch.zeros(1, 3), torch.tensor([3.0]), SIGMA)
    (gradient,) = torch.autograd.grad(likelihood(x).sum(), x)
    assert bool(torch.isfinite(gradient).all())
