"""Folding from distances, with the hand decided by an energy that can tell it."""

from __future__ import annotations

import numpy as np
import torch

from adp3d.likelihood.distances import DistanceLikelihood
from adp3d.physics.distances import DistanceOperator
from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.gaussian import GaussianPrior
from adp3d.prior.schedule import step_times
from adp3d.solver.folding import fold, plain_sampler
from adp3d.solver.likelihood_potential import LikelihoodPotential
from adp3d.solver.posterior import Posterior
from adp3d.solver.updates import ProximalUpdate

N = 12


def problem(helix):
    """All CA distances of a helix; the Gaussian prior knows nothing of hands."""
    prior = GaussianPrior(GlobularCorrelation((N,)))
    pairs = torch.triu_indices(N, N, 1).T
    ca = helix[:N, 1].float()
    target = (ca[pairs[:, 0]] - ca[pairs[:, 1]]).norm(dim=-1)
    likelihood = DistanceLikelihood.harmonic(DistanceOperator.between_ca(pairs), target, 0.2)
    potential = LikelihoodPotential("distances", likelihood)
    updates = [ProximalUpdate(prior.correlation, None, [potential], iterations=8, longest_step=5.0)]
    return likelihood, plain_sampler(Posterior(prior, updates, torch.zeros(3)), seed=3)


def handedness(x):
    """Mean signed volume of four consecutive CA atoms, (replica,); positive for right-handed helices."""
    step = x[:, 1:, 1] - x[:, :-1, 1]
    return (torch.linalg.cross(step[:, :-2], step[:, 1:-1]) * step[:, 2:]).sum(-1).mean(1)


def test_the_energy_decides_the_hand(helix):
    likelihood, sample = problem(helix)
    assert handedness(helix[None]) > 0
    first = handedness(sample("folding", step_times(15), 4, None))
    assert (first > 0).any() and (first < 0).any()  # distances alone give both hands
    found = fold(sample, likelihood, lambda x: -20.0 * handedness(x).sign(), 15, 4)
    hand = handedness(found.x)
    assert (hand > 0).all()  # each pair gave its right-handed member
    assert likelihood.satisfied(found.x[:1]) > 0.95
    assert found.score.tolist() == sorted(found.score.tolist(), reverse=True)
    assert len({k % 4 for k in found.source}) == 4
    assert found.reflected == tuple(k >= 4 for k in found.source)


def test_stages_and_their_starts(helix):
    likelihood, sample = problem(helix)
    calls = []

    def watched(name, times, replicas, start):
        calls.append((name, times, replicas, start))
        return sample(name, times, replicas, start)

    fold(watched, likelihood, lambda x: torch.zeros(len(x)), 10, 2)
    (_, times, replicas, start), (_, again, doubled, both) = calls
    assert (replicas, doubled) == (2, 4)
    assert start is None
    assert len(times) == 11 and times[0] == 1.0
    assert 0 < again[0] < 1 and (np.diff(again) < 0).all()
    torch.testing.assert_close(both[2:], both[:2] * torch.tensor([1.0, 1.0, -1.0]))


def test_plain_sampler_repeats_itself(helix):
    _, sample = problem(helix)
    a, b = (sample("x", step_times(5), 2, None) for _ in range(2))
    assert torch.equal(a, b)
