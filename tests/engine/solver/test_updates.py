"""Steps towards the measurements: closed forms and stationarity."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from adp3d.likelihood.distances import DistanceLikelihood
from adp3d.likelihood.partial_model import PreconditionedPartialModel
from adp3d.physics.distances import DistanceOperator
from adp3d.physics.masking import mask_svd
from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.evidence import KnownAtoms
from adp3d.solver.likelihood_potential import LikelihoodPotential
from adp3d.solver.protocol import Level
from adp3d.solver.updates import GradientUpdate, LateUpdate, PreconditionedUpdate, ProximalUpdate

N = 9
CORRELATION = GlobularCorrelation((4, 5))
LEVEL = Level(2, 10, 0.4, 0.8, 0.6)
ORIGIN = torch.tensor([[[[3.0, -2.0, 5.0]]], [[[0.0, 1.0, 0.0]]]], dtype=torch.float64)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def model(sigma=0.5):
    known = torch.zeros(N, 4, dtype=torch.bool)
    known[[0, 1, 5]] = True
    known[7, 1] = True
    coordinates = random(N, 4, 3, seed=1) * 5
    return KnownAtoms.measured(coordinates, known, torch.full((N, 4), sigma, dtype=torch.float64))


def distances():
    operator = DistanceOperator.between_ca(torch.tensor([[0, 8], [2, 6]]))
    likelihood = DistanceLikelihood.harmonic(operator, torch.tensor([9.0, 4.0], dtype=torch.float64), 0.7)
    return LikelihoodPotential("distances", likelihood)


def test_gradient_step_is_the_chain_rule():
    """The step is rate times the derivative of log p with respect to z, by finite differences."""
    z = random(2, N, 4, 3)
    update = GradientUpdate(distances(), CORRELATION, rate=0.01, momentum=0.9, weights={"distances": 3.0})
    step = update.direction(z, ORIGIN, LEVEL)
    direction = random(2, N, 4, 3, seed=8)
    likelihood = distances().likelihood

    def at(h):
        return likelihood(CORRELATION.apply(z + h * direction) + ORIGIN).sum()

    slope = (at(1e-5) - at(-1e-5)) / 2e-5
    assert float((step * direction).sum()) == pytest.approx(0.03 * float(slope), rel=1e-5)


def test_preconditioned_step_does_not_depend_on_the_origin_in_use():
    """The same structure described from another origin takes the same step."""
    centre = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    partial = model()
    centred = partial.relative_to(centre)
    likelihood = PreconditionedPartialModel(mask_svd(centred, CORRELATION))
    update = PreconditionedUpdate(likelihood, CORRELATION, centre, rate=0.2, momentum=0.9)
    x = random(2, N, 4, 3, seed=3) * 4
    steps = [
        update.direction(CORRELATION.inverse(x - origin), origin, LEVEL)
        for origin in (ORIGIN, centre.expand(2, 1, 1, 3))
    ]
    torch.testing.assert_close(steps[0], steps[1])
    expected = 0.2 * likelihood.gradient(CORRELATION.inverse(x - centre))
    torch.testing.assert_close(steps[0], expected)


def test_proximal_point_of_the_model_is_stationary():
    z = random(2, N, 4, 3)
    partial = model()
    update = ProximalUpdate(CORRELATION, partial, stiffness=0.4)
    step = update.direction(z, ORIGIN, LEVEL)
    x = CORRELATION.apply(z + step) + ORIGIN
    damping = 0.4 / LEVEL.sigma**2
    gradient = damping * CORRELATION.inverse_transpose(step)
    gradient = gradient + partial.weights[..., None] * (x - partial.target)
    assert gradient.abs().max() < 1e-9 * partial.weights.max() * 10


def test_proximal_point_with_a_potential_is_stationary():
    z = random(2, N, 4, 3)
    partial = model()
    update = ProximalUpdate(
        CORRELATION, partial, [distances()], stiffness=0.4, iterations=60, longest_step=50.0,
        weights={"distances": 0.5},
    )  # fmt: skip
    step = update.direction(z, ORIGIN, LEVEL)
    x = CORRELATION.apply(z + step) + ORIGIN
    _, slope = distances().value_and_gradient(x)
    gradient = 0.4 / LEVEL.sigma**2 * CORRELATION.inverse_transpose(step)
    gradient = gradient + partial.weights[..., None] * (x - partial.target) + 0.5 * slope
    assert gradient.abs().max() < 1e-4


def test_objective_has_the_gradient_it_states():
    partial = model()
    update = ProximalUpdate(CORRELATION, partial, [distances()])
    centre = random(2, N, 4, 3, seed=2) * 3
    objective = update._objective(centre, 0.7, partial.weights, partial.target, [(1.5, distances())])
    x = random(2, N, 4, 3, seed=4) * 3
    _, gradient = objective(x)
    direction = random(2, N, 4, 3, seed=6)
    slope = (objective(x + 1e-5 * direction)[0] - objective(x - 1e-5 * direction)[0]) / 2e-5
    torch.testing.assert_close((gradient * direction).sum((1, 2, 3)), slope, rtol=1e-5, atol=1e-5)


def test_trust_in_the_denoiser_grows_as_the_noise_falls():
    z = random(1, N, 4, 3)
    sizes = [
        float(ProximalUpdate(CORRELATION, model()).direction(z, ORIGIN[:1], Level(0, 1, 0.5, 0.5, sigma)).norm())
        for sigma in (0.9, 0.3, 0.03, 1e-4)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 1e-3 * sizes[0]


def test_without_measurements_nothing_moves():
    z = random(2, N, 4, 3)
    assert ProximalUpdate(CORRELATION).direction(z, ORIGIN, LEVEL).abs().max() < 1e-12
    off = ProximalUpdate(CORRELATION, None, [distances()], weights={"distances": 0.0})
    assert off.direction(z, ORIGIN, LEVEL).abs().max() < 1e-9


def test_what_is_previewed_leads_to_the_step_and_changes_nothing():
    z, seen = random(2, N, 4, 3), []
    plain = ProximalUpdate(CORRELATION, model(), [distances()], iterations=4)
    shown = dataclasses.replace(plain, preview=seen.append)
    step = shown.direction(z, ORIGIN, LEVEL)
    assert torch.equal(step, plain.direction(z, ORIGIN, LEVEL))
    assert 2 <= len(seen) <= 5
    torch.testing.assert_close(seen[-1], CORRELATION.apply(z + step) + ORIGIN)


def test_a_late_update_takes_over_at_its_time():
    early, late = ProximalUpdate(CORRELATION, model()), ProximalUpdate(CORRELATION, model(), [distances()])
    both = LateUpdate(early, late, below=0.4)
    z = random(2, N, 4, 3)
    for t, expected in ((0.41, early), (0.4, early), (0.39, late)):
        level = dataclasses.replace(LEVEL, t=t)
        found = both.direction(z, ORIGIN, level)
        assert torch.equal(found, expected.direction(z, ORIGIN, level))
    assert both.momentum == late.momentum == 0.0
