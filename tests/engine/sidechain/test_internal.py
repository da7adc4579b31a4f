"""Angles, torsions and atoms placed by them."""

from __future__ import annotations

import math

import gemmi
import pytest
import torch

from adp3d.sidechain.internal import angle, distance, place, torsion, turned


@pytest.fixture
def points():
    return torch.randn(5, 50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_as_gemmi_measures_them(points):
    for a, b, c, d in points[:4].transpose(0, 1):
        p = [gemmi.Position(*v.tolist()) for v in (a, b, c, d)]
        assert float(distance(a, b)) == pytest.approx(p[0].dist(p[1]))
        assert float(angle(a, b, c)) == pytest.approx(gemmi.calculate_angle(*p[:3]))
        assert float(torsion(a, b, c, d)) == pytest.approx(gemmi.calculate_dihedral(*p))


def test_placing_is_the_inverse_of_measuring(points):
    a, b, c, x, _ = points
    turn = torsion(a, b, c, x)
    again = place(a, b, c, distance(c, x), angle(b, c, x), turn.cos(), turn.sin())
    torch.testing.assert_close(again, x)


def test_placing_turns_and_moves_with_its_atoms(points):
    a, b, c, _, shift = points[:, :1]
    turn, _ = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))
    turn = turn * torch.linalg.det(turn)
    one = torch.tensor([1.5], dtype=torch.float64)
    placed = place(a, b, c, one, one, one.cos(), one.sin())
    moved = place(*(v @ turn.T + shift for v in (a, b, c)), one, one, one.cos(), one.sin())
    torch.testing.assert_close(moved, placed @ turn.T + shift)


def test_torsions_have_gradients_at_180_degrees():
    flat = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, -1.0, 0.0]], dtype=torch.float64)
    flat.requires_grad_(True)
    turn = torsion(*flat)
    assert abs(float(turn.detach())) == pytest.approx(math.pi)
    turn.backward()
    assert torch.isfinite(flat.grad).all() and flat.grad.abs().sum() > 0


def test_turning_further_adds_angles():
    first, second = torch.tensor([0.3, -2.0, 3.0], dtype=torch.float64), torch.tensor([0.5, 1.0, 2.0]).double()
    unit = turned(torch.stack([first.cos(), first.sin()], -1), second)
    torch.testing.assert_close(unit, torch.stack([(first + second).cos(), (first + second).sin()], -1))
