"""Three ways to a negative log-probability, against densities that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from adp3d.energy.contributions import noise_ratios, normal_numbers
from adp3d.energy.denoising import denoising_energy_integral
from adp3d.energy.flow import INTEGRATORS, flow_energy
from adp3d.energy.path import path_energy

LEVELS = np.geomspace(0.02, 40.0, 401)


def states(mixture, count=41):
    """Points over the range that holds 99.9 % of the mixture's probability."""
    fine = torch.linspace(-6, 7, 20001, dtype=torch.float64)
    share = torch.cumsum(torch.exp(-mixture.energy(fine)), 0) * (fine[1] - fine[0])
    low, high = fine[share > 0.0005][0], fine[share > 0.9995][0]
    return torch.linspace(float(low), float(high), count, dtype=torch.float64)[:, None]


def noise_of(y, seed=0):
    return normal_numbers(y.shape[1:], seed, y)


@pytest.mark.parametrize("integrator", ["heun", "rk4"])
def test_the_flow_recovers_a_mixture(mixture, integrator):
    y = states(mixture)
    found = flow_energy(mixture.denoise, y, LEVELS, noise_of(y), integrator=integrator, data_variance=2.0)
    exact = mixture.energy(y[:, 0], float(LEVELS[0]))
    # probabilities within 1 %
    assert float((torch.exp(exact - found.total) - 1).abs().max()) < 0.01


def test_paths_recover_a_mixture(mixture):
    points = states(mixture, 15)
    y = points.expand(15, 400)  # so many paths at once
    levels = np.geomspace(0.02, 40.0, 6001)
    found = path_energy(mixture.denoise, y, levels, noise_of(y), data_variance=2.0)
    exact = mixture.energy(points[:, 0], float(levels[0]))
    # one path each would do in the limit of many steps: what is left are the steps; probabilities within 1 %
    assert float((torch.exp(exact - found.total / 400) - 1).abs().max()) < 0.01


def test_errors_of_denoising_recover_a_mixture(mixture):
    points = states(mixture, 9)
    y = points.expand(9, 2000)  # so many draws at once
    found = denoising_energy_integral(mixture.denoise, y, np.geomspace(0.01, 60.0, 120), noise_of(y), draws=3)
    exact = mixture.energy(points[:, 0])
    assert float((found.total / 2000 - exact).abs().max()) < 0.05


def test_integrators_are_of_their_orders(mixture):
    y = states(mixture, 3)

    def energy(steps, integrator):
        return flow_energy(mixture.denoise, y, np.geomspace(0.1, 10.0, steps + 1), noise_of(y), integrator=integrator)

    exact = energy(1280, "rk4").total
    reached = {}
    for integrator in INTEGRATORS:
        off = [float((energy(steps, integrator).total - exact).abs().max()) for steps in (40, 80)]
        reached[integrator] = np.log2(off[0] / off[1])
    # the integral is of second order, so is the whole at most
    assert 0.7 < reached["euler"] < 1.4 and reached["heun"] > 1.6 and reached["rk4"] > 1.6


def test_steps_of_paths_are_exact_for_a_unit_gaussian():
    y = torch.randn(3, 7, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    levels = [0.3, 1.1, 5.0]
    found = path_energy(lambda z, r: z / (1 + r * r), y, levels, noise_of(y), paths=3)
    exact = 0.5 * (y**2 / (1 + 0.09) + np.log(2 * np.pi * 1.09)).sum(1)
    torch.testing.assert_close(found.each.sum(-1), exact.expand(3, 3), atol=1e-9, rtol=0)


@pytest.mark.parametrize("levels", [[1.0], [0.0, 1.0], [0.5, 0.4, 1.0]])
def test_noise_that_does_not_rise_is_refused(levels):
    with pytest.raises(ValueError, match="rise"):
        noise_ratios(levels)
