"""The denoising network: symmetry, neighbour lists, and its two equivalent attention paths."""

import dataclasses

import pytest
import torch

from adp3d.prior.builtin.graph import SEQUENCE_OFFSETS, neighbour_list
from adp3d.prior.builtin.network import Denoiser, DenoiserConfig, NoisyBatch
from adp3d.prior.correlation import GlobularCorrelation

SMALL = DenoiserConfig(width=32, heads=4, pair_width=8, stages=(1, 1), neighbours=30)


def _network(config=SMALL):
    torch.manual_seed(0)
    net = Denoiser(config).eval()
    for stage in net.stages:  # the output starts near zero: make it matter
        torch.nn.init.normal_(stage.out.weight, std=0.3)
    return net


def _batch(n=50, b=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = GlobularCorrelation((n,)).apply(torch.randn(b, n, 4, 3, generator=generator))
    alpha, sigma = torch.tensor([0.8, 0.5]), torch.tensor([0.6, 0.866])
    return NoisyBatch(
        alpha[:, None, None, None] * x,
        sigma[:, None, None].expand(b, n, 4),
        alpha,
        sigma,
        torch.randint(0, 21, (b, n), generator=generator),
        torch.zeros(b, n, dtype=torch.int64),
        torch.arange(n).expand(b, n),
        torch.ones(b, n, dtype=torch.bool),
    )


def test_rotating_the_input_rotates_the_output():
    net, batch = _network(), _batch()
    q, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1)))
    rotation = q * torch.sign(torch.det(q))
    with torch.no_grad():
        plain = net(batch)[-1] @ rotation
        turned = net(dataclasses.replace(batch, mean=batch.mean @ rotation))[-1]
    torch.testing.assert_close(turned, plain, atol=2e-3, rtol=1e-3)


def test_mirror_images_are_told_apart():
    net, batch = _network(), _batch()
    mirror = torch.diag(torch.tensor([1.0, 1.0, -1.0]))
    with torch.no_grad():
        plain = net(batch)[-1] @ mirror
        reflected = net(dataclasses.replace(batch, mean=batch.mean @ mirror))[-1]
    assert (reflected - plain).abs().max() > 0.05


def test_padding_does_not_change_the_rest():
    net, batch = _network(), _batch(n=40)
    pad = lambda v: torch.cat([v, v[:, :7]], 1)  # noqa: E731
    padded = NoisyBatch(
        pad(batch.mean), pad(batch.noise), batch.alpha, batch.sigma, pad(batch.aatype), pad(batch.chain_index),
        torch.cat([batch.residue_index, 100 + batch.residue_index[:, :7]], 1),
        torch.cat([batch.present, torch.zeros(2, 7, dtype=torch.bool)], 1),
    )  # fmt: skip
    with torch.no_grad():
        torch.testing.assert_close(net(padded)[-1][:, :40], net(batch)[-1], atol=1e-4, rtol=1e-4)


def test_neighbours_hold_sequence_offsets_then_the_nearest():
    generator = torch.Generator().manual_seed(0)
    ca = 10 * torch.randn(1, 80, 3, generator=generator)
    index, valid = neighbour_list(ca, torch.ones(1, 80, dtype=torch.bool), 40, rows=17)
    assert valid.all()
    for i in (0, 33, 79):
        chosen = set(index[0, i].tolist())
        assert len(chosen) == 40
        fixed = {i + s * o for o in SEQUENCE_OFFSETS for s in (1, -1) if 0 <= i + s * o < 80}
        assert fixed <= chosen
        distance = (ca[0] - ca[0, i]).norm(dim=-1)
        others = [j for j in distance.argsort().tolist() if j not in fixed][: 40 - len(fixed)]
        assert chosen - fixed == set(others)


def test_other_chains_are_seen_as_such():
    net, batch = _network(), _batch(n=40)
    chains = batch.chain_index.clone()
    chains[:, 20:] = 1
    with torch.no_grad():
        one = net(batch)[-1]
        two = net(dataclasses.replace(batch, chain_index=chains))[-1]
    assert (one - two).abs().max() > 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_are_finite_where_atoms_coincide(dtype):
    net, batch = _network(), _batch(n=40)
    collapsed = dataclasses.replace(batch, mean=torch.zeros_like(batch.mean))
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        out = net(collapsed)
    sum(o.square().sum() for o in out).backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)
