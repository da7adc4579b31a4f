"""Any likelihood as a potential."""

from __future__ import annotations

import torch

from adp3d.likelihood.distances import DistanceLikelihood
from adp3d.physics.distances import DistanceOperator
from adp3d.solver.likelihood_potential import LikelihoodPotential
from adp3d.solver.protocol import Level

LEVEL = Level(0, 1, 0.5, 0.8, 0.6)


def make(sigma=0.5):
    pairs = torch.tensor([[0, 3], [1, 4], [0, 4]])
    target = torch.tensor([5.0, 6.0, 7.0], dtype=torch.float64)
    return DistanceLikelihood.harmonic(DistanceOperator.between_ca(pairs), target, sigma)


def points():
    return 4 * torch.randn(2, 5, 4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_energy_and_gradient_in_closed_form():
    x = points()
    energy, gradient = LikelihoodPotential("d", make()).value_and_gradient(x)
    expected_energy = torch.zeros(2, dtype=torch.float64)
    expected = torch.zeros_like(x)
    for i, j, d in ((0, 3, 5.0), (1, 4, 6.0), (0, 4, 7.0)):
        gap = x[:, i, 1] - x[:, j, 1]
        length = gap.norm(dim=-1)
        expected_energy += 0.5 * (length - d) ** 2 / 0.25
        force = ((length - d) / 0.25 / length)[:, None] * gap
        expected[:, i, 1] += force
        expected[:, j, 1] -= force
    torch.testing.assert_close(energy, expected_energy)
    torch.testing.assert_close(gradient, expected)


def test_works_without_a_surrounding_graph_and_leaves_none():
    x = points()
    with torch.no_grad():
        energy, gradient = LikelihoodPotential("d", make()).value_and_gradient(x)
    assert not energy.requires_grad and not gradient.requires_grad and not x.requires_grad


def test_is_the_same_at_every_level():
    potential = LikelihoodPotential("d", make())
    assert potential.at(points(), LEVEL) is potential
    torch.testing.assert_close(potential.curvature(points()), make().curvature(points()))
