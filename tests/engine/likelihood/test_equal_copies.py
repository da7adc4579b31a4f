"""Copies that are nearly alike: differences of distances against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from adp3d.likelihood.equal_copies import EqualCopiesLikelihood

LENGTH = 6
SIGMA = 0.2


def copies_of(count, seed=0):
    """Chains of one shape, each turned and moved, (1, count * LENGTH, 4, 3)."""
    rng = np.random.default_rng(seed)
    chain = rng.normal(0.0, 5.0, (LENGTH, 4, 3))
    placed = [
        Rotation.random(random_state=k).apply(chain.reshape(-1, 3)).reshape(chain.shape) + rng.normal(0.0, 30.0, 3)
        for k in range(count)
    ]
    return torch.from_numpy(np.concatenate(placed))[None]


def likelihood_of(count, **options):
    """All distances within chains of `copies_of`."""
    both = torch.triu_indices(LENGTH, LENGTH, 1).T
    pairs = torch.cat([both + k * LENGTH for k in range(count)])
    return EqualCopiesLikelihood(pairs, torch.arange(len(both)).repeat(count), SIGMA, **options)


def test_copies_that_are_alike_cost_nothing_wherever_they_lie():
    x = copies_of(3)
    likelihood = likelihood_of(3)
    assert float(likelihood(x)) == pytest.approx(0.0, abs=1e-12)
    assert float(likelihood.at_residues(x).max()) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("doubt", [0.0, 0.5])
def test_value_is_that_of_each_distance_about_its_mean(doubt):
    count = 3
    x = copies_of(count) + 0.3 * torch.randn(1, count * LENGTH, 4, 3, generator=torch.Generator().manual_seed(1))
    likelihood = likelihood_of(count, doubt=doubt)
    ca = x[0, :, 1].reshape(count, LENGTH, 3)
    distance = torch.stack([torch.pdist(one) for one in ca])
    square = ((distance - distance.mean(0)) / SIGMA).square()
    width = 4.0 + (2.0 * doubt / SIGMA) ** 2
    expected = -0.5 * (square / (1.0 + square / width)).sum()
    assert float(likelihood(x)) == pytest.approx(float(expected))
    assert likelihood.in_doubt(doubt)(x) == likelihood(x)


def test_the_gradient_brings_copies_together_and_not_elsewhere():
    x = copies_of(2)
    moved = x.clone()
    moved[0, 2, 1] += 0.1  # one residue of the first copy
    leaf = moved.clone().requires_grad_(True)
    likelihood_of(2)(leaf).sum().backward()
    ca = leaf.grad[0, :, 1]
    assert float(leaf.grad[0, :, [0, 2, 3]].abs().max()) == 0.0
    # as a whole neither copy is pushed nor turned
    for rows in (slice(0, LENGTH), slice(LENGTH, 2 * LENGTH)):
        force, places = ca[rows], moved[0, rows, 1]
        assert float(force.sum(0).norm()) == pytest.approx(0.0, abs=1e-9)
        assert float(torch.linalg.cross(places, force).sum(0).norm()) == pytest.approx(0.0, abs=1e-7)
    assert float(likelihood_of(2)((moved + 0.002 * leaf.grad).detach())) > float(likelihood_of(2)(moved))


def test_a_copy_that_is_otherwise_lets_go():
    x = copies_of(2)
    pull = []
    for far in (0.1, 20.0):
        leaf = x.clone()
        leaf[0, 0, 1] += far
        leaf.requires_grad_(True)
        likelihood_of(2)(leaf).sum().backward()
        pull.append(float(leaf.grad.norm()))
    assert pull[1] < 0.1 * pull[0]


def test_curvature_is_that_of_harmonic_restraints_where_copies_agree():
    likelihood = likelihood_of(2)
    curvature = likelihood.curvature(copies_of(2))
    expected = (LENGTH - 1) / (3.0 * SIGMA**2)
    torch.testing.assert_close(curvature[0, :, 1], torch.full((2 * LENGTH,), expected, dtype=curvature.dtype))
    assert float(curvature[..., [0, 2, 3]].abs().max()) == 0.0


def test_what_makes_no_sense_is_refused():
    pairs = torch.tensor([[0, 1]])
    with pytest.raises(ValueError, match="sigma"):
        EqualCopiesLikelihood(pairs, torch.tensor([0]), 0.0)
    with pytest.raises(ValueError, match="shape"):
        EqualCopiesLikelihood(pairs, torch.tensor([0, 1]), 1.0)
