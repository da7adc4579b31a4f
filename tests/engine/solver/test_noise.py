"""Random numbers that belong to replicas."""

from __future__ import annotations

import torch

from adp3d.solver.noise import ReplicaNoise

CPU = torch.device("cpu")


def draw(noise, shape=(7, 4, 3), dtype=torch.float64):
    return noise.draw(shape, dtype, CPU)


def test_shape_type_and_distribution():
    noise = ReplicaNoise(3, 0, 5)
    assert noise.count == 5
    values = draw(noise, (500, 4, 3), torch.float32)
    assert values.shape == (5, 500, 4, 3) and values.dtype == torch.float32
    assert values.mean().abs() < 0.02
    assert abs(float(values.std()) - 1) < 0.02


def test_a_replica_sees_the_same_numbers_in_any_batch():
    whole = ReplicaNoise(5, 0, 4)
    first, second = draw(whole), draw(whole)
    for k in range(4):
        alone = ReplicaNoise(5, k, 1)
        assert torch.equal(draw(alone)[0], first[k])
        assert torch.equal(draw(alone)[0], second[k])


def test_replicas_and_seeds_differ():
    numbers = torch.cat([draw(ReplicaNoise(seed, 0, 3)) for seed in (0, 1, 2**63 - 1)]).flatten(1)
    correlation = torch.corrcoef(numbers) - torch.eye(9, dtype=torch.float64)
    assert correlation.abs().max() < 0.6
    assert len(torch.unique(numbers)) == numbers.numel()


def test_restored_state_continues_exactly():
    noise = ReplicaNoise(1, 2, 3)
    draw(noise)
    state = noise.state()
    assert state.dtype == torch.uint8 and len(state) == 3
    following = draw(noise)
    other = ReplicaNoise(99, 0, 3)
    other.restore(state)
    assert torch.equal(draw(other), following)
    state.zero_()  # what was stored is a copy
    assert torch.isfinite(draw(noise)).all()
