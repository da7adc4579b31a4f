"""Structures brought to the geometry that a prior likes."""

from __future__ import annotations

import torch

from adp3d.energy.settled import settled
from adp3d.energy.structure import EnergySettings, structure_energy
from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.gaussian import GaussianPrior


def test_the_gaussian_chain_shrinks_about_its_middle():
    prior = GaussianPrior(GlobularCorrelation((14,)))
    x = 3.0 * torch.randn(2, 14, 4, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64) + 20.0
    alpha, sigma = prior.schedule.at(0.5)
    factor = (alpha**2 / (alpha**2 + sigma**2)) ** 2
    middle = x.mean((1, 2), keepdim=True)
    torch.testing.assert_close(settled(prior, x, 0.5), middle + factor * (x - middle))


def test_energies_are_those_of_settled_structures():
    prior = GaussianPrior(GlobularCorrelation((14,)))
    x = torch.randn(2, 14, 4, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    x = x - x.mean((1, 2), keepdim=True)
    asked = EnergySettings(steps=8, draws=1)
    expected = structure_energy(prior, settled(prior, x, 0.4), asked)
    found = structure_energy(prior, x, EnergySettings(steps=8, draws=1, settle=0.4))
    torch.testing.assert_close(found.per_residue, expected.per_residue)
    assert not torch.allclose(found.total, structure_energy(prior, x, asked).total)
