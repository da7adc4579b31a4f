from __future__ import annotations

import numpy as np
import pytest
import torch
from ideal_backbone import place_cb
from scipy.spatial.transform import Rotation

from adp3d.physics.distances import DistanceOperator, pair_lengths, pseudo_cb, sum_average


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def coordinates(generator: torch.Generator, residues: int = 9) -> torch.Tensor:
    return 5 * torch.randn(2, residues, 4, 3, generator=generator, dtype=torch.float64)


def ambiguous(with_cb: bool) -> DistanceOperator:
    atom = 4 if with_cb else 3
    return DistanceOperator(
        residues=torch.tensor([[0, 5], [1, 6], [1, 7], [2, 8]]),
        atoms=torch.tensor([[1, 1], [0, atom], [2, 2], [atom, 1]]),
        groups=torch.tensor([0, 1, 1, 2]),
        n_measurements=3,
    )


def test_values_are_distances_and_sums(generator: torch.Generator) -> None:
    x = coordinates(generator)
    y = ambiguous(False)(x)
    first = torch.linalg.norm(x[:, 0, 1] - x[:, 5, 1], dim=-1)
    members = torch.stack(
        [
            torch.linalg.norm(x[:, 1, 0] - x[:, 6, 3], dim=-1),
            torch.linalg.norm(x[:, 1, 2] - x[:, 7, 2], dim=-1),
        ]
    )
    torch.testing.assert_close(y[:, 0], first)
    torch.testing.assert_close(y[:, 1], (members**-6).sum(0) ** (-1 / 6))
    torch.testing.assert_close(DistanceOperator.between_ca(torch.tensor([[0, 5]]))(x)[:, 0], first)


def test_sum_average_closed_forms_and_extremes() -> None:
    groups = torch.tensor([0, 0, 1, 1, 2, 3, 3])
    lengths = torch.tensor([[4.0, 4.0, 2.0, 1e6, 7.0, 1e-3, 5.0]], dtype=torch.float64, requires_grad=True)
    y = sum_average(lengths, groups, 4)
    torch.testing.assert_close(y[0, :3], torch.tensor([4.0 * 2 ** (-1 / 6), 2.0, 7.0], dtype=torch.float64))
    assert 0 < y[0, 3] <= 0.01
    single = sum_average(torch.full((1, 4), 1e7, dtype=torch.float32), torch.zeros(4, dtype=torch.int64), 1)
    torch.testing.assert_close(single, torch.full((1, 1), 1e7 * 4 ** (-1 / 6)))
    (gradient,) = torch.autograd.grad(y.sum(), lengths)
    assert bool(gradient.isfinite().all())


@pytest.mark.parametrize("with_cb", [False, True])
def test_gradient_agrees_with_finite_differences(generator: torch.Generator, with_cb: bool) -> None:
    x = coordinates(generator).requires_grad_(True)
    assert torch.autograd.gradcheck(ambiguous(with_cb), (x,))
    assert torch.autograd.gradgradcheck(ambiguous(with_cb), (x,))


def test_coinciding_atoms_have_zero_gradient() -> None:
    x = torch.zeros(1, 9, 4, 3, dtype=torch.float64, requires_grad=True)
    for operator in (ambiguous(False), ambiguous(True)):
        (gradient,) = torch.autograd.grad(operator(x).sum(), x)
        assert bool((gradient == 0).all())
    assert pair_lengths(torch.ones(3), torch.ones(3)) == 0.0


def test_invariant_under_motions_and_reflections_but_cb_has_a_hand(generator: torch.Generator) -> None:
    x = coordinates(generator)
    turn = torch.from_numpy(Rotation.from_euler("xyz", [0.3, 1.2, -2.0]).as_matrix())
    for with_cb in (False, True):
        operator = ambiguous(with_cb)
        torch.testing.assert_close(operator(x @ turn.T + 11.0), operator(x))
    torch.testing.assert_close(ambiguous(False)(-x), ambiguous(False)(x))
    assert not torch.allclose(ambiguous(True)(-x), ambiguous(True)(x), atol=0.05)


def test_pseudo_cb_matches_ideal_geometry() -> None:
    n, c = (
        np.array([1.459, 0.0, 0.0]),
        1.525 * np.array([np.cos(np.deg2rad(111)), np.sin(np.deg2rad(111)), 0.0]),
    )
    x = torch.from_numpy(np.stack([n, np.zeros(3), c, c]))[None]
    ideal = place_cb(n, np.zeros(3), c)
    assert np.linalg.norm(pseudo_cb(x)[0].numpy() - ideal) < 0.06


def test_device_copy_and_malformed_pairs() -> None:
    operator = ambiguous(True)
    assert operator.to("cpu").n_measurements == 3
    one = torch.tensor([[0, 1]])
    for residues, atoms, groups, count in (
        (one, one, torch.tensor([1]), 1),
        (one, one, torch.tensor([0]), 2),
        (one, torch.tensor([[0, 5]]), torch.tensor([0]), 1),
        (torch.tensor([[0, -1]]), one, torch.tensor([0]), 1),
        (one, one, torch.tensor([0, 0]), 1),
        (
            torch.zeros(3, 2, dtype=torch.int64),
            torch.zeros(3, 2, dtype=torch.int64),
            torch.tensor([0, 2, 1]),
            3,
        ),
    ):
        with pytest.raises(ValueError, match="must"):
            DistanceOperator(residues, atoms, groups, count)
    empty = DistanceOperator(one[:0], one[:0], one[:0, 0], 0)
    assert empty(torch.zeros(2, 5, 4, 3)).shape == (2, 0)
