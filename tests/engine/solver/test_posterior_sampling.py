"""Posterior sampling with a Gaussian prior, whose posterior is known."""

from __future__ import annotations

import torch

from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.evidence import KnownAtoms
from adp3d.prior.gaussian import GaussianPrior
from adp3d.prior.schedule import step_times
from adp3d.solver.noise import ReplicaNoise
from adp3d.solver.posterior_sampling import posterior_sampling

CORRELATION = GlobularCorrelation((10,))
PRIOR = GaussianPrior(CORRELATION)


def test_without_guidance_the_prior_is_sampled():
    origin = torch.tensor([5.0, 0.0, 0.0])
    noise = ReplicaNoise(0, 0, 400)
    x = posterior_sampling(PRIOR, lambda x: x.square().sum((1, 2, 3)), step_times(200), noise, origin, guidance=0.0)
    z = CORRELATION.inverse(x - origin)
    assert abs(float(z.mean())) < 0.02
    assert abs(float(z.std()) - 1) < 0.05


def test_guidance_leads_to_the_known_atoms():
    generator = torch.Generator().manual_seed(1)
    truth = CORRELATION.apply(torch.randn(10, 4, 3, generator=generator))
    known = torch.zeros(10, 4, dtype=torch.bool)
    known[::3] = True
    model = KnownAtoms.measured(truth, known, torch.full((10, 4), 0.1))
    error = []
    for guidance in (0.0, 0.1):
        x = posterior_sampling(PRIOR, model.gap, step_times(100), ReplicaNoise(0, 0, 16), torch.zeros(3), guidance)
        error.append(float((model.observe(x) - model.observe(truth)).square().sum(-1).mean().sqrt()))
    assert error[1] < 0.25 * error[0]
