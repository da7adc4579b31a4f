"""Partial models decomposed in whitened space."""

from __future__ import annotations

import dataclasses

import torch

from adp3d.physics.masking import mask_svd
from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.evidence import KnownAtoms

N = 11
CORRELATION = GlobularCorrelation((5, 6))


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def model():
    known = torch.rand(N, 4, generator=torch.Generator().manual_seed(2)) > 0.4
    coordinates = random(N, 4, 3, seed=1) * 5
    coordinates[~known] = 1e6  # anything: it must not matter
    return KnownAtoms.measured(coordinates, known, random(N, 4, seed=3).abs() + 0.1)


def test_svd_is_that_of_the_masked_operator():
    given = model()
    svd = mask_svd(given, CORRELATION)
    m = int(given.known.sum())
    assert svd.right.shape == (m, 4 * N)
    torch.testing.assert_close(svd.right @ svd.right.T, torch.eye(m, dtype=torch.float64))
    # the minimum-norm z that reproduces the measurement is V S^+ U^T y
    z = (svd.right.T @ svd.target).reshape(1, N, 4, 3)
    seen = given.observe(CORRELATION.apply(z))[0]
    torch.testing.assert_close(seen, given.observe(given.target))
    # and nothing outside the row space is seen
    other = random(1, N, 4, 3, seed=7)
    flat = other.flatten(1, 2)
    inside = torch.einsum("ma,mb,rbx->rax", svd.right, svd.right, flat)
    hidden = (flat - inside).reshape(other.shape)
    assert given.observe(CORRELATION.apply(hidden)).abs().max() < 1e-9


def test_svd_keeps_the_dtype_of_the_model():
    given = model()
    single = dataclasses.replace(given, target=given.target.float())
    svd = mask_svd(single, CORRELATION)
    assert svd.right.dtype == svd.target.dtype == torch.float32
    torch.testing.assert_close(svd.target.double(), mask_svd(given, CORRELATION).target, atol=1e-3, rtol=1e-3)
