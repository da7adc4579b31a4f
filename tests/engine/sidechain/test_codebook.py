"""Codes of a grid: all reached, each its own nearest, numbered without gaps."""

from __future__ import annotations

import pytest
import torch

from adp3d.sidechain.codebook import Codebook

LEVELS = (4, 3, 2)


@pytest.fixture
def codebook():
    return Codebook(LEVELS)


def test_each_code_stands_for_its_own_vector(codebook):
    codes = torch.arange(24)
    vector = codebook.vector(codes)
    assert codebook.codes == 24 and len({tuple(row) for row in vector.tolist()}) == 24
    # what the bounded numbers are made of: the outermost levels are reached at finite input
    found = codebook(torch.atanh(vector / 1.0009))
    assert torch.equal(found.code, codes)
    torch.testing.assert_close(found.vector, vector)


def test_the_nearest_level_by_hand(codebook):
    # levels of the first number at -1, -1/3, 1/3 and 1, of the second at -1, 0 and 1, of the third at -1 and 1
    found = codebook(torch.tensor([[0.1, 0.1, 0.1], [-9.0, 9.0, -9.0], [-0.4, -0.4, 0.4]]))
    torch.testing.assert_close(
        found.vector, torch.tensor([[1 / 3, 0.0, 1.0], [-1.0, 1.0, -1.0], [-1 / 3, 0.0, 1.0]]), atol=1e-6, rtol=0
    )
    assert found.code.tolist() == [2 + 4 * 1 + 12 * 1, 0 + 4 * 2 + 12 * 0, 1 + 4 * 1 + 12 * 1]


def test_values_of_any_size_are_bounded_and_no_others_occur(codebook):
    found = codebook(50 * torch.randn(500, 3, generator=torch.Generator().manual_seed(0)))
    assert float(found.vector.abs().max()) <= 1.0 + 1e-6
    assert int(found.code.min()) >= 0 and int(found.code.max()) < 24
    torch.testing.assert_close(found.vector, codebook.vector(found.code), atol=1e-6, rtol=0)


def test_rounding_lets_gradients_through(codebook):
    z = torch.full((1, 3), 0.3, requires_grad=True)
    codebook(z).vector.sum().backward()
    # of 1.001 tanh z
    torch.testing.assert_close(z.grad, 1.001 * (1 - torch.tanh(torch.full((1, 3), 0.3)) ** 2))
