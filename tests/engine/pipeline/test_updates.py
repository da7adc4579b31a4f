"""The paper's own updates, put together for a job."""

from __future__ import annotations

import torch

from adp3d.likelihood.distances import DistanceLikelihood
from adp3d.physics.distances import DistanceOperator
from adp3d.physics.masking import MaskedModel
from adp3d.pipeline.updates import gradient_updates
from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.gaussian import GaussianPrior
from adp3d.prior.schedule import step_times
from adp3d.solver.adp3d import initial_state, solve
from adp3d.solver.likelihood_potential import LikelihoodPotential
from adp3d.solver.noise import ReplicaNoise
from adp3d.solver.updates import GradientUpdate, PreconditionedUpdate

N = 12
ORIGIN = torch.tensor([20.0, -30.0, 5.0])


def model(prior):
    truth = prior.correlation.apply(torch.randn(1, N, 4, 3, generator=torch.Generator().manual_seed(0)))[0]
    known = torch.zeros(N, 4, dtype=torch.bool)
    known[::2] = True
    return MaskedModel(truth + ORIGIN, known, torch.full((N, 4), 0.1))


def potential():
    operator = DistanceOperator.between_ca(torch.tensor([[1, 7]]))
    return LikelihoodPotential("d", DistanceLikelihood.harmonic(operator, torch.tensor([6.0]), 0.5))


def test_one_update_per_measurement():
    prior = GaussianPrior(GlobularCorrelation((N,)))
    both = gradient_updates(prior.correlation, model(prior), [potential()], ORIGIN, {"d": 2.0})
    assert [type(update) for update in both] == [PreconditionedUpdate, GradientUpdate]
    assert all(0 < update.momentum < 1 for update in both)
    assert both[1].weights == {"d": 2.0}
    alone = gradient_updates(prior.correlation, None, [potential()], ORIGIN, {})
    assert [type(update) for update in alone] == [GradientUpdate]


def test_they_reach_the_known_atoms_far_from_the_origin():
    prior = GaussianPrior(GlobularCorrelation((N,)))
    given = model(prior)
    updates = gradient_updates(prior.correlation, given, [], ORIGIN, {})

    def error(steps):
        noise = ReplicaNoise(0, 0, 2)
        state = initial_state(prior, 1, noise, 1.0, ORIGIN)
        x = solve(prior, updates, step_times(steps), state, noise, lambda state, level: True).estimate
        return float((given.observe(x) - given.observe(given.coordinates)).norm(dim=-1).mean())

    assert error(100) < 0.3 * error(1)
