"""Likelihood of a partial model in whitened space."""

from __future__ import annotations

import pytest
import torch

from adp3d.likelihood.partial_model import PreconditionedPartialModel
from adp3d.physics.masking import mask_svd
from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.evidence import KnownAtoms

N = 8
CORRELATION = GlobularCorrelation((N,))


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def model(sigma=0.5):
    known = torch.zeros(N, 4, dtype=torch.bool)
    known[1:4] = True
    known[6, 1] = True
    return KnownAtoms.measured(random(N, 4, 3, seed=1), known, torch.full((N, 4), sigma, dtype=torch.float64))


@pytest.mark.parametrize("sigma", [1.0, 0.3])
def test_preconditioned_form_and_its_gradient(sigma):
    given = model()
    svd = mask_svd(given, CORRELATION)
    likelihood = PreconditionedPartialModel(svd, sigma)
    z = random(2, N, 4, 3).requires_grad_(True)
    value = likelihood(z)
    value.sum().backward()
    torch.testing.assert_close(likelihood.gradient(z.detach()), z.grad)
    residual = torch.einsum("ma,rax->rmx", svd.right, z.detach().flatten(1, 2)) - svd.target
    torch.testing.assert_close(value.detach(), -0.5 * residual.square().sum((1, 2)) / sigma**2)


def test_one_preconditioned_step_of_unit_length_reaches_the_measurement():
    given = model()
    likelihood = PreconditionedPartialModel(mask_svd(given, CORRELATION))
    z = random(1, N, 4, 3)
    z = z + likelihood.gradient(z)
    assert likelihood(z).abs().max() < 1e-18
    torch.testing.assert_close(given.observe(CORRELATION.apply(z))[0], given.observe(given.target))
