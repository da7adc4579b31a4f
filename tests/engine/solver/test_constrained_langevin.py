"""Langevin dynamics with a Gaussian prior: what the unadjusted steps sample is known exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.evidence import KnownAtoms
from adp3d.prior.gaussian import GaussianPrior
from adp3d.prior.schedule import step_times
from adp3d.solver.constrained_langevin import Clamp, constrained_langevin, langevin_step
from adp3d.solver.noise import ReplicaNoise

N = 5
CORRELATION = GlobularCorrelation((3, 2))
PRIOR = GaussianPrior(CORRELATION)
ORIGIN = torch.zeros(3, dtype=torch.float64)


def _model(seed=1):
    generator = torch.Generator().manual_seed(seed)
    truth = CORRELATION.apply(torch.randn(N, 4, 3, generator=generator, dtype=torch.float64))
    known = torch.zeros(N, 4, dtype=torch.bool)
    known[::2] = True
    return KnownAtoms.measured(truth, known, torch.full((N, 4), 0.1, dtype=torch.float64))


def _conditional(model):
    """Mean (u, 3) and covariance (u, u) of the unknown atoms of N(0, R R^T), by dense linear algebra."""
    unit = torch.eye(4 * N, dtype=torch.float64).reshape(4 * N, N, 4, 1).expand(-1, -1, -1, 3).contiguous()
    root = CORRELATION.apply(unit)[..., 0].reshape(4 * N, 4 * N).T
    covariance = (root @ root.T).numpy()
    known = model.known.flatten().numpy()
    gain = covariance[np.ix_(~known, known)] @ np.linalg.inv(covariance[np.ix_(known, known)])
    mean = gain @ model.target.reshape(-1, 3).numpy()[known]
    return mean, covariance[np.ix_(~known, ~known)] - gain @ covariance[np.ix_(known, ~known)]


def _unknown(x, model):
    return x[:, ~model.known].numpy()


def _moments(x, mean):
    away = x - mean
    return x.mean(0), np.einsum("rud,rvd->uv", away, away) / (3 * len(x))


def test_the_clamp_conditions_the_chain_on_its_known_atoms():
    model = _model()
    mean, covariance = _conditional(model)
    clamp = Clamp(CORRELATION, model)
    x = clamp.place(torch.zeros(1, N, 4, 3, dtype=torch.float64))
    assert torch.equal(x[0, model.known], model.target[model.known])
    np.testing.assert_allclose(_unknown(x, model)[0], mean, atol=1e-6)
    draws = CORRELATION.apply(ReplicaNoise(0, 0, 4000).draw((N, 4, 3), torch.float64, torch.device("cpu")))
    moved = clamp.project(draws)
    assert not moved[:, model.known].any()
    torch.testing.assert_close(clamp.project(moved), moved, atol=1e-6, rtol=0)
    found = _moments(_unknown(moved, model), 0.0)[1]
    assert np.abs(found - covariance).max() < 0.05 * covariance.diagonal().max()


@pytest.mark.parametrize("size", [0.25, 0.8])
def test_the_stationary_distribution_is_the_conditional_one_but_for_the_known_bias(size):
    """Unadjusted steps x -> x - s (x - m) + sqrt(2 s) e have variance C / (1 - s / 2)."""
    model = _model()
    mean, covariance = _conditional(model)
    clamp, noise, t = Clamp(CORRELATION, model), ReplicaNoise(3, 0, 4000), 1.0
    _, sigma = PRIOR.schedule.at(t)
    x = clamp.place(torch.zeros(4000, N, 4, 3, dtype=torch.float64))
    for _ in range(16 if size > 0.5 else 40):
        x = langevin_step(PRIOR, clamp, x, PRIOR.denoise(x, t), t, size / sigma**2, noise)
    found_mean, found = _moments(_unknown(x, model), mean)
    expected = covariance / (1 - size / 2)
    scale = np.sqrt(expected.diagonal()[:, None])
    assert torch.equal(x[:, model.known], model.target[model.known].expand(4000, -1, -1))
    assert np.abs((found_mean - mean) / scale).max() < 0.06
    assert np.abs(found / (scale * scale.T) - expected / (scale * scale.T)).max() < 0.05


def test_the_annealed_dynamics_samples_what_its_steps_say():
    """With a Gaussian prior each step is linear, so the variance after all of them follows from a recursion."""
    model = _model()
    mean, covariance = _conditional(model)
    times, mobility = step_times(30), 3.0
    origin = torch.tensor([20.0, -4.0, 7.0], dtype=torch.float64)
    shifted = KnownAtoms(model.target + origin, model.weights)
    x = constrained_langevin(PRIOR, times, ReplicaNoise(5, 0, 4000), origin, shifted, mobility=mobility)
    assert torch.equal(x[:, model.known], shifted.target[model.known].expand(4000, -1, -1))
    gap = 0.5 * mobility * 20.5 * (times[0] - times[1])
    variance = 1.0
    for t in times[:-2]:
        drift = gap * PRIOR.schedule.at(t)[1] ** 2
        variance = (1 - drift) ** 2 * variance + 2 * drift
    found_mean, found = _moments(_unknown(x - origin, model), mean)
    scale = np.sqrt(variance * covariance.diagonal()[:, None])
    assert np.abs((found_mean - mean) / scale).max() < 0.06
    assert np.abs((found - variance * covariance) / (scale * scale.T)).max() < 0.06


def test_a_misfit_guides_what_no_constraint_can_hold():
    target = torch.tensor(9.0, dtype=torch.float64)

    def misfit(x):
        return (x[:, 0, 1] - x[:, 2, 1]).norm(dim=-1).sub(target).abs()

    error = []
    for guidance in (0.0, 0.2):
        noise = ReplicaNoise(0, 0, 50)
        x = constrained_langevin(PRIOR, step_times(100), noise, ORIGIN, misfit=misfit, guidance=guidance)
        error.append(float(misfit(x).mean()))
    assert error[1] < 0.3 * error[0]
