from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from adp3d.contract.errors import InputError
from adp3d.job.events import NullEvents
from adp3d.job.memory import (
    PeakMemory,
    _container_room,
    available_memory,
    estimate_cost,
    is_out_of_memory,
    run_in_batches,
)
from adp3d.prior.cost import PriorCost
from adp3d.solver.potential_cost import PotentialCost


class Messages(NullEvents):
    def __init__(self):
        self.texts = []
        self.firsts = []

    def message(self, text, level="info"):
        self.texts.append((level, text))

    def metric(self, name, value, step=None, first_replica=0):
        self.firsts.append(first_replica)


def test_batches_cover_all_replicas_in_order():
    events = Messages()

    def compute(replicas, inner):
        inner.metric("x", 1.0)
        return list(replicas)

    assert run_in_batches(compute, 7, events, batch=3) == [[0, 1, 2], [3, 4, 5], [6]]
    assert events.firsts == [0, 3, 6]
    assert run_in_batches(compute, 7, events) == [[*range(7)]]
    assert run_in_batches(compute, 7, events, batch=4, first=4) == [[4, 5, 6]]
    assert run_in_batches(compute, 7, events, first=7) == []
    assert events.texts == []


@pytest.mark.parametrize(
    "failure",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
    ],
)
def test_batches_shrink_when_memory_is_short(failure):
    tried = []
    events = Messages()

    def compute(replicas, inner):
        tried.append((replicas.start, replicas.stop))
        if len(replicas) > 2:
            raise failure
        return [*replicas]

    assert run_in_batches(compute, 9, events) == [[0, 1], [2, 3], [4, 5], [6, 7], [8]]
    assert tried[:4] == [(0, 9), (0, 5), (0, 3), (0, 2)]
    assert [level for level, _ in events.texts] == ["warning"] * 3


def test_a_real_failed_allocation_is_recognised():
    def compute(replicas, inner):
        # more than any machine's address space: fails at once, however much is overcommitted
        return torch.zeros(2**60 if len(replicas) > 1 else 4)

    results = run_in_batches(compute, 2, Messages())
    assert [len(result) for result in results] == [4, 4]


def test_not_even_one_replica():
    def compute(replicas, inner):
        raise MemoryError

    with pytest.raises(InputError, match="even one replica"):
        run_in_batches(compute, 4, Messages())


def test_other_errors_pass():
    def compute(replicas, inner):
        raise RuntimeError("shapes disagree")

    with pytest.raises(RuntimeError, match="shapes"):
        run_in_batches(compute, 4, Messages())
    assert not is_out_of_memory(ValueError("out of memory"))


def test_failed_attempts_release_their_tensors():
    alive = []

    def compute(replicas, inner):
        import weakref

        large = torch.zeros(1000)
        alive.append(weakref.ref(large))
        if len(replicas) > 1:
            raise MemoryError
        assert alive[0]() is None
        return 0

    run_in_batches(compute, 2, Messages())


COST = PriorCost(fixed_bytes=1000, bytes_per_residue=10, seconds_per_residue=0.25, accelerator_speed=60.0)


def test_estimate_grows_with_its_arguments():
    small = estimate_cost(4, 100, 50, COST)
    assert (small.batch, small.bytes_per_replica, small.peak_bytes) == (4, 1000, 5000)
    assert small.seconds == pytest.approx(4 * 50 * 100 * 0.25)
    assert estimate_cost(8, 100, 50, COST).seconds == pytest.approx(2 * small.seconds)
    assert estimate_cost(4, 100, 50, COST, cores=2).seconds < small.seconds
    assert estimate_cost(4, 100, 50, COST, accelerated=True).seconds == pytest.approx(small.seconds / 60)
    mapped = estimate_cost(4, 100, 50, COST, [PotentialCost(40_000, 16_000, 3e-4)])
    assert mapped.bytes_per_replica > 1000 and mapped.peak_bytes > 5000 and mapped.seconds > small.seconds


def test_estimate_chooses_a_batch_that_fits():
    cost = replace(COST, fixed_bytes=100)
    assert estimate_cost(8, 10, 1, cost, available_bytes=500).batch == 3
    assert estimate_cost(8, 10, 1, cost, available_bytes=50).batch == 1
    tight = estimate_cost(8, 10, 1, cost, available_bytes=500)
    assert tight.peak_bytes == 400
    assert "computing 3 of 8 replicas at once" in tight.sentence(8)


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "1 s"), (42, "42 s"), (600, "10 min"), (7200, "2.0 h")])
def test_estimate_in_words(seconds, words):
    cost = PriorCost(2_000_000_000, 0, seconds, 1.0)
    assert estimate_cost(1, 1, 1, cost).sentence(1) == f"Expected: about {words} and 2.0 GB of memory."


def test_peak_memory_sees_a_large_array():
    with PeakMemory() as quiet:
        pass
    with PeakMemory() as busy:
        np.ones(12_000_000)  # 96 MB, gone at once
    with PeakMemory() as after:
        pass
    assert busy.bytes - quiet.bytes > 60_000_000
    assert after.bytes < busy.bytes


def test_peak_memory_by_sampling(monkeypatch):
    monkeypatch.setattr("adp3d.job.memory._reset_counter", lambda: False)
    with PeakMemory() as memory:
        pass
    assert 10_000_000 < memory.bytes < 50_000_000_000


def test_available_memory(tmp_path):
    assert available_memory(torch.device("cpu")) > 10_000_000
    assert _container_room(tmp_path) is None
    (tmp_path / "memory.current").write_text("300\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert _container_room(tmp_path) is None
    (tmp_path / "memory.max").write_text("1000\n")
    assert _container_room(tmp_path) == 700
