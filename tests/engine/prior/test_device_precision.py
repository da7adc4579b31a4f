"""Chain systems by scans, against factorisations; and that neither values nor shapes need to leave the device."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adp3d.prior.correlation import STEP_SCALE, GlobularCorrelation, globular_decay
from adp3d.prior.device_precision import chain_variances_scan, solve_chain_scan
from adp3d.prior.precision import chain_variances, solve_chain


@pytest.mark.parametrize("n", [2, 3, 40, 1001, 6000])
def test_agrees_with_factorisations(n):
    rng = np.random.default_rng(n)
    decay = globular_decay(max(n, 4))
    # damping from the first to the last noise level, weights up to those of pinned atoms
    damping = np.array([0.3, 7.0, 2e5])
    weights = rng.choice([0.0, 0.4, 25.0, 2500.0], (3, n), p=[0.5, 0.2, 0.2, 0.1])
    weights[0] = 0.0
    rhs = rng.normal(size=(3, n, 3))
    gamma, w = torch.from_numpy(damping), torch.from_numpy(weights)
    found = solve_chain_scan(decay, STEP_SCALE, gamma, w, torch.from_numpy(rhs)).numpy()
    spread = chain_variances_scan(decay, STEP_SCALE, gamma, w).numpy()
    for k in range(3):
        expected = solve_chain(decay, STEP_SCALE, float(damping[k]), weights[k], rhs[k])
        np.testing.assert_allclose(found[k], expected, rtol=1e-6, atol=1e-8 * np.abs(expected).max())
    np.testing.assert_allclose(spread, chain_variances(decay, STEP_SCALE, damping, weights), rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 60), st.floats(1e-4, 1 - 1e-4), st.floats(1e-3, 1e5), st.floats(0, 1e6), st.integers(0, 1000))
def test_any_chain_is_solved(n, decay, damping, weight, seed):
    rng = np.random.default_rng(seed)
    weights, rhs = weight * (rng.random(n) > 0.3), rng.normal(size=(n, 2))
    expected = solve_chain(decay, STEP_SCALE, damping, weights, rhs)
    found = solve_chain_scan(
        decay,
        STEP_SCALE,
        torch.tensor([damping]).double(),
        torch.from_numpy(weights)[None],
        torch.from_numpy(rhs)[None],
    )
    np.testing.assert_allclose(found[0].numpy(), expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("shape", [(14, 4), (3, 14, 4)])
def test_a_correlation_solves_alike_by_either_way(shape):
    operator = GlobularCorrelation((5, 9))
    generator = torch.Generator().manual_seed(1)
    weights, rhs = torch.rand(shape, generator=generator), torch.randn((3, 14, 4, 3), generator=generator)
    flat = weights.double().reshape(-1, 56), rhs.double().reshape(3, 56, 3)
    torch.testing.assert_close(operator._scanned(0.3, *flat), operator._banded(0.3, *flat), rtol=1e-9, atol=1e-9)
    elsewhere = operator.solve(0.3, weights.to("meta"), rhs.to("meta"))  # a device without any values
    assert elsewhere.shape == rhs.shape and elsewhere.dtype == rhs.dtype
