"""Energies between chains: of ones that know nothing of each other, and of ones that know something, in closed form."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from gaussian_chain import backbones, exact_energy, gaussian
from scipy.spatial.transform import Rotation

from adp3d.energy import interface
from adp3d.energy.interface import interface_energy
from adp3d.energy.structure import METHODS, EnergySettings, contributions, structure_energy
from adp3d.prior.evidence import NOTHING


class Tied:
    """Two chains of equal length, each coordinate of one, whitened, correlated with that of the other."""

    name = "tied"
    sees_known, sees_density = True, False

    def __init__(self, length, tie):
        plain = gaussian(length, length)
        self.correlation, self.schedule = plain.correlation, plain.schedule
        self._length, self._tie = length, tie

    def denoise(self, x_t, t, evidence=NOTHING):
        alpha, sigma = self.schedule.at(t)
        ratio = (sigma / alpha) ** 2
        first, second = (self.correlation.inverse(x_t) / alpha).split(self._length, 1)
        if evidence.known is None:
            equal = (first + second) * (1 + self._tie) / (1 + self._tie + ratio)
            unequal = (first - second) * (1 - self._tie) / (1 - self._tie + ratio)
            return self.correlation.apply(torch.cat([equal + unequal, equal - unequal], 1) / 2)
        y = self.correlation.inverse(evidence.known.target)
        shown = evidence.known.known.expand(y.shape[:3])[..., None]
        other = torch.cat([y[:, self._length :], y[:, : self._length]], 1) * self._tie
        left = 1 - self._tie**2
        noisy = torch.cat([first, second], 1)
        return self.correlation.apply(torch.where(shown, y, other + (noisy - other) * left / (left + ratio)))

    def exact(self, x):
        """-log of the joint density over that of each chain alone, about the common origin."""
        first, second = self.correlation.inverse(x).split(self._length, 1)
        left = 1 - self._tie**2
        given = (second - self._tie * first).square() / left + math.log(left)
        return 0.5 * (given - second.square()).sum((1, 2, 3))


@pytest.mark.parametrize("in_turn", [True, False])
def test_chains_that_know_each_other(in_turn):
    """Shown in turn or noisy both at once, the closed form comes out."""
    whole, alone = Tied(7, 0.8), gaussian(7)
    x = backbones(whole, count=2)
    settings = EnergySettings("denoising", 100, 40, lowest=0.0, placed=True, in_turn=in_turn)
    rows = [torch.arange(7), torch.arange(7, 14)]
    found = interface_energy([alone, alone], whole, x, rows, settings)
    away = (found.total - whole.exact(x)).abs()
    assert float((away / found.standard_error).max()) < 4.0
    assert float(found.standard_error.max()) < 0.1 * float(whole.exact(x).abs().min())
    torch.testing.assert_close(found.per_residue.sum(1), found.total)


def test_rigid_parts_are_judged_once(monkeypatch):
    """Poses of rigid parts and others get the same figures; that parts are rigid only saves time."""
    whole, alone = Tied(7, 0.8), gaussian(7)
    rows = [torch.arange(7), torch.arange(7, 14)]
    x = backbones(whole, count=1).expand(3, -1, -1, -1).clone()
    for pose, axis in ((1, [0.3, -1.2, 2.0]), (2, [1.0, 0.1, 0.4])):
        turn = torch.as_tensor(Rotation.from_rotvec(axis).as_matrix())
        x[pose, rows[1]] = x[pose, rows[1]] @ turn.T + torch.tensor([3.0 * pose, 1.0, -2.0])
    settings = EnergySettings("denoising", 12, 2)
    judged = []

    def counted(prior, own, *rest, **named):
        judged.append(len(own))
        return contributions(prior, own, *rest, **named)

    monkeypatch.setattr(interface, "contributions", counted)
    found = interface_energy([alone, alone], whole, x, rows, settings)
    assert judged == [1, 3, 1, 3]  # alone, then beside the other one
    monkeypatch.setattr(interface, "_SAME", 0.0)
    torch.testing.assert_close(found.total, interface_energy([alone, alone], whole, x, rows, settings).total)
    x[2, 0, 0, 0] += 0.5
    judged.clear()
    monkeypatch.setattr(interface, "_SAME", 2e-3)
    interface_energy([alone, alone], whole, x, rows, settings)
    assert judged == [3, 3, 1, 3]


def test_priors_that_see_no_known_atoms_take_both_as_noisy():
    whole, alone = Tied(5, 0.5), gaussian(5)
    x = backbones(whole, count=1)
    rows = [torch.arange(5), torch.arange(5, 10)]
    settings = EnergySettings(method="denoising", steps=10, draws=1)
    wanted = interface_energy([alone, alone], whole, x, rows, replace(settings, in_turn=False))
    shown = interface_energy([alone, alone], whole, x, rows, settings)
    whole.sees_known = False
    found = interface_energy([alone, alone], whole, x, rows, settings)
    torch.testing.assert_close(found.per_residue, wanted.per_residue)
    assert not torch.allclose(shown.total, wanted.total)


@pytest.mark.parametrize("method", METHODS)
def test_chains_that_do_not_know_each_other_have_no_interface(method):
    whole, first, second = gaussian(6, 8), gaussian(6), gaussian(8)
    x = backbones(whole) + torch.tensor([30.0, -4.0, 9.0], dtype=torch.float64)
    rows = [torch.arange(6), torch.arange(6, 14)]
    settings = EnergySettings(method=method, steps=12, draws=2, placed=True)
    found = interface_energy([first, second], whole, x, rows, settings)
    assert float(found.per_residue.abs().max()) < 1e-7


@pytest.mark.parametrize("first_length", [6, 1])
def test_noise_turns_with_rigid_parts(first_length):
    whole, first, second = gaussian(first_length, 8), gaussian(first_length), gaussian(8)
    rows = [torch.arange(first_length), torch.arange(first_length, first_length + 8)]
    turn = torch.as_tensor(Rotation.from_rotvec([0.3, -1.2, 2.0]).as_matrix())
    x = backbones(whole, count=1).expand(2, -1, -1, -1).clone()
    x[1] = x[1] @ turn.T
    settings = EnergySettings(method="denoising", steps=12, draws=1)
    found = interface_energy([first, second], whole, x, rows, settings)
    torch.testing.assert_close(found.total[1], found.total[0], rtol=1e-9, atol=1e-9)
    by_chance = structure_energy(whole, x, settings)
    assert float((by_chance.total[1] - by_chance.total[0]).abs()) > 0.1


def test_parts_lie_about_their_own_middles():
    whole, first, second = gaussian(6, 8), gaussian(6), gaussian(8)
    rows = [torch.arange(6), torch.arange(6, 14)]
    x = backbones(whole, count=1)
    settings = EnergySettings(method="denoising", steps=100, draws=60, lowest=0.0, in_turn=False)
    found = interface_energy([first, second], whole, x, rows, settings)
    middle = x[:, rows[0]].mean((1, 2), keepdim=True), x[:, rows[1]].mean((1, 2), keepdim=True)
    alone = [exact_energy(p, x[:, r] - m, 0.0) for p, r, m in zip((first, second), rows, middle, strict=True)]
    exact = exact_energy(whole, x, 0.0) - sum(alone)
    assert float(found.total) == pytest.approx(float(exact), abs=4.0 * float(found.standard_error))


def test_parts_must_hold_each_residue_once():
    prior = gaussian(4)
    x = backbones(prior)
    with pytest.raises(ValueError, match="once"):
        interface_energy([prior], prior, x, [torch.arange(3)], EnergySettings(steps=2))
