"""Training state survives the disk bit for bit."""

from __future__ import annotations

import torch

from adp3d.prior.builtin.network import Denoiser, DenoiserConfig
from adp3d.training.checkpoint import Progress, load_checkpoint, save_checkpoint

SMALL = DenoiserConfig(width=16, heads=2, pair_width=4, stages=(1, 1), neighbours=10)


def setup(seed):
    torch.manual_seed(seed)
    net = Denoiser(SMALL)
    average = {k: v.detach().clone() for k, v in net.state_dict().items()}
    return net, average, torch.optim.AdamW(net.parameters(), lr=1e-3, betas=(0.9, 0.98))


def update(net, optimizer, seed):
    """One step along made-up gradients, the same for every network of this size."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    optimizer.step()


def test_nothing_there(tmp_path):
    net, average, optimizer = setup(0)
    assert load_checkpoint(tmp_path / "none", net, average, optimizer) is None


def test_going_on_gives_the_same_bits(tmp_path):
    net, average, optimizer = setup(0)
    for seed in range(3):
        update(net, optimizer, seed)
    progress = Progress(step=4, seconds=12.5, skipped=1)  # one of four updates was skipped
    save_checkpoint(tmp_path / "run", net, average, optimizer, progress)
    other, other_average, other_optimizer = setup(1)
    assert load_checkpoint(tmp_path / "run", other, other_average, other_optimizer) == progress
    assert all(torch.equal(average[k], other_average[k]) for k in average)
    for seed in (3, 4):
        update(net, optimizer, seed)
        update(other, other_optimizer, seed)
    for (name, a), b in zip(net.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_a_later_save_replaces_the_earlier_one(tmp_path):
    net, average, optimizer = setup(0)
    for step in (1, 2):
        update(net, optimizer, step)
        save_checkpoint(tmp_path, net, average, optimizer, Progress(step=step))
    assert load_checkpoint(tmp_path, net, average, optimizer) == Progress(step=2)
    assert [p.name for p in tmp_path.iterdir()] == ["state.safetensors"]
