"""Robust likelihood of the distances within a model."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from adp3d.likelihood.internal_geometry import InternalGeometryLikelihood

DOUBLE = torch.float64


def line(*distances: float) -> torch.Tensor:
    """One replica per distance: two residues whose CA are that far apart."""
    x = torch.zeros(len(distances), 2, 4, 3, dtype=DOUBLE)
    x[:, 1, 1, 0] = torch.tensor(distances, dtype=DOUBLE)
    return x


def one_pair(distance: float, sigma: float, lets_go: float = 4.0) -> InternalGeometryLikelihood:
    return InternalGeometryLikelihood(
        torch.tensor([[0, 1]]), torch.tensor([distance], dtype=DOUBLE), torch.tensor([sigma], dtype=DOUBLE), lets_go
    )


def random_case(replicas: int = 3, residues: int = 9, dtype: torch.dtype = DOUBLE):
    generator = torch.Generator().manual_seed(5)
    x = 6 * torch.randn(replicas, residues, 4, 3, generator=generator, dtype=DOUBLE)
    pairs = torch.combinations(torch.arange(residues), 2)
    distance = 4 + 10 * torch.rand(len(pairs), generator=generator, dtype=DOUBLE)
    sigma = 0.3 + 2 * torch.rand(len(pairs), generator=generator, dtype=DOUBLE)
    return x.to(dtype), InternalGeometryLikelihood(pairs, distance.to(dtype), sigma.to(dtype))


def test_closed_form_by_hand():
    likelihood = one_pair(10.0, 0.5, lets_go=4.0)
    # 0, 1, 4 (= c: half of the ceiling c^2/2 = 8) and 1e4 standard deviations off
    found = likelihood(line(10.0, 10.5, 8.0, 5010.0))
    expected = [0.0, 0.5 / (1 + 1 / 16), 4.0, 8.0 / (1 + 16 / 1e8)]
    torch.testing.assert_close(found, -torch.tensor(expected, dtype=DOUBLE))


def test_a_restraint_that_is_contradicted_lets_go():
    s = torch.tensor([0.1, 2.0, 4.0, 40.0, 400.0], dtype=DOUBLE)
    x = line(*(10.0 + 0.5 * s).tolist()).requires_grad_(True)
    (gradient,) = torch.autograd.grad(one_pair(10.0, 0.5)(x).sum(), x)
    force = -s / 0.5 / (1 + s**2 / 16) ** 2
    torch.testing.assert_close(gradient[:, 1, 1, 0], force)
    torch.testing.assert_close(gradient[:, 0], -gradient[:, 1])
    assert float(force[-1].abs()) < 1e-4 * float(force[1].abs())


def test_gradient_written_out_agrees_with_autograd_for_batches_in_single_precision():
    for dtype, tolerance in ((DOUBLE, 1e-10), (torch.float32, 1e-4)):
        x, likelihood = random_case(dtype=dtype)
        leaf = x.clone().requires_grad_(True)
        (found,) = torch.autograd.grad(likelihood(leaf).sum(), leaf)
        expected = torch.zeros_like(x)
        for (i, j), y, sigma in zip(
            likelihood.pairs.tolist(), likelihood.distance.tolist(), likelihood.sigma.tolist(), strict=True
        ):
            way = x[:, i, 1] - x[:, j, 1]
            length = way.norm(dim=-1, keepdim=True)
            s = (length - y) / sigma
            force = -likelihood.weight * s / (1 + s**2 / likelihood.lets_go**2) ** 2 / sigma * way / length
            expected[:, i, 1] += force
            expected[:, j, 1] -= force
        torch.testing.assert_close(found, expected, atol=tolerance, rtol=tolerance)
        assert found.dtype == dtype and likelihood(x).shape == (3,)


def test_gradient_agrees_with_finite_differences():
    x, likelihood = random_case(replicas=2, residues=5)
    assert torch.autograd.gradcheck(likelihood, (x.requires_grad_(True),))


def test_place_and_orientation_do_not_matter():
    x, likelihood = random_case()
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(2), dtype=DOUBLE))
    torch.testing.assert_close(likelihood(x @ turn.T + 40.0), likelihood(x))


def test_curvature_is_that_of_the_hessian_at_the_measured_distance():
    x, given = random_case(replicas=1)
    exact = InternalGeometryLikelihood(
        given.pairs, (x[0, given.pairs[:, 0], 1] - x[0, given.pairs[:, 1], 1]).norm(dim=-1), given.sigma
    )
    hessian = torch.autograd.functional.hessian(lambda v: -exact(v).sum(), x)
    atoms = x.shape[1] * 4
    diagonal = hessian.reshape(3 * atoms, 3 * atoms).diagonal().reshape(-1, 4, 3)
    torch.testing.assert_close(exact.curvature(x)[0], diagonal.mean(-1))
    assert not bool(exact.curvature(x)[..., [0, 2, 3]].any())


def test_curvature_stays_positive_where_the_force_falls():
    likelihood = one_pair(10.0, 0.5)
    curvature = likelihood.curvature(line(18.0))  # 16 standard deviations
    assert float(curvature[0, 0, 1]) == pytest.approx(1 / 3 / 0.25 / 17**2)


def test_in_doubt_restraints_hold_further():
    likelihood = replace(one_pair(10.0, 0.5, lets_go=4.0), doubt=0.75)  # c^2 = 16 + (1.5 / 0.5)^2
    torch.testing.assert_close(likelihood(line(12.5)), -torch.tensor([0.5 * 25 / (1 + 25 / 25)], dtype=DOUBLE))
    assert float(likelihood.curvature(line(12.5))[0, 0, 1]) == pytest.approx(1 / 3 / 0.25 / 4)


def test_doubt_changes_nothing_else_and_repeats_no_work(monkeypatch):
    x, likelihood = random_case()
    expected = replace(likelihood, doubt=1.5)
    weight, unique = likelihood.weight, torch.Tensor.unique
    sorted_again = []
    monkeypatch.setattr(torch.Tensor, "unique", lambda pairs: sorted_again.append(pairs) or unique(pairs))
    found = likelihood.in_doubt(0.7).in_doubt(1.5)
    assert (found.doubt, found.weight, likelihood.doubt) == (1.5, weight, 0.0)
    assert torch.equal(found(x), -0.5 * weight * _saturated(expected, x))
    assert not sorted_again
    monkeypatch.undo()
    assert torch.equal(found(x), expected(x)) and torch.equal(found.curvature(x), expected.curvature(x))
    assert not torch.equal(found(x), likelihood(x))


def _saturated(likelihood: InternalGeometryLikelihood, x: torch.Tensor) -> torch.Tensor:
    square = likelihood.deviations(x).square()
    width = likelihood.lets_go**2 + (2 * likelihood.doubt / likelihood.sigma).square()
    return (square / (1 + square / width)).sum(-1)


def test_many_distances_of_a_residue_count_for_one():
    _, nine = random_case()
    assert nine.weight == pytest.approx(9 / 36)
    assert one_pair(10.0, 0.5).weight == 1.0
    twice = InternalGeometryLikelihood(nine.pairs.repeat(2, 1), nine.distance.repeat(2), nine.sigma.repeat(2))
    x, _ = random_case()
    torch.testing.assert_close(twice(x), nine(x))


def test_figures():
    likelihood = InternalGeometryLikelihood(
        torch.tensor([[0, 1], [1, 2]]), torch.tensor([5.0, 5.0]), torch.tensor([0.5, 0.5])
    )
    x = torch.zeros(1, 4, 4, 3)
    x[0, 1, 1, 0], x[0, 2, 1, 0] = 5.0, 11.5  # the second distance is three standard deviations too long
    assert likelihood.satisfied(x).tolist() == [0.5]
    assert likelihood.strain(x)[0].tolist() == pytest.approx([0.0, 3 / math.sqrt(2), 3.0, 0.0])


def test_atoms_in_one_place_give_finite_gradients():
    x = line(0.0).requires_grad_(True)
    (gradient,) = torch.autograd.grad(one_pair(5.0, 0.5)(x).sum(), x)
    assert bool(torch.isfinite(gradient).all())


def test_no_distances_say_nothing():
    likelihood = InternalGeometryLikelihood(torch.zeros(0, 2, dtype=torch.int64), torch.zeros(0), torch.zeros(0))
    assert likelihood(torch.zeros(2, 3, 4, 3)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("sigma", "lets_go", "count"), [([0.0], 4.0, 1), ([0.5], 0.0, 1), ([0.5, 0.5], 4.0, 1), ([0.5], 4.0, 2)]
)
def test_what_makes_no_sense_is_refused(sigma, lets_go, count):
    with pytest.raises(ValueError, match="must"):
        InternalGeometryLikelihood(
            torch.zeros(count, 2, dtype=torch.int64), torch.ones(1), torch.tensor(sigma), lets_go
        )
