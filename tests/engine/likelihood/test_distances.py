from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from adp3d.likelihood.distances import DistanceLikelihood
from adp3d.physics.distances import DistanceOperator, pseudo_cb
from adp3d.restraints.convert import BackboneRestraints

DOUBLE = torch.float64


def line(*distances: float) -> torch.Tensor:
    """One replica per distance: two residues whose CA are that far apart."""
    x = torch.zeros(len(distances), 2, 4, 3, dtype=DOUBLE)
    x[:, 1, 1, 0] = torch.tensor(distances, dtype=DOUBLE)
    return x


PAIR = DistanceOperator.between_ca(torch.tensor([[0, 1]]))


def value(number: float) -> torch.Tensor:
    return torch.tensor([number], dtype=DOUBLE)


def bounds(
    operator: DistanceOperator, lower: torch.Tensor, upper: torch.Tensor, sigma: float = 0.5, switch: float = 2.0
) -> DistanceLikelihood:
    """Flat bottom between bounds, with linear tails beyond ``switch`` sigmas."""
    return DistanceLikelihood(operator, lower, upper, torch.full_like(upper, sigma), torch.full_like(upper, switch))


def test_harmonic_closed_form() -> None:
    likelihood = DistanceLikelihood.harmonic(PAIR, value(5.0), 0.5)
    expected = [-0.5 * ((d - 5.0) / 0.5) ** 2 for d in (3.0, 5.0, 5.5, 50.0)]
    torch.testing.assert_close(likelihood(line(3.0, 5.0, 5.5, 50.0)), torch.tensor(expected, dtype=DOUBLE))
    torch.testing.assert_close(likelihood.violations(line(3.0, 5.5))[:, 0], torch.tensor([-2.0, 0.5], dtype=DOUBLE))


def test_flat_bottom_quadratic_and_linear_parts() -> None:
    likelihood = bounds(PAIR, value(2.0), value(5.0), sigma=0.5, switch=2.0)
    # Excess 0, 0.5 (one sigma), 1 (the switch) and 3 A (six sigmas): s^2/2, then k (s - k/2).
    found = likelihood(line(3.0, 5.5, 6.0, 8.0, 1.5))
    torch.testing.assert_close(found, -torch.tensor([0.0, 0.5, 2.0, 2.0 * (6.0 - 1.0), 0.5], dtype=DOUBLE))
    torch.testing.assert_close(likelihood.satisfied(line(3.0, 5.4, 5.6)), torch.tensor([1.0, 1.0, 0.0], dtype=DOUBLE))


def test_force_is_zero_inside_and_bounded_far_outside() -> None:
    x = line(3.0, 5.5, 80.0).requires_grad_(True)
    likelihood = bounds(PAIR, value(2.0), value(5.0), sigma=0.5, switch=2.0)
    (gradient,) = torch.autograd.grad(likelihood(x).sum(), x)
    torch.testing.assert_close(gradient[:, 1, 1, 0], -torch.tensor([0.0, 0.5 / 0.25, 2.0 / 0.5], dtype=DOUBLE))
    torch.testing.assert_close(gradient[:, 0], -gradient[:, 1])


def test_gradient_agrees_with_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    x = (5 * torch.randn(2, 6, 4, 3, generator=generator, dtype=DOUBLE)).requires_grad_(True)
    operator = DistanceOperator(
        torch.tensor([[0, 3], [1, 4], [1, 5], [2, 5]]),
        torch.tensor([[1, 4], [0, 3], [4, 4], [1, 1]]),
        torch.tensor([0, 1, 1, 2]),
        3,
    )
    flat = bounds(operator, torch.full((3,), 1.0, dtype=DOUBLE), torch.full((3,), 4.0, dtype=DOUBLE))
    harmonic = DistanceLikelihood.harmonic(operator, torch.full((3,), 4.0, dtype=DOUBLE), 0.3)
    for likelihood in (flat, harmonic):
        assert float(likelihood(x).min().detach()) < 0
        assert torch.autograd.gradcheck(likelihood, (x,))


def test_mirror_images_are_equally_likely() -> None:
    generator = torch.Generator().manual_seed(1)
    x = 6 * torch.randn(3, 10, 4, 3, generator=generator, dtype=DOUBLE)
    pairs = torch.combinations(torch.arange(10), 2)
    likelihood = DistanceLikelihood.harmonic(
        DistanceOperator.between_ca(pairs), torch.full((45,), 9.0, dtype=DOUBLE), 1.0
    )
    torch.testing.assert_close(likelihood(x), likelihood(x * torch.tensor([1.0, 1.0, -1.0], dtype=DOUBLE)))


def test_curvature_estimates_the_hessian() -> None:
    x = line(6.0)
    likelihood = DistanceLikelihood.harmonic(PAIR, value(5.999), 0.5)
    estimate = likelihood.curvature(x)
    assert estimate.shape == (1, 2, 4) and float(estimate[0, 0, 0]) == 0.0
    hessian = torch.autograd.functional.hessian(lambda v: -likelihood(v).sum(), x).reshape(24, 24)
    trace = hessian.diagonal().reshape(2, 4, 3).sum(-1) / 3
    torch.testing.assert_close(estimate[0], trace, atol=1e-2, rtol=1e-2)
    satisfied = bounds(PAIR, value(2.0), value(7.0))
    assert float(satisfied.curvature(x).sum()) == 0.0
    far = bounds(PAIR, value(2.0), value(5.0), sigma=0.5, switch=2.0)
    assert float(far.curvature(line(25.0))[0, 0, 1]) == pytest.approx(2.0 / 40.0 / 0.25 / 3.0)


def test_from_restraints_mixes_harmonic_and_bounds() -> None:
    restraints = BackboneRestraints(
        residues=np.array([[0, 1], [0, 1]]),
        atoms=np.array([[1, 1], [1, 1]]),
        groups=np.array([0, 1]),
        lower=np.array([5.0, 0.0]),
        upper=np.array([5.0, 4.0]),
        sigma=np.array([0.2, np.nan]),
        names=("a", "b"),
        skipped=(),
        padded=0,
    )
    likelihood = DistanceLikelihood.from_restraints(restraints, "cpu", DOUBLE, sigma=0.5, switch=2.0)
    assert likelihood.switch.tolist() == [math.inf, 2.0] and likelihood.sigma.tolist() == [0.2, 0.5]
    torch.testing.assert_close(likelihood(line(5.0)), -torch.tensor([0.5 * 4.0], dtype=DOUBLE))
    torch.testing.assert_close(likelihood(line(6.0)), -torch.tensor([0.5 * 25 + 2 * (4 - 1.0)], dtype=DOUBLE))


def test_infinite_upper_bounds_are_no_bounds() -> None:
    likelihood = bounds(PAIR, value(3.0), value(math.inf))
    x = line(2.0, 1000.0).requires_grad_(True)
    found = likelihood(x)
    assert found[1] == 0 and found[0] < 0
    (gradient,) = torch.autograd.grad(found.sum(), x)
    assert bool(gradient.isfinite().all())


@pytest.mark.parametrize(
    ("lower", "upper", "sigma", "message"),
    [(3.0, 2.0, 1.0, "lower bound"), (1.0, 2.0, 0.0, "positive"), (math.nan, 2.0, 1.0, "lower bound")],
)
def test_nonsense_is_refused(lower: float, upper: float, sigma: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bounds(PAIR, value(lower), value(upper), sigma)
    with pytest.raises(ValueError, match="shape"):
        DistanceLikelihood.harmonic(PAIR, torch.ones(2), 1.0)


def spread_out(residues: int = 6) -> torch.Tensor:
    torch.manual_seed(0)
    return 8.0 * torch.randn(residues, 4, 3, dtype=DOUBLE)


# CA to CA, an ambiguous one, CB to N, and two between residues of which both or none are known
MIXED = DistanceOperator(
    torch.tensor([[0, 4], [0, 4], [1, 2], [3, 5], [4, 5], [1, 0]]),
    torch.tensor([[1, 1], [1, 1], [1, 1], [4, 0], [1, 1], [1, 1]]),
    torch.tensor([0, 1, 1, 2, 3, 4]),
    5,
)
KNOWN = np.array([True, True, True, True, False, False])
ATOMS = np.repeat(KNOWN[:, None], 4, 1)


def test_shells_lie_around_known_atoms() -> None:
    x = spread_out()
    lower, upper = torch.tensor([[4.0, 3.0, 1.0, 2.0, 2.0], [9.0, 8.0, 7.0, 6.0, 5.0]], dtype=DOUBLE)
    shells = bounds(MIXED, lower, upper, sigma=0.7).shells(x, ATOMS)
    assert shells.residue.tolist() == [4, 5]  # nothing of ambiguous ones, and of known or missing residues alone
    np.testing.assert_allclose(shells.centre, torch.stack([x[0, 1], pseudo_cb(x)[3]]).numpy())
    np.testing.assert_allclose(shells.lower, [4.0, 0.0])
    np.testing.assert_allclose(shells.upper, [9.0, 7.0 + 1.46])  # N is that far from CA
    np.testing.assert_allclose(shells.sigma, [0.7, 0.7])
    swapped = DistanceOperator(MIXED.residues.flip(1), MIXED.atoms.flip(1), MIXED.groups, 5)
    again = bounds(swapped, lower, upper, sigma=0.7).shells(x, ATOMS)
    np.testing.assert_allclose(again.centre, shells.centre)
    assert again.residue.tolist() == shells.residue.tolist()
    traced = ATOMS & (np.arange(4) == 1)  # only CA atoms have places
    apart = bounds(MIXED, lower, upper, sigma=0.7).shells(x, traced)
    np.testing.assert_allclose(apart.centre, x[[0, 3], 1].numpy())
    np.testing.assert_allclose(apart.upper, [9.0, 7.0 + 1.46 + 1.53])
    np.testing.assert_allclose(apart.lower, [4.0, 0.0])


def test_distances_among_known_residues() -> None:
    x = spread_out()
    lower, upper = torch.tensor([[4.0, 3.0, 1.0, 2.0, 2.0], [9.0, 8.0, 7.0, 6.0, 5.0]], dtype=DOUBLE)
    whole = bounds(MIXED, lower, upper)
    found = whole.among(KNOWN)
    assert found is not None and found.operator.n_measurements == 1
    torch.testing.assert_close(found.violations(x[None]), whole.violations(x[None])[:, 4:])
    assert whole.among(np.zeros(6, bool)) is None
    every = whole.among(np.ones(6, bool))
    assert every is not None
    torch.testing.assert_close(every(x[None]), whole(x[None]))
    further = whole.among(np.array([True, True, True, False, True, False]))
    assert further is not None
    torch.testing.assert_close(further.violations(x[None]), whole.violations(x[None])[:, [0, 1, 4]])
