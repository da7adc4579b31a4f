"""Energies of structures under the Gaussian chain, in closed form; between chains that know nothing of each other."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from scipy.spatial.transform import Rotation

from adp3d.energy.structure import METHODS, EnergySettings, interface_energy, structure_energy
from adp3d.energy.whitened import WhitenedPrior
from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.gaussian import GaussianPrior


def gaussian(*lengths):
    return GaussianPrior(GlobularCorrelation(lengths))


def backbones(prior, count=3, seed=1):
    z = torch.randn(
        count, prior.correlation.n_residues, 4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    x = 1.3 * prior.correlation.apply(z)
    return x - x.mean((1, 2), keepdim=True)


def exact_energy(prior, x, ratio):
    y = prior.correlation.inverse(x)
    variance = 1 + ratio**2
    nats = 0.5 * (y.square() / variance + math.log(2 * math.pi * variance)).sum((1, 2, 3))
    return nats + prior.correlation.log_determinant


@pytest.mark.parametrize("lengths", [(12,), (9, 5)])
@pytest.mark.parametrize("method", ["flow", "path"])
def test_the_gaussian_chain_in_closed_form(lengths, method):
    prior = gaussian(*lengths)
    x = backbones(prior)
    settings = EnergySettings(method=method, steps=150, draws=1, batch=2)
    found = structure_energy(prior, x, settings)
    exact = exact_energy(prior, x, WhitenedPrior(prior).ratio(settings.lowest))
    torch.testing.assert_close(found.total, exact, rtol=1e-3, atol=0)
    torch.testing.assert_close(found.per_residue.sum(1), found.total)


def test_errors_of_denoising_meet_the_gaussian_chain():
    prior = gaussian(10)
    x = backbones(prior)
    found = structure_energy(prior, x, EnergySettings(method="denoising", steps=100, draws=40, lowest=0.0))
    exact = exact_energy(prior, x, 0.0)
    assert float(((found.total - exact).abs() / found.standard_error).max()) < 4.0


def test_the_volume_of_the_correlation():
    correlation = GlobularCorrelation((3, 2))
    unit = torch.eye(60, dtype=torch.float64).view(60, 5, 4, 3)
    dense = correlation.apply(unit).reshape(60, 60)
    assert float(torch.linalg.slogdet(dense).logabsdet) == pytest.approx(correlation.log_determinant, rel=1e-9)


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
    settings = EnergySettings(method="denoising", steps=100, draws=60, lowest=0.0)
    found = interface_energy([first, second], whole, x, rows, settings)
    middle = x[:, rows[0]].mean((1, 2), keepdim=True), x[:, rows[1]].mean((1, 2), keepdim=True)
    alone = [exact_energy(p, x[:, r] - m, 0.0) for p, r, m in zip((first, second), rows, middle, strict=True)]
    exact = exact_energy(whole, x, 0.0) - sum(alone)
    assert float(found.total) == pytest.approx(float(exact), abs=4.0 * float(found.standard_error))


def test_batches_do_not_change_energies():
    prior = gaussian(7)
    x = backbones(prior, count=5)
    settings = EnergySettings(method="denoising", steps=5, draws=1, seed=3)
    one, many = (structure_energy(prior, x, replace(settings, batch=b)) for b in (1, 5))
    torch.testing.assert_close(one.total, many.total)
    other = structure_energy(prior, x, replace(settings, seed=4))
    assert not torch.allclose(other.total, one.total)


def test_parts_must_hold_each_residue_once():
    prior = gaussian(4)
    x = backbones(prior)
    with pytest.raises(ValueError, match="once"):
        interface_energy([prior], prior, x, [torch.arange(3)], EnergySettings(steps=2))


def test_who_listens_may_stop():
    prior = gaussian(4)

    def stop(done):
        raise InterruptedError(f"after {done}")

    with pytest.raises(InterruptedError, match="after 2"):
        structure_energy(prior, backbones(prior), EnergySettings(steps=2, batch=2), told=stop)
