"""Chain systems solved in linear time, against dense linear algebra."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adp3d.prior.correlation import STEP_SCALE, globular_decay
from adp3d.prior.precision import chain_variances, solve_chain


def dense_precision(n, decay):
    """R^-T R^-1 of one chain, from the definition of R."""
    s0 = 1 / np.sqrt(1 - decay**2)
    rows = np.zeros((n, n))
    rows[0, 0] = s0
    for i in range(1, n):
        rows[i] = decay * rows[i - 1]
        rows[i, i] += 1.0
    operator = STEP_SCALE * (rows - (s0 - 1) / s0 * rows.mean(0))
    inverse = np.linalg.inv(operator)
    return inverse.T @ inverse


@pytest.mark.parametrize("n", [2, 4, 40, 300])
def test_agrees_with_dense_algebra(n):
    rng = np.random.default_rng(n)
    decay = globular_decay(n)
    weights = rng.random(n) * (rng.random(n) > 0.5)
    rhs = rng.normal(size=(n, 3))
    expected = np.linalg.solve(0.7 * dense_precision(n, decay) + np.diag(weights), rhs)
    found = solve_chain(decay, STEP_SCALE, 0.7, weights, rhs)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("n", [2, 4, 40, 300])
def test_variances_are_the_diagonal_of_the_inverse(n):
    rng = np.random.default_rng(n)
    decay = globular_decay(n)
    damping, weights = np.array([1.0, 0.7, 1e4]), rng.random((3, n)) * (rng.random((3, n)) > 0.5)
    weights[0] = 0
    found = chain_variances(decay, STEP_SCALE, damping, weights)
    for k in range(3):
        inverse = np.linalg.inv(damping[k] * dense_precision(n, decay) + np.diag(weights[k]))
        np.testing.assert_allclose(found[k], np.diag(inverse), rtol=1e-7)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 60), st.floats(1e-4, 1 - 1e-4), st.floats(1e-3, 1e5), st.floats(0, 1e6), st.integers(0, 1000))
def test_solution_satisfies_the_system(n, decay, damping, weight, seed):
    rng = np.random.default_rng(seed)
    weights = weight * (rng.random(n) > 0.3)
    rhs = rng.normal(size=(n, 2))
    x = solve_chain(decay, STEP_SCALE, damping, weights, rhs)
    system = damping * dense_precision(n, decay) + np.diag(weights)
    residual = np.abs(system @ x - rhs).max()
    assert residual < 1e-9 * max(1.0, np.abs(system).max() * np.abs(x).max())


def test_cost_is_linear():
    n = 200_000
    rng = np.random.default_rng(0)
    x = solve_chain(globular_decay(n), STEP_SCALE, 0.5, rng.random(n), rng.normal(size=(n, 3)))
    assert np.isfinite(x).all()
