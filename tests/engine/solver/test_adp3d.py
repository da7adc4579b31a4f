"""Algorithm 1 where the answer is known in closed form: the Gaussian chain prior."""

import dataclasses

import pytest
import torch

from adp3d.likelihood.partial_model import PreconditionedPartialModel
from adp3d.physics.masking import mask_svd
from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.evidence import KnownAtoms
from adp3d.prior.gaussian import GaussianPrior
from adp3d.prior.schedule import step_times
from adp3d.solver.adp3d import initial_state, solve
from adp3d.solver.likelihood_potential import LikelihoodPotential
from adp3d.solver.noise import ReplicaNoise
from adp3d.solver.protocol import Level
from adp3d.solver.updates import GradientUpdate, PreconditionedUpdate, ProximalUpdate

N = 24


def _problem(shift=0.0):
    prior = GaussianPrior(GlobularCorrelation((N,)))
    generator = torch.Generator().manual_seed(0)
    truth = prior.correlation.apply(torch.randn(1, N, 4, 3, generator=generator))[0] + shift
    known = torch.zeros(N, 4, dtype=torch.bool)
    known[::3] = True
    return prior, truth, KnownAtoms.measured(truth, known, torch.full((N, 4), 0.01))


def _conditional_mean(prior, model):
    """E[x | known atoms] under N(0, R R^T), by dense linear algebra."""
    identity = torch.eye(4 * N, dtype=torch.float64)
    r = prior.correlation.apply(identity.reshape(4 * N, N, 4, 1).expand(-1, -1, -1, 3))[..., 0].flatten(1).T
    covariance = r @ r.T
    seen = model.known.flatten()
    y = model.target.flatten(0, 1)[seen].double()
    gain = covariance[:, seen] @ torch.linalg.inv(covariance[seen][:, seen] + 1e-4 * torch.eye(int(seen.sum())))
    return (gain @ y).reshape(N, 4, 3)


def _run(prior, updates, origin, steps=150, seed=0, observe=lambda state, level: True, state=None, noise=None):
    times = step_times(steps)
    noise = noise or ReplicaNoise(seed, 0, 2)
    state = state or initial_state(prior, len(updates), noise, 1.0, origin)
    return solve(prior, updates, times, state, noise, observe)


def test_known_atoms_are_reached_and_the_rest_follows_the_conditional_mean():
    prior, truth, model = _problem()
    update = ProximalUpdate(prior.correlation, model)
    estimate = _run(prior, [update], torch.zeros(3)).estimate
    seen = model.observe(estimate)
    torch.testing.assert_close(seen, model.observe(model.target).expand_as(seen), atol=0.05, rtol=0)
    mean = _conditional_mean(prior, model).float()
    gap = (estimate - mean)[:, ~model.known].square().sum(-1).mean().sqrt()
    # the residual is the conditional spread itself, sqrt(3) x about 1 angstrom between known residues
    spread = (truth - mean)[~model.known].square().sum(-1).mean().sqrt()
    assert gap < 1.5 * spread


def test_proximal_step_equals_the_exact_projection():
    """With gamma -> 0 the proximal point is the minimum-norm correction through the SVD."""
    prior, _, model = _problem()
    sharp = dataclasses.replace(model, weights=1e6 * model.known)
    z = torch.randn(2, N, 4, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    svd = mask_svd(dataclasses.replace(sharp, target=sharp.target.double()), prior.correlation)
    flat = PreconditionedPartialModel(svd).gradient(z)
    level = _level()
    update = ProximalUpdate(prior.correlation, sharp, stiffness=1e-6)
    step = update.direction(z, torch.zeros(1, 1, 1, 3, dtype=torch.float64), level)
    torch.testing.assert_close(step, flat, atol=1e-4, rtol=1e-4)


def test_preconditioned_gradient_is_the_gradient():
    prior, _, model = _problem()
    likelihood = PreconditionedPartialModel(mask_svd(model, prior.correlation), sigma=0.7)
    z = torch.randn(2, N, 4, 3).requires_grad_(True)
    likelihood(z).sum().backward()
    torch.testing.assert_close(likelihood.gradient(z.detach()), z.grad, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["preconditioned", "gradient"])
def test_gradient_updates_fit_the_known_atoms(kind):
    prior, _, model = _problem()
    if kind == "preconditioned":
        likelihood = PreconditionedPartialModel(mask_svd(model, prior.correlation))
        update = PreconditionedUpdate(likelihood, prior.correlation, torch.zeros(3), rate=0.1, momentum=0.9)
    else:
        update = GradientUpdate(
            LikelihoodPotential("model", _CurvedModel(model)), prior.correlation, rate=3e-8, momentum=0.9
        )
    start = _run(prior, [update], torch.zeros(3), steps=1).estimate
    end = _run(prior, [update], torch.zeros(3), steps=150).estimate

    def error(x):
        return (model.observe(x) - model.observe(model.target)).square().sum(-1).mean().sqrt()

    # without preconditioning only the soft modes have converged by then
    assert error(end) < (0.2 if kind == "preconditioned" else 0.6) * error(start)


def test_measurements_may_lie_far_from_the_origin():
    prior, truth, model = _problem(shift=150.0)
    estimate = _run(prior, [ProximalUpdate(prior.correlation, model)], truth.mean((0, 1))).estimate
    gap = (model.observe(estimate) - model.observe(model.target)).norm(dim=-1)
    assert gap.max() < 0.05


def test_stopping_and_resuming_gives_the_same_bits():
    prior, _, model = _problem()
    updates = [ProximalUpdate(prior.correlation, model)]
    whole = _run(prior, updates, torch.zeros(3), steps=20)
    noise = ReplicaNoise(0, 0, 2)
    half = _run(prior, updates, torch.zeros(3), steps=20, observe=lambda s, level: s.step < 9, noise=noise)
    assert half.step == 9
    later = ReplicaNoise(99, 0, 2)
    later.restore(noise.state())
    rest = _run(prior, updates, torch.zeros(3), steps=20, state=half, noise=later)
    assert torch.equal(rest.estimate, whole.estimate)


def test_a_replica_does_not_depend_on_its_batch():
    together = ReplicaNoise(5, 0, 4).draw((3, 4, 3), torch.float32, torch.device("cpu"))
    apart = ReplicaNoise(5, 2, 2).draw((3, 4, 3), torch.float32, torch.device("cpu"))
    assert torch.equal(together[2:], apart)


class _CurvedModel:
    """Known atoms as a potential like any other."""

    def __init__(self, model):
        self.model = model

    def __call__(self, x):
        return -0.5 * self.model.misfit(x)

    def curvature(self, x):
        return self.model.weights.expand(x.shape[:3])


def _level(sigma=0.5):
    return Level(0, 1, 0.5, (1 - sigma**2) ** 0.5, sigma)


def test_potentials_and_model_share_one_proximal_step():
    """A potential equal to the partial model gives the same point as the exact quadratic solution."""
    prior, _, model = _problem()
    soft = dataclasses.replace(model, weights=4.0 * model.known)
    z = torch.randn(2, N, 4, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    origin = torch.zeros(1, 1, 1, 3, dtype=torch.float64)
    exact = ProximalUpdate(prior.correlation, soft).direction(z, origin, _level())
    potential = LikelihoodPotential("copy", _CurvedModel(soft))
    stepped = ProximalUpdate(prior.correlation, None, [potential], iterations=2, longest_step=1e3)
    torch.testing.assert_close(stepped.direction(z, origin, _level()), exact, atol=1e-6, rtol=1e-6)
    off = ProximalUpdate(prior.correlation, None, [potential], weights={"copy": 0.0})
    assert off.direction(z, origin, _level()).abs().max() < 1e-9
