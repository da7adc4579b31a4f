"""The loop with a Gaussian prior and linear measurements, whose maximum a posteriori is a linear solve.

With proximal steps of stiffness one the estimate stays where the prior's pull back in whitened space,
(1 - alpha^2)/sigma^2 = 1, balances the measurements: the maximum a posteriori, at every noise level. As everything is
linear, the mean over the renoising is the loop without it, which these tests run. The loop puts the prior about the
middle of the atoms, so that has to be measured as well for the prior of the closed form, which is about the origin.
"""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.evidence import KnownAtoms
from adp3d.prior.gaussian import GaussianPrior
from adp3d.solver.adp3d import initial_state, solve
from adp3d.solver.likelihood_potential import LikelihoodPotential
from adp3d.solver.noise import ReplicaNoise
from adp3d.solver.updates import ProximalUpdate

LENGTHS = (14, 10)
N = sum(LENGTHS)
SIZE = 4 * N
TIMES = np.linspace(1.0, 0.4, 13)
"""Down to where a step hardly moves what the one before has found."""


class Mean(ReplicaNoise):
    """The mean of the random numbers."""

    def draw(self, shape, dtype, device):
        return torch.zeros(self.count, *shape, dtype=dtype, device=device)


@dataclass(frozen=True)
class DenseOperator:
    """-|y - A x|^2 / 2 s^2 of a matrix that mixes all atoms, (measurement, atom), the same along x, y and z."""

    operator: torch.Tensor
    y: torch.Tensor
    sigma: float

    def __call__(self, x):
        away = torch.einsum("ma,sac->smc", self.operator, x.flatten(1, 2)) - self.y
        return -0.5 * away.square().sum((1, 2)) / self.sigma**2

    def curvature(self, x):
        # no less than the Hessian in any direction (Gershgorin): the atoms are coupled
        rows = (self.operator.abs().T @ self.operator.abs()).sum(1) / self.sigma**2
        return rows.reshape(1, N, 4).expand(len(x), -1, -1)


def _prior():
    prior = GaussianPrior(GlobularCorrelation(LENGTHS))
    identity = torch.eye(SIZE, dtype=torch.float64).reshape(SIZE, N, 4, 1).expand(-1, -1, -1, 3)
    r = prior.correlation.apply(identity)[..., 0].flatten(1).T
    return prior, torch.linalg.inv(r @ r.T)


def _maximum(precision, rows):
    """Maximum a posteriori of measurements (operator, y, sigma) of positions with this prior precision."""
    posterior, right = precision.clone(), torch.zeros(SIZE, 3, dtype=torch.float64)
    for operator, y, sigma in rows:
        posterior += operator.T @ operator / sigma**2
        right += operator.T @ y / sigma**2
    return torch.linalg.solve(posterior, right).reshape(N, 4, 3)


MIDDLE = torch.full((1, SIZE), 1.0 / SIZE, dtype=torch.float64), torch.zeros(1, 3, dtype=torch.float64), 0.04


def _loop(prior, update):
    noise = Mean(0, 0, 1)
    state = initial_state(prior, 1, noise, 1.0, torch.zeros(3, dtype=torch.float64))
    return solve(prior, [update], TIMES, state, noise, lambda state, level: True).estimate[0]


def _truth(prior):
    generator = torch.Generator().manual_seed(5)
    return prior.correlation.apply(torch.randn(1, N, 4, 3, generator=generator, dtype=torch.float64))[0]


def _update(prior, model=None, *further):
    potentials = [LikelihoodPotential(str(k), DenseOperator(*row)) for k, row in enumerate((MIDDLE, *further))]
    return ProximalUpdate(prior.correlation, model, potentials, stiffness=1.0, iterations=200, longest_step=1000.0)


@pytest.mark.parametrize("sigma", [0.1, 3.0])
def test_known_atoms(sigma):
    prior, precision = _prior()
    known = torch.zeros(N, 4, dtype=torch.bool)
    known[::3] = True
    model = KnownAtoms.measured(_truth(prior), known, torch.full((N, 4), sigma, dtype=torch.float64))
    seen = known.flatten()
    operator, y = torch.eye(SIZE, dtype=torch.float64)[seen], model.target.flatten(0, 1)[seen]
    exact = _maximum(precision, [MIDDLE, (operator, y, sigma)])
    found = _loop(prior, _update(prior, model))
    assert float((found - exact).norm() / exact.norm()) < 1e-3


@pytest.mark.parametrize("sigma", [1.0, 3.0])
def test_a_dense_linear_operator(sigma):
    prior, precision = _prior()
    generator = torch.Generator().manual_seed(6)
    operator = torch.randn(40, SIZE, generator=generator, dtype=torch.float64) / SIZE**0.5
    row = operator, operator @ _truth(prior).flatten(0, 1), sigma
    exact = _maximum(precision, [MIDDLE, row])
    found = _loop(prior, _update(prior, None, row))
    assert float((found - exact).norm() / exact.norm()) < 1e-3
