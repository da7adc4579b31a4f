from __future__ import annotations

import numpy as np
import torch

from adp3d.rotamers.library import contours_of, rotamers_of
from adp3d.rotamers.wall import RotamerWall

KINDS = sorted(contours_of())


def random_torsions(seed=0, each=40):
    generator = np.random.default_rng(seed)
    return torch.tensor(KINDS).repeat_interleave(each), torch.as_tensor(
        generator.uniform(-np.pi, np.pi, (each * len(KINDS), 4)), dtype=torch.float32
    )


def densities(aatype, chi):
    degrees = np.rad2deg(chi.numpy().astype(np.float64))
    found = []
    for kind, row in zip(aatype.tolist(), degrees, strict=True):
        contours = contours_of()[kind]
        found.append((float(contours.evaluate(row[: contours.periods.size])), contours.favoured))
    return np.array(found).T


def test_favoured_rotamers_cost_nothing_and_others_what_they_are_worse():
    aatype, chi = random_torsions()
    usual = torch.stack([torch.as_tensor(rotamers_of()[int(kind)].chi[0], dtype=torch.float32) for kind in aatype])
    wall = RotamerWall(aatype, usual)
    np.testing.assert_allclose(wall(usual), 0)
    own, favoured = densities(aatype, chi)
    np.testing.assert_allclose(wall(chi), 3 * np.maximum(favoured - own, 0), atol=5e-3)
    assert float(wall(chi).max()) > 5


def test_what_is_strange_already_does_not_pay_for_that():
    aatype, chi = random_torsions()
    wall = RotamerWall(aatype, chi)
    assert float(wall(chi).abs().max()) < 1e-4
    _, other = random_torsions(seed=1)
    own, favoured = densities(aatype, chi)
    there, _ = densities(aatype, other)
    np.testing.assert_allclose(wall(other), 3 * np.maximum(np.minimum(own, favoured) - there, 0), atol=5e-3)


def test_the_gradient_is_that_of_the_energy():
    aatype, chi = random_torsions(each=10)
    usual = torch.stack([torch.as_tensor(rotamers_of()[int(kind)].chi[0], dtype=torch.float32) for kind in aatype])
    wall = RotamerWall(aatype, usual)
    at = chi.double().requires_grad_(True)
    (slope,) = torch.autograd.grad(wall(at).sum(), at)
    step = 1e-4
    for k in range(4):
        turn = torch.zeros(4, dtype=torch.float64)
        turn[k] = step
        with torch.no_grad():
            found = (wall(chi.double() + turn) - wall(chi.double() - turn)) / (2 * step)
        # not where a step crosses the border of a cell or the contour
        close = torch.isclose(found, slope[:, k], rtol=1e-2, atol=1e-2)
        assert float(close.double().mean()) > 0.97
