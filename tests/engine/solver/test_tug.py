"""A pulled residue: its energy against autograd, its proximal step, and what the prior is shown."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.evidence import KnownAtoms
from adp3d.solver.pins import HeldAtoms, Pins, PinUpdate
from adp3d.solver.protocol import Level
from adp3d.solver.tug import TUG_REACH, TUG_SIGMA
from adp3d.solver.updates import ProximalUpdate

N = 9
CORRELATION = GlobularCorrelation((4, 5))
LEVEL = Level(2, 10, 0.4, 0.8, 0.6)
ORIGIN = torch.zeros(1, 1, 1, 3, dtype=torch.float64)
PLACE = [3.0, -2.0, 1.0]


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def held():
    weights = random(N, 4, seed=3).abs()
    weights[6] = 0.0
    return HeldAtoms(KnownAtoms(random(N, 4, 3, seed=1), weights), Pins(N))


@pytest.mark.parametrize("residue", [2, 6])
def test_the_sum_of_both_energies_by_autograd(held, residue):
    held.pins.tug.pull(residue, PLACE)
    x = random(1, N, 4, 3, seed=2).requires_grad_()
    tug = 0.5 * TUG_SIGMA**-2 * (x[:, residue, 1] - torch.tensor(PLACE)).square().sum()
    (expected,) = torch.autograd.grad(0.5 * held.known.misfit(x).sum() + tug, x)
    (found,) = torch.autograd.grad(0.5 * KnownAtoms(held.target, held.weights).misfit(x).sum(), x)
    torch.testing.assert_close(found, expected)


def test_the_proximal_step_is_where_the_forces_balance(held):
    held.pins.tug.pull(6, PLACE)
    z = random(1, N, 4, 3)
    update = ProximalUpdate(CORRELATION, held, stiffness=0.4)
    step = update.direction(z, ORIGIN, LEVEL).requires_grad_()
    x = CORRELATION.apply(z + step) + ORIGIN
    energy = 0.5 * 0.4 / LEVEL.sigma**2 * step.square().sum() + 0.5 * held.known.misfit(x).sum()
    energy = energy + 0.5 * TUG_SIGMA**-2 * (x[0, 6, 1] - torch.tensor(PLACE)).square().sum()
    (slope,) = torch.autograd.grad(energy, step)
    assert float(slope.abs().max()) < 1e-6
    assert float((x[0, 6, 1].detach() - torch.tensor(PLACE)).norm()) < 0.5


def test_the_plain_step_takes_the_chain_along(held):
    held.pins.tug.pull(6, PLACE)
    z = random(2, N, 4, 3)
    step = PinUpdate(held.pins, CORRELATION).direction(z, ORIGIN, LEVEL)
    before, after = (CORRELATION.apply(one) for one in (z, z + step))
    far = [(x[:, 6, 1] - torch.tensor(PLACE)).norm(dim=-1) for x in (before, after)]
    assert (far[1] < 0.1 * far[0]).all()
    assert ((after - before)[:, 5, 1].norm(dim=-1) > 0.1).all(), "its neighbour comes along"
    assert ((after - before)[:, :4].abs() < 2.0).all(), "the other chain hardly"


def test_the_force_is_bounded(held):
    tug, x = held.pins.tug, random(N, 4, 3, seed=5)
    target = x[3, 1].numpy() + np.array([0.0, 100.0, 0.0])
    tug.pull(3, target)
    tug.aim(x)
    nothing = KnownAtoms(torch.zeros(N, 4, 3), torch.zeros(N, 4))
    aimed = tug.over(nothing).target[3, 1].double()
    torch.testing.assert_close(aimed, x[3, 1] + torch.tensor([0.0, TUG_REACH, 0.0]), atol=1e-5, rtol=0)
    np.testing.assert_allclose(tug.target, target)
    tug.pull(3, x[3, 1] + 1.0)
    tug.aim(x)
    torch.testing.assert_close(tug.over(nothing).target[3, 1].double(), x[3, 1] + 1.0, atol=1e-5, rtol=0)


def test_the_prior_is_not_shown_where_the_residue_was(held):
    before = held.relative_to(ORIGIN)
    held.pins.tug.pull(2, PLACE)
    shown = held.relative_to(ORIGIN)
    assert (shown.weights[2] == 0).all()
    rest = [i for i in range(N) if i != 2]
    assert torch.equal(shown.weights[rest], before.weights[rest]) and torch.equal(shown.target, before.target)
    held.pins.tug.let_go()
    assert torch.equal(held.relative_to(ORIGIN).weights, before.weights)
    assert torch.equal(held.weights, held.known.weights)


def test_pinned_atoms_stay_in_sight(held):
    atoms = np.zeros((N, 4), dtype=bool)
    atoms[2, :2] = True
    held.pins.hold(atoms, random(N, 4, 3, seed=8).numpy())
    held.pins.tug.pull(2, PLACE)
    shown = held.relative_to(ORIGIN).weights[2] > 0
    assert shown.tolist() == [True, True, False, False]


@pytest.mark.parametrize("place", [[0.0, 0.0], [0.0, np.nan, 0.0], [np.inf, 0.0, 0.0]])
def test_places_are_finite(place):
    with pytest.raises(ValueError, match="pulled"):
        Pins(N).tug.pull(1, place)
