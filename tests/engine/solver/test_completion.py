"""What replicas agree on, and the two runs of a completion."""

from __future__ import annotations

import pytest
import torch

from adp3d.solver.completion import agreement, complete, planned_runs, total_steps


def replicas(count=6, n=20, noise=0.5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    truth = 10 * torch.randn(n, 4, 3, generator=generator)
    return truth, truth + noise * torch.randn(count, n, 4, 3, generator=generator)


def test_agreement_is_closer_than_any_replica():
    truth, x = replicas()
    error = (x - truth).square().sum(-1).mean((1, 2)).sqrt()
    agreed = (agreement(x) - truth).square().sum(-1).mean().sqrt()
    assert agreed < 0.6 * error.min()


def test_a_replica_that_went_elsewhere_has_no_say():
    truth, x = replicas()
    x[0, 5:9] += 40.0
    away = (agreement(x) - truth).square().sum(-1).mean(1).sqrt()
    assert away.max() < 1.0


def test_agreement_moves_with_the_frame():
    _, x = replicas()
    shift = torch.tensor([3.0, -50.0, 7.0])
    torch.testing.assert_close(agreement(x + shift), agreement(x) + shift, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("count", [1, 5])
def test_second_run_starts_from_the_agreement(count):
    _, x = replicas(count)
    calls = []

    def sample(stage, times, replicas, start):
        calls.append((stage, times, replicas, start))
        return x if start is None else start + 1.0

    found = complete(sample, 50, count)
    assert found.independent is x
    steps = sum(len(times) - 1 for _, times, _, _ in calls)
    assert steps == total_steps(50, count)
    made = [(stage, len(times) - 1, replicas) for stage, times, replicas, _ in calls]
    assert made == [(run.name, run.steps, run.replicas) for run in planned_runs(50, count)]
    if count == 1:
        assert len(calls) == 1 and found.x is x
        return
    (_, first, _, _), (_, second, _, start) = calls
    assert first[0] == 1.0 and second[0] < 0.6 and first[-1] == second[-1]
    torch.testing.assert_close(start, agreement(x).expand(count, -1, -1, -1))
    torch.testing.assert_close(found.x, start + 1.0)
