"""Partial models as linear measurements."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from adp3d.physics.masking import MaskedModel, mask_svd
from adp3d.prior.correlation import GlobularCorrelation

N = 11
CORRELATION = GlobularCorrelation((5, 6))


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def model():
    known = torch.rand(N, 4, generator=torch.Generator().manual_seed(2)) > 0.4
    coordinates = random(N, 4, 3, seed=1) * 5
    coordinates[~known] = 1e6  # anything: it must not matter
    return MaskedModel(coordinates, known, random(N, 4, seed=3).abs() + 0.1)


def test_observe_and_spread_are_adjoint():
    given = model()
    x, y = random(2, N, 4, 3), random(2, int(given.known.sum()), 3, seed=5)
    torch.testing.assert_close((given.observe(x) * y).sum(), (x * given.spread(y)).sum())
    torch.testing.assert_close(given.observe(given.spread(y)), y)
    assert given.spread(y).shape == x.shape
    assert (given.spread(y)[:, ~given.known] == 0).all()


def test_weights_and_target():
    given = model()
    torch.testing.assert_close(given.weights[given.known], given.sigma[given.known] ** -2)
    assert (given.weights[~given.known] == 0).all()
    assert (given.target[~given.known] == 0).all()
    assert torch.equal(given.observe(given.target), given.observe(given.coordinates))


def test_a_tiny_sigma_does_not_overflow():
    given = model()
    sharp = dataclasses.replace(given, sigma=torch.full_like(given.sigma, 1e-30))
    assert torch.isfinite(sharp.weights).all()


@pytest.mark.parametrize("wrong", ["coordinates", "sigma"])
def test_unusable_known_atoms_are_refused(wrong):
    given = model()
    value = getattr(given, wrong).clone()
    where = given.known.nonzero()[0]
    value[where[0], where[1]] = float("nan") if wrong == "coordinates" else 0.0
    with pytest.raises(ValueError, match="known atoms need"):
        dataclasses.replace(given, **{wrong: value})


def test_svd_is_that_of_the_masked_operator():
    given = model()
    svd = mask_svd(given, CORRELATION)
    m = int(given.known.sum())
    assert svd.right.shape == (m, 4 * N)
    torch.testing.assert_close(svd.right @ svd.right.T, torch.eye(m, dtype=torch.float64))
    # the minimum-norm z that reproduces the measurement is V S^+ U^T y
    z = (svd.right.T @ svd.target).reshape(1, N, 4, 3)
    seen = given.observe(CORRELATION.apply(z))[0]
    torch.testing.assert_close(seen, given.observe(given.coordinates))
    # and nothing outside the row space is seen
    other = random(1, N, 4, 3, seed=7)
    flat = other.flatten(1, 2)
    inside = torch.einsum("ma,mb,rbx->rax", svd.right, svd.right, flat)
    hidden = (flat - inside).reshape(other.shape)
    assert given.observe(CORRELATION.apply(hidden)).abs().max() < 1e-9


def test_svd_keeps_the_dtype_of_the_model():
    given = model()
    single = dataclasses.replace(given, coordinates=given.coordinates.float())
    svd = mask_svd(single, CORRELATION)
    assert svd.right.dtype == svd.target.dtype == torch.float32
    torch.testing.assert_close(svd.target.double(), mask_svd(given, CORRELATION).target, atol=1e-3, rtol=1e-3)
