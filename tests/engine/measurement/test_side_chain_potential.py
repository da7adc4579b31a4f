"""Average side chains at high noise, sampled ones in late steps."""

from __future__ import annotations

import math

import pytest
import torch

from adp3d.likelihood.side_chain_density import AllAtomMap
from adp3d.measurement.density_potential import DensityPotential
from adp3d.measurement.side_chain_potential import SAMPLED_FROM, SideChainPotential
from adp3d.sidechain.drawn import DrawnSideChains
from adp3d.solver.protocol import Level
from adp3d.structure.polymer import Polymer

SEQUENCE = "AKLGEVPA"


def level(t, sigma, step=7):
    return Level(step, 10, t, math.sqrt(1 - sigma**2), sigma)


@pytest.fixture
def case(fitted):
    x, likelihood = fitted
    aatype = torch.as_tensor(Polymer.single_chain(SEQUENCE).aatype)
    asked = []

    def draw(x, step):
        asked.append((x, step))
        angle = torch.rand(len(x), 2, 8, 4, generator=torch.Generator().manual_seed(step), dtype=x.dtype)
        turns = torch.stack([angle.cos(), angle.sin()], -1)
        return DrawnSideChains(aatype, turns, torch.zeros(len(x), 2, 8, 10, 3, dtype=x.dtype)).on

    everything = AllAtomMap.of(likelihood, DrawnSideChains.elements(aatype), DrawnSideChains.residues(aatype), 40.0)
    averages = DensityPotential(likelihood, "density")
    generator = torch.Generator().manual_seed(3)
    x = x + 0.5 * torch.randn(2, *x.shape[1:], generator=generator, dtype=x.dtype)
    return x, averages, everything, SideChainPotential(averages, everything, draw), draw, asked


def test_early_steps_know_averages_alone(case):
    x, averages, _, potential, _, asked = case
    early = level(SAMPLED_FROM + 0.01, 0.1)
    for own, other in zip(
        potential.at(x, early).value_and_gradient(x), averages.at(x, early).value_and_gradient(x), strict=True
    ):
        assert torch.equal(own, other)
    assert asked == [] and potential.name == "density"


def test_late_steps_draw_once_and_hold_what_was_drawn(case):
    x, averages, everything, potential, draw, asked = case
    late = level(SAMPLED_FROM, 0.01)
    local = potential.at(x, late)
    assert [step for _, step in asked] == [7] and asked[0][0] is x
    further = x + 0.1
    value, gradient = local.value_and_gradient(further)
    assert len(asked) == 1
    expected = everything.likelihood(0, draw(x, 7)).evaluate(further)
    torch.testing.assert_close(value, -local.trust * expected.value)
    torch.testing.assert_close(gradient, -local.trust[:, None, None, None] * expected.gradient)
    assert float((value - averages.at(x, late).value_and_gradient(further)[0]).abs().min()) > 1e-3
    assert bool((local.curvature(x) > 0).all())


def test_the_blur_is_that_of_the_noise(case):
    x, averages, _, potential, _, _ = case
    for sigma in (0.01, 0.15, 0.4):
        chosen = potential.at(x, level(0.1, sigma)).likelihood.averages.level
        assert chosen == averages.at(x, level(0.1, sigma)).likelihood.level
