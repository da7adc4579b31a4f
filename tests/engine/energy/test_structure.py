"""Energies of structures under the Gaussian chain, in closed form."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from gaussian_chain import backbones, exact_energy, gaussian

from adp3d.energy.structure import EnergySettings, structure_energy
from adp3d.energy.whitened import WhitenedPrior
from adp3d.prior.correlation import GlobularCorrelation


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


def test_batches_do_not_change_energies():
    prior = gaussian(7)
    x = backbones(prior, count=5)
    settings = EnergySettings(method="denoising", steps=5, draws=1, seed=3)
    one, many = (structure_energy(prior, x, replace(settings, batch=b)) for b in (1, 5))
    torch.testing.assert_close(one.total, many.total)
    other = structure_energy(prior, x, replace(settings, seed=4))
    assert not torch.allclose(other.total, one.total)


def test_who_listens_may_stop():
    prior = gaussian(4)

    def stop(done):
        raise InterruptedError(f"after {done}")

    with pytest.raises(InterruptedError, match="after 2"):
        structure_energy(prior, backbones(prior), EnergySettings(steps=2, batch=2), told=stop)
