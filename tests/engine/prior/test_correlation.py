"""The correlation operator against its definition, its adjoint, its inverse and Chroma's own."""

import importlib
import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from adp3d.prior.correlation import STEP_SCALE, GlobularCorrelation, globular_decay

LENGTHS = [(1,), (5,), (100,), (40, 60), (1, 3, 200)]


def _random(lengths, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, sum(lengths), 4, 3, generator=generator, dtype=dtype)


def _dense(n_residues):
    """R of one chain, written out from its definition."""
    n = 4 * n_residues
    decay = globular_decay(n)
    s0 = 1 / np.sqrt(1 - decay**2)
    rows = np.zeros((n, n))
    rows[0, 0] = s0
    for i in range(1, n):
        rows[i] = decay * rows[i - 1]
        rows[i, i] += 1.0
    return STEP_SCALE * (rows - (s0 - 1) / s0 * rows.mean(0))


@pytest.mark.parametrize("lengths", LENGTHS)
def test_equals_dense_definition(lengths):
    z = _random(lengths)
    blocks = [_dense(length) for length in lengths]
    dense = torch.block_diag(*map(torch.from_numpy, blocks))
    expected = torch.einsum("ab,rbx->rax", dense, z.flatten(1, 2)).reshape(z.shape)
    torch.testing.assert_close(GlobularCorrelation(lengths).apply(z), expected)


@pytest.mark.parametrize("lengths", LENGTHS)
def test_inverses_and_adjoints(lengths):
    operator = GlobularCorrelation(lengths)
    z, x = _random(lengths), _random(lengths, seed=1)
    torch.testing.assert_close(operator.inverse(operator.apply(z)), z)
    torch.testing.assert_close(operator.inverse_transpose(operator.transpose(x)), x)
    torch.testing.assert_close((operator.apply(z) * x).sum(), (z * operator.transpose(x)).sum())
    torch.testing.assert_close((operator.inverse(x) * z).sum(), (x * operator.inverse_transpose(z)).sum())


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("per_replica", [False, True])
def test_solve_inverts_the_system(lengths, per_replica):
    operator = GlobularCorrelation(lengths)
    n = sum(lengths)
    generator = torch.Generator().manual_seed(3)
    shape = (2, n, 4) if per_replica else (n, 4)
    weights = torch.rand(shape, generator=generator, dtype=torch.float64)
    weights = weights * (torch.rand(shape, generator=generator) > 0.5)
    rhs = _random(lengths)
    x = operator.solve(0.3, weights, rhs)
    torch.testing.assert_close(0.3 * operator.inverse_transpose(operator.inverse(x)) + weights[..., None] * x, rhs)


def test_gradient_is_the_transpose():
    operator = GlobularCorrelation((70, 20))
    z = _random((70, 20)).requires_grad_(True)
    y = _random((70, 20), seed=5)
    (operator.apply(z) * y).sum().backward()
    torch.testing.assert_close(z.grad, operator.transpose(y))


def test_noise_has_the_size_of_a_globular_protein():
    """Radius of gyration 2.2 N^0.38 angstrom within a quarter, for noise of a 150-residue chain."""
    operator = GlobularCorrelation((150,))
    generator = torch.Generator().manual_seed(0)
    x = operator.apply(torch.randn(400, 150, 4, 3, generator=generator))
    ca = x[:, :, 1]
    rg = (ca - ca.mean(1, keepdim=True)).square().sum(-1).mean().sqrt()
    assert rg.item() == pytest.approx(2.2 * 150**0.38, rel=0.25)


def test_cost_is_linear_in_memory_for_long_chains():
    operator = GlobularCorrelation((5000,))
    z = _random((5000,), dtype=torch.float32)
    torch.testing.assert_close(operator.inverse(operator.apply(z)), z, atol=1e-3, rtol=1e-3)


def test_rejects_wrong_shapes():
    with pytest.raises(ValueError, match="expected shape"):
        GlobularCorrelation((5,)).apply(torch.zeros(1, 6, 4, 3))
    with pytest.raises(ValueError, match="at least one residue"):
        GlobularCorrelation(())


def _chroma_operator():
    """Chroma's operator, loaded without its top-level package, whose plotting needs are not installed."""
    spec = importlib.util.find_spec("chroma")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("generate-chroma is not installed")
    parent = types.ModuleType("chroma")
    parent.__path__ = [str(Path(next(iter(spec.submodule_search_locations))))]
    sys.modules["chroma"] = parent
    try:
        return importlib.import_module("chroma.layers.structure.mvn").BackboneMVNGlobular
    finally:
        for name in [n for n in sys.modules if n == "chroma" or n.startswith("chroma.")]:
            del sys.modules[name]


@pytest.mark.parametrize("lengths", [(100,), (40, 60), (3, 200, 30)])
def test_agrees_with_chroma(lengths):
    theirs = _chroma_operator()(covariance_model="globular")
    ours = GlobularCorrelation(lengths)
    chain = torch.cat([torch.full((n,), i + 1) for i, n in enumerate(lengths)])[None]
    v = _random(lengths, dtype=torch.float32)[:1]
    pairs = [
        (theirs._multiply_R, ours.apply),
        (theirs._multiply_R_transpose, ours.transpose),
        (theirs._multiply_R_inverse, ours.inverse),
        (theirs._multiply_R_inverse_transpose, ours.inverse_transpose),
    ]
    for their_operator, our_operator in pairs:
        expected = their_operator(v, chain).reshape(v.shape)
        difference = (our_operator(v) - expected).abs().max() / expected.abs().max()
        assert difference < 5e-6
