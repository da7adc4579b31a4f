"""Attention blocks: two ways to the same sums, and what masked neighbours may not do."""

import pytest
import torch

from adp3d.prior.builtin.attention_block import AttentionBlock, _dense, _sparse

HEADS, WIDTH, PAIRS = 4, 32, 8


def _inputs(n, k, seed=2):
    generator = torch.Generator().manual_seed(seed)
    index = torch.stack([torch.randperm(n, generator=generator)[:k] for _ in range(2 * n)]).view(2, n, k)
    valid = torch.rand(2, n, k, generator=generator) > 0.1
    draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    return draw(2, n, WIDTH), draw(2, n, k, PAIRS), draw(2, WIDTH), index, valid


def test_sparse_and_dense_attention_agree():
    generator = torch.Generator().manual_seed(2)
    q, key, value = torch.randn(3, 2, 60, HEADS, 8, generator=generator)
    _, _, _, index, valid = _inputs(60, 28)
    bias = torch.randn(2, HEADS, 60, 28, generator=generator).masked_fill(~valid[:, None], -1e4)
    for a, b in zip(_dense(q, key, value, bias, index), _sparse(q, key, value, bias, index), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("n", [20, 60])
def test_missing_neighbours_have_no_say(n):
    """Both paths: with 6 neighbours the limit between them lies at 48 residues."""
    torch.manual_seed(0)
    block = AttentionBlock(WIDTH, PAIRS, HEADS, 2).eval()
    h, pair, time, index, valid = _inputs(n, 6)
    with torch.no_grad():
        plain = block(h, pair, block.pair_layer(pair), time, index, valid)
        other = torch.where(valid[..., None], pair, 100 * torch.ones_like(pair))
        torch.testing.assert_close(block(h, other, block.pair_layer(other), time, index, valid), plain)
        changed = torch.where(valid[..., None], 2 * pair, pair)
        assert (block(h, changed, block.pair_layer(changed), time, index, valid) - plain).abs().max() > 1e-3


@pytest.mark.parametrize("n", [12, 60])
def test_gradients_reach_all_layers(n):
    torch.manual_seed(0)
    block = AttentionBlock(WIDTH, PAIRS, HEADS, 2)
    h, pair, time, index, valid = _inputs(n, 6)
    block(h, pair, block.pair_layer(pair), time, index, valid).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in block.parameters())
