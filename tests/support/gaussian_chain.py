"""Gaussian chains, and their energies in closed form."""

from __future__ import annotations

import math

import torch

from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.gaussian import GaussianPrior


def gaussian(*lengths):
    return GaussianPrior(GlobularCorrelation(lengths))


def backbones(prior, count=3, seed=1):
    z = torch.randn(
        count, prior.correlation.n_residues, 4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    x = 1.3 * prior.correlation.apply(z)
    return x - x.mean((1, 2), keepdim=True)


def exact_energy(prior, x, ratio):
    y = prior.correlation.inverse(x)
    variance = 1 + ratio**2
    nats = 0.5 * (y.square() / variance + math.log(2 * math.pi * variance)).sum((1, 2, 3))
    return nats + prior.correlation.log_determinant
