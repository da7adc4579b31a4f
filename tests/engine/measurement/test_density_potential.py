"""The density as a potential: blur by noise level, tempered by the present fit."""

from __future__ import annotations

import math

import pytest
import torch

from adp3d.measurement import density_potential as module
from adp3d.measurement.density_potential import DensityPotential, blur_for
from adp3d.solver.protocol import Level


def level(sigma):
    return Level(0, 1, 0.5, math.sqrt(1 - sigma**2), sigma)


def moved(x, size=0.5, replicas=2):
    generator = torch.Generator().manual_seed(3)
    return x + size * torch.randn(replicas, *x.shape[1:], generator=generator, dtype=x.dtype)


def test_blur_is_the_b_factor_of_the_positional_spread():
    spread = module._POSITIONAL_SPREAD * 0.2
    assert blur_for(0.2) == pytest.approx(8 * math.pi**2 * spread**2)
    assert blur_for(0.0) == 0.0


def test_coarse_at_high_noise_and_sharp_at_low(fitted):
    x, likelihood = fitted
    chosen = [DensityPotential(likelihood, "density").at(x, level(s)).likelihood.level for s in (1e-3, 0.1, 0.3, 0.99)]
    assert chosen[0] == 0 and chosen[-1] == 2
    assert chosen == sorted(chosen)


def test_value_and_gradient_are_the_tempered_likelihood(fitted):
    x, likelihood = fitted
    here = moved(x)
    local = DensityPotential(likelihood, "density").at(here, level(0.001))
    value, gradient = local.value_and_gradient(here)
    own, slope = likelihood.value_and_grad(here)
    torch.testing.assert_close(value, -local.trust * own)
    torch.testing.assert_close(gradient, -local.trust[:, None, None, None] * slope)
    curvature = local.curvature(here)
    assert curvature.shape == (2, 8, 4) and (curvature > 0).all()
    torch.testing.assert_close(curvature, local.trust[:, None, None] * likelihood.curvature(here))


def test_the_start_of_a_step_is_evaluated_once(fitted):
    x, likelihood = fitted
    here = moved(x)
    local = DensityPotential(likelihood, "density").at(here, level(0.001))
    again = here.clone()
    for known, computed in zip(local.value_and_gradient(here), local.value_and_gradient(again), strict=True):
        torch.testing.assert_close(known, computed, rtol=0, atol=0)
    torch.testing.assert_close(local.curvature(here), local.curvature(again), rtol=0, atol=0)
    assert local.value_and_gradient(here)[1] is not local.start.gradient  # what is kept is not handed out


def test_gradient_agrees_with_finite_differences(fitted):
    x, likelihood = fitted
    here = moved(x, 0.3, 1)
    local = DensityPotential(likelihood, "density").at(here, level(0.05))
    _, gradient = local.value_and_gradient(here)
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        direction = torch.randn(here.shape, generator=generator, dtype=here.dtype)
        step = 1e-4
        up, _ = local.value_and_gradient(here + step * direction)
        down, _ = local.value_and_gradient(here - step * direction)
        assert float((gradient * direction).sum()) == pytest.approx(float(up - down) / (2 * step), rel=1e-3)


def test_a_poor_start_is_driven_less_hard(fitted):
    x, likelihood = fitted
    potential = DensityPotential(likelihood, "density")
    good, bad = (float(potential.at(y, level(0.001)).trust[0]) for y in (x, moved(x, 3.0, 1)))
    assert 0 < bad < good <= module._TEMPER * (1 + 1e-9)


def test_descends_towards_the_map(fitted):
    x, likelihood = fitted
    here = moved(x, 0.4, 1)
    local = DensityPotential(likelihood, "density").at(here, level(0.001))
    _, gradient = local.value_and_gradient(here)
    step = gradient / local.curvature(here)[..., None]
    closer = here - 0.3 * step.clamp(-0.3, 0.3)
    assert (closer - x).norm() < (here - x).norm()
    assert likelihood.correlation(closer) > likelihood.correlation(here)
