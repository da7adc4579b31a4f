"""Residue frames and local coordinates."""

from __future__ import annotations

import torch
from scipy.spatial.transform import Rotation

from adp3d.prior.builtin.geometry import residue_frames, to_local

IDEAL = torch.tensor([[-0.525, 1.363, 0.0], [0.0, 0.0, 0.0], [1.526, 0.0, 0.0], [2.15, -1.06, 0.0]]).double()


def backbones(n=6, seed=0):
    turns = torch.from_numpy(Rotation.random(n, random_state=seed).as_matrix())
    places = 5 * torch.randn(n, 1, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.einsum("nij,aj->nai", turns, IDEAL) + places, turns, places


def test_frames_are_those_the_residues_were_turned_by():
    x, turns, places = backbones()
    rotation, origin = residue_frames(x)
    torch.testing.assert_close(origin, places[:, 0])
    torch.testing.assert_close(rotation, turns, atol=2e-2, rtol=0)  # the axes are slightly short


def test_frames_are_right_handed_and_nearly_orthonormal():
    rotation, _ = residue_frames(backbones()[0])
    product = rotation.transpose(-1, -2) @ rotation
    torch.testing.assert_close(product, torch.eye(3, dtype=torch.float64).expand_as(product), atol=2e-2, rtol=0)
    assert (torch.linalg.det(rotation) > 0.95).all()


def test_local_coordinates_are_invariant_and_mirrored_ones_are_not():
    x, _, _ = backbones()
    turn = torch.from_numpy(Rotation.random(random_state=9).as_matrix())

    def local(y):
        rotation, origin = residue_frames(y)
        return to_local(y.roll(1, 0) - origin[:, None], rotation)

    plain = local(x)
    torch.testing.assert_close(local(x @ turn.T + 17.0), plain, atol=1e-9, rtol=1e-9)
    assert (local(x * torch.tensor([1.0, 1.0, -1.0])) - plain).abs().max() > 0.5


def test_collinear_and_coincident_atoms_keep_finite_gradients():
    line = torch.tensor([[[-1.0, 0, 0], [0, 0, 0], [1.0, 0, 0], [2.0, 0, 0]], [[0.0] * 3] * 4]).requires_grad_(True)
    rotation, _ = residue_frames(line)
    assert torch.isfinite(rotation).all()
    rotation.square().sum().backward()
    assert torch.isfinite(line.grad).all()
