"""Pinned atoms: overlay on a partial model, exact imposition, release."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.evidence import KnownAtoms
from adp3d.solver.pins import PIN_SIGMA, HeldAtoms, Pins, PinUpdate
from adp3d.solver.protocol import Level
from adp3d.solver.updates import ProximalUpdate

N = 9
CORRELATION = GlobularCorrelation((4, 5))
LEVEL = Level(2, 10, 0.4, 0.8, 0.6)
ORIGIN = torch.tensor([[[[3.0, -2.0, 5.0]]], [[[0.0, 1.0, 0.0]]]], dtype=torch.float64)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def pins():
    pins = Pins(N)
    atoms = np.zeros((N, 4), dtype=bool)
    atoms[2] = True
    atoms[6, :2] = True
    pins.hold(atoms, random(N, 4, 3, seed=9).numpy() * 4)
    return pins


def test_without_pins_nothing_changes():
    pins = Pins(N)
    x = random(2, N, 4, 3)
    known = KnownAtoms(random(N, 4, 3), random(N, 4).abs())
    assert not pins.active
    assert pins.impose(x) is x
    assert pins.over(known) is known
    assert pins.movable(x).all()
    assert (PinUpdate(pins, CORRELATION).direction(x, ORIGIN, LEVEL) == 0).all()


def test_pins_override_the_model(pins):
    pull, target = random(N, 4).abs(), random(N, 4, 3, seed=1)
    mask = torch.from_numpy(pins.mask)
    held = HeldAtoms(KnownAtoms(target, pull), pins)
    new_pull, new_target = held.weights, held.target
    assert (new_pull[mask] == PIN_SIGMA**-2).all() and torch.equal(new_pull[~mask], pull[~mask])
    assert torch.equal(new_target[mask], torch.from_numpy(pins.xyz)[mask])
    assert torch.equal(new_target[~mask], target[~mask])
    shown = held.relative_to(ORIGIN)
    assert torch.equal(shown.weights, new_pull) and torch.equal(shown.target, new_target - ORIGIN)
    pins.release(range(N))  # what was held then is not held now
    assert torch.equal(held.weights, pull) and torch.equal(held.relative_to(ORIGIN).target, target - ORIGIN)


def test_imposed_atoms_are_exact_and_the_others_untouched(pins):
    x = random(3, N, 4, 3)
    mask = torch.from_numpy(pins.mask)
    y = pins.impose(x)
    assert torch.equal(y[:, mask], torch.from_numpy(pins.xyz)[mask].expand(3, -1, -1))
    assert torch.equal(y[:, ~mask], x[:, ~mask])
    assert torch.equal(pins.movable(x), ~mask)
    assert pins.impose(x.float()).dtype == torch.float32


def test_release_and_hold_again(pins):
    pins.release([2])
    assert pins.mask.sum() == 2 and (pins.xyz[2] == 0).all()
    atoms = np.zeros((N, 4), dtype=bool)
    atoms[2, 1] = True
    pins.hold(atoms, np.full((N, 4, 3), 7.0))
    assert pins.mask.sum() == 3
    assert (pins.impose(random(1, N, 4, 3))[0, 2, 1] == 7.0).all()  # not what was cached before


def test_positions_must_be_finite():
    pins = Pins(N)
    with pytest.raises(ValueError, match="finite"):
        pins.hold(np.ones((N, 4), dtype=bool), np.full((N, 4, 3), np.nan))


def test_the_proximal_step_reaches_the_pins_against_model_and_denoiser(pins):
    known = torch.ones(N, 4, dtype=torch.bool)
    model = KnownAtoms.measured(random(N, 4, 3, seed=5) * 5, known, torch.full((N, 4), 0.5, dtype=torch.float64))
    update = ProximalUpdate(CORRELATION, HeldAtoms(model, pins), stiffness=0.4)
    z = random(2, N, 4, 3)
    x = CORRELATION.apply(z + update.direction(z, ORIGIN, LEVEL)) + ORIGIN
    mask = torch.from_numpy(pins.mask)
    assert (x - pins.impose(x))[:, mask].norm(dim=-1).max() < 0.05
    pins.release(range(N))
    free = CORRELATION.apply(z + update.direction(z, ORIGIN, LEVEL)) + ORIGIN
    assert (free - x)[:, mask].norm(dim=-1).max() > 0.5


def test_the_plain_step_carries_pinned_atoms_only(pins):
    z = random(2, N, 4, 3)
    x = CORRELATION.apply(z) + ORIGIN
    moved = CORRELATION.apply(z + PinUpdate(pins, CORRELATION).direction(z, ORIGIN, LEVEL)) + ORIGIN
    torch.testing.assert_close(moved, pins.impose(x))
