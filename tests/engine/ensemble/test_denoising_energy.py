"""The energy that ranks replicas, where the denoiser is known in closed form."""

from __future__ import annotations

import torch

from adp3d.ensemble import denoising_energy as module
from adp3d.ensemble.denoising_energy import DEFAULT_TIMES, denoising_energy
from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.evidence import NOTHING
from adp3d.prior.gaussian import GaussianPrior

N = 15
PRIOR = GaussianPrior(GlobularCorrelation((N,)))


def structures(count=3, scale=1.0):
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(count, N, 4, 3, generator=generator, dtype=torch.float64)
    x = PRIOR.correlation.apply(scale * z)
    return x - x.mean((-2, -3), keepdim=True)


def energy(x, seed=0, **options):
    return denoising_energy(PRIOR, x, torch.Generator().manual_seed(seed), **options)


def test_closed_form_for_the_gaussian_chain():
    """With xhat = alpha x_t the error is -sigma^2 z + alpha sigma eps."""
    x = structures()
    z = PRIOR.correlation.inverse(x)
    generator = torch.Generator().manual_seed(0)
    expected = torch.zeros(3, dtype=torch.float64)
    for t in (0.3, 0.6):
        alpha, sigma = PRIOR.schedule.at(t)
        for _ in range(2):
            noise = torch.randn(N, 4, 3, generator=generator, dtype=torch.float64)
            expected += (alpha * noise - sigma * z).square().sum(-1).mean((1, 2))
    torch.testing.assert_close(energy(x, times=(0.3, 0.6), draws=2), expected / 4)


def test_larger_than_natural_costs_more():
    values = [float(energy(structures(1, scale))) for scale in (1.0, 2.0, 4.0)]
    assert values == sorted(values)


def test_place_in_space_and_company_do_not_matter():
    x = structures()
    plain = energy(x)
    torch.testing.assert_close(energy(x + torch.tensor([100.0, -40.0, 7.0])), plain)
    torch.testing.assert_close(energy(x[1:2]), plain[1:2])
    torch.testing.assert_close(energy(x[[0, 0]])[0], energy(x[[0, 0]])[1])


def test_reproducible_by_its_generator():
    x = structures()
    assert torch.equal(energy(x, 4), energy(x, 4))
    assert not torch.equal(energy(x, 4), energy(x, 5))
    assert len(DEFAULT_TIMES) > 1


def test_large_structures_are_judged_one_after_the_other_to_the_same_figures(monkeypatch):
    x, asked = structures(), []
    together = energy(x)

    class Counting(GaussianPrior):
        def denoise(self, x_t, t, evidence=NOTHING):
            asked.append(len(x_t))
            return super().denoise(x_t, t, evidence)

    monkeypatch.setattr(module, "_AT_ONCE", 2 * N)
    apart = denoising_energy(Counting(PRIOR.correlation), x, torch.Generator().manual_seed(0))
    torch.testing.assert_close(apart, together)
    assert set(asked) == {1, 2} and sum(asked) == 3 * 2 * len(DEFAULT_TIMES)
