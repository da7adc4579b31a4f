"""The choice between the rules for steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from adp3d.contract.errors import InputError
from adp3d.contract.specification import UPDATES
from adp3d.likelihood.distances import DistanceLikelihood
from adp3d.physics.distances import DistanceOperator
from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.evidence import KnownAtoms
from adp3d.prior.gaussian import GaussianPrior
from adp3d.prior.schedule import step_times
from adp3d.solver.adp3d import initial_state, solve
from adp3d.solver.choose_updates import Pull, choose_updates
from adp3d.solver.likelihood_potential import LikelihoodPotential
from adp3d.solver.noise import ReplicaNoise
from adp3d.solver.pins import HeldAtoms, Pins
from adp3d.solver.protocol import Level

N = 12
ORIGIN = torch.tensor([20.0, -30.0, 5.0])
PRIOR = GaussianPrior(GlobularCorrelation((N,)))
FAR = 60.0


def held():
    truth = PRIOR.correlation.apply(torch.randn(1, N, 4, 3, generator=torch.Generator().manual_seed(0)))[0]
    known = torch.zeros(N, 4, dtype=torch.bool)
    known[::2] = True
    return HeldAtoms(KnownAtoms.measured(truth + ORIGIN, known, torch.full((N, 4), 0.1)), Pins(N))


def potential(name="d", sigma=0.5):
    operator = DistanceOperator.between_ca(torch.tensor([[1, 7]]))
    return LikelihoodPotential(name, DistanceLikelihood.harmonic(operator, torch.tensor([FAR]), sigma))


def step(pull, sigma, rule="proximal"):
    """Where the known start of a chain is moved to in one step, at a noise level, (1, N, 4, 3)."""
    z = torch.randn(1, N, 4, 3, generator=torch.Generator().manual_seed(1))
    level = Level(0, 10, sigma, (1 - sigma**2) ** 0.5, sigma)
    origin = ORIGIN.expand(1, 1, 1, 3)
    moves = [update.direction(z, origin, level) for update in choose_updates(rule, PRIOR.correlation, pull, ORIGIN)]
    return PRIOR.correlation.apply(z + sum(moves)) + ORIGIN


def apart(x):
    return float((x[0, 1, 1] - x[0, 7, 1]).norm())


def solved(rule, pull, steps):
    updates = choose_updates(rule, PRIOR.correlation, pull, ORIGIN)
    noise = ReplicaNoise(0, 0, 2)
    state = initial_state(PRIOR, len(updates), noise, 1.0, ORIGIN)
    return solve(PRIOR, updates, step_times(steps), state, noise, lambda state, level: True).estimate


@pytest.mark.parametrize("rule", UPDATES)
def test_each_rule_reaches_the_known_atoms_far_from_the_origin(rule):
    pull = Pull(held())
    free, found = (pull.held.known.rmsd(solved(rule, given, 100)) for given in (Pull(), pull))
    assert found.max() < 0.15 * free.min()


@pytest.mark.parametrize("rule", UPDATES)
def test_each_rule_moves_pinned_atoms_to_their_places(rule):
    pull = Pull(held())
    atoms = np.zeros((N, 4), dtype=bool)
    atoms[3] = True
    there = np.full((N, 4, 3), 25.0)
    pull.held.pins.hold(atoms, there)
    x = solved(rule, pull, 60)
    assert float((x[:, 3] - 25.0).norm(dim=-1).max()) < 0.3


@pytest.mark.parametrize("rule", UPDATES)
def test_each_rule_follows_all_potentials_by_their_weights(rule):
    free = apart(step(Pull(held()), 0.2, rule))
    moved = [
        apart(step(Pull(held(), [potential("a", 20.0)], [potential("b", 20.0)], {"a": a, "b": b}), 0.2, rule))
        for a, b in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
    ]
    assert moved[0] == pytest.approx(free, abs=1e-3)
    assert free < moved[1] < moved[3]
    assert moved[1] == pytest.approx(moved[2], rel=1e-5), "the two are alike but for their names"


def test_what_the_prior_sees_itself_acts_at_low_noise_only():
    both = {sigma: apart(step(Pull(held(), seen=[potential()]), sigma)) for sigma in (0.3, 0.7)}
    none = {sigma: apart(step(Pull(held()), sigma)) for sigma in (0.3, 0.7)}
    assert both[0.7] == none[0.7]
    assert both[0.3] > none[0.3] + 1.0
    unseen = apart(step(Pull(held(), [potential()]), 0.7))
    assert unseen > none[0.7] + 1.0, "what it does not see acts at any noise"


def test_without_known_atoms_distances_alone_decide():
    assert apart(step(Pull(potentials=[potential()]), 0.7)) == pytest.approx(FAR, abs=1.0)


def test_one_step_of_the_papers_rule_in_closed_form():
    """Rate 0.1 along the preconditioned residual, 1e-5 along the gradient: z + 0.1 V (S^+U^T y - V^T z) + ..."""
    pull, z = Pull(potentials=[potential()]), torch.randn(1, N, 4, 3, generator=torch.Generator().manual_seed(1))
    (update,) = choose_updates("gradient", PRIOR.correlation, pull, ORIGIN)
    level = Level(0, 10, 0.5, 0.8, 0.6)
    x = PRIOR.correlation.apply(z) + ORIGIN
    gap = x[0, 1, 1] - x[0, 7, 1]
    slope = torch.zeros_like(x)
    slope[0, 1, 1] = (gap.norm() - FAR) / 0.5**2 * gap / gap.norm()
    slope[0, 7, 1] = -slope[0, 1, 1]
    torch.testing.assert_close(
        update.direction(z, ORIGIN.expand(1, 1, 1, 3), level), -1e-5 * PRIOR.correlation.transpose(slope)
    )
    assert update.momentum == 0.9


def test_an_unknown_rule_is_refused():
    with pytest.raises(InputError, match="choose proximal or gradient"):
        choose_updates("newton", PRIOR.correlation, Pull(), ORIGIN)
