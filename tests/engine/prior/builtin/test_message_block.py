"""The graph network's block: what masked neighbours may not do, and that a network of such blocks works."""

import torch

from adp3d.prior.builtin.message_block import MessageBlock
from adp3d.prior.builtin.network import Denoiser, DenoiserConfig, NoisyBatch

WIDTH, PAIRS = 32, 8


def test_missing_neighbours_have_no_say():
    torch.manual_seed(0)
    block = MessageBlock(WIDTH, PAIRS, 2).eval()
    h, pair, time = torch.randn(2, 20, WIDTH), torch.randn(2, 20, 6, PAIRS), torch.randn(2, WIDTH)
    index, valid = torch.randint(0, 20, (2, 20, 6)), torch.rand(2, 20, 6) > 0.2
    with torch.no_grad():
        plain = block(h, pair, block.pair_layer(pair), time, index, valid)
        other = torch.where(valid[..., None], pair, 100 * torch.ones_like(pair))
        torch.testing.assert_close(block(h, other, block.pair_layer(other), time, index, valid), plain)
        changed = torch.where(valid[..., None], 2 * pair, pair)
        assert (block(h, changed, block.pair_layer(changed), time, index, valid) - plain).abs().max() > 1e-4


def test_a_network_of_message_blocks_learns_with_all_its_layers():
    torch.manual_seed(0)
    net = Denoiser(DenoiserConfig(width=32, heads=4, pair_width=8, stages=(1, 1), neighbours=12, block="messages"))
    n = 20
    batch = NoisyBatch(
        3.8 * torch.randn(2, n, 4, 3).cumsum(1),
        torch.full((2, n, 4), 0.5),
        torch.full((2,), 0.75**0.5),
        torch.full((2,), 0.5),
        torch.randint(0, 20, (2, n)),
        torch.zeros(2, n, dtype=torch.int64),
        torch.arange(n).expand(2, n),
        torch.ones(2, n, dtype=torch.bool),
    )
    estimates = net(batch)
    assert [e.shape for e in estimates] == [(2, n, 4, 3)] * 2
    sum((e - batch.mean).square().sum() for e in estimates).backward()
    blocks = [p for stage in net.stages for p in stage.blocks.parameters()]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in blocks)
    assert sum(float(p.grad.abs().sum()) > 0 for p in blocks) > len(blocks) // 2
