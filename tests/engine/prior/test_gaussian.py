import torch

from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.gaussian import GaussianPrior


def test_denoiser_is_the_posterior_mean_of_a_gaussian_chain():
    """Regression of x_0 on x_t over many draws recovers alpha_t."""
    prior = GaussianPrior(GlobularCorrelation((20,)))
    generator = torch.Generator().manual_seed(0)
    shape = (4000, 20, 4, 3)
    x0 = prior.correlation.apply(torch.randn(shape, generator=generator))
    alpha, sigma = prior.schedule.at(0.7)
    x_t = alpha * x0 + sigma * prior.correlation.apply(torch.randn(shape, generator=generator))
    slope = (x_t * x0).sum() / x_t.square().sum()
    torch.testing.assert_close(prior.denoise(x_t, 0.7), alpha * x_t)
    assert abs(slope.item() - alpha) < 0.01
