"""Groups of replicas that several processes compute, with real processes and real locks."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from adp3d.contract.errors import InputError
from adp3d.job import sharing
from adp3d.job.events import Stopped
from adp3d.job.lock import exclusive
from adp3d.job.sharing import Computation, SharedReplicas


def estimate(replicas: range, residues: int = 5) -> torch.Tensor:
    return torch.stack([torch.full((residues, 4, 3), float(r)) for r in replicas])


def computing(done: list[range], residues: int = 5) -> Computation:
    def compute(replicas: range, states: Path | None) -> torch.Tensor:
        done.append(replicas)
        return estimate(replicas, residues)

    return compute


def nothing() -> None:
    return


HOLD = """
import sys, time
from pathlib import Path
from adp3d.job import sharing
from adp3d.job.sharing import Computation, SharedReplicas

def compute(replicas, states):
    states.mkdir()
    (states / "half").touch()
    Path(sys.argv[2]).touch()
    time.sleep(60.0)

SharedReplicas.found(Path(sys.argv[1])).compute("building", 5, compute, lambda: None)
"""
"""A process that takes the first group and does not come to an end with it."""


def test_one_process_alone_computes_all(tmp_path):
    shared = SharedReplicas.begin(tmp_path / "shared", 2)
    done: list[range] = []
    groups = shared.compute("building, round 1", 5, computing(done), nothing)
    assert done == [range(0, 2), range(2, 4), range(4, 5)]
    assert all(group.own for group in groups)
    assert torch.equal(torch.cat([group.estimate for group in groups]), estimate(range(5)))
    # another stage of the same job is another matter, and what is done is not done again
    again = SharedReplicas.found(tmp_path / "shared", helping=True)
    assert again is not None and again.size == 2 and again.helping
    later: list[range] = []
    groups = again.compute("building, round 1", 5, computing(later), nothing)
    assert later == [] and not any(group.own for group in groups)
    again.compute("building, round 2", 5, computing(later), nothing)
    assert len(later) == 3


def test_groups_are_computed_once_by_several(tmp_path):
    shared = SharedReplicas.begin(tmp_path / "shared", 1)
    done: list[range] = []
    results: list[torch.Tensor] = []

    def work() -> None:
        def compute(replicas: range, states: Path | None) -> torch.Tensor:
            time.sleep(0.05)
            return computing(done)(replicas, states)

        results.append(torch.cat([g.estimate for g in shared.compute("polishing", 8, compute, nothing)]))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done, key=lambda group: group.start) == [range(i, i + 1) for i in range(8)]
    assert all(torch.equal(each, estimate(range(8))) for each in results) and len(results) == 3


def test_what_a_killed_process_held_is_computed_by_the_others(tmp_path):
    shared = SharedReplicas.begin(tmp_path / "shared", 2)
    taken = tmp_path / "taken"
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(shared.folder), str(taken)])
    deadline = time.monotonic() + 60.0
    while not taken.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert taken.exists()
    done: list[range] = []
    waits: list[float] = []

    def obey() -> None:
        waits.append(time.monotonic())
        if len(waits) == 1:
            process.kill()
            process.wait()

    halves: list[bool] = []

    def compute(replicas: range, states: Path | None) -> torch.Tensor:
        halves.append(states is not None and (states / "half").exists())
        return computing(done)(replicas, states)

    groups = shared.compute("building", 5, compute, obey)
    assert done == [range(2, 4), range(4, 5), range(0, 2)]  # the one that was held comes last,
    assert halves == [False, False, True]  # and goes on where the other was
    assert waits and all(group.own for group in groups)
    assert not list(shared.folder.glob("*.states"))


def test_waiting_for_others_ends_when_the_user_stops(tmp_path):
    shared = SharedReplicas.begin(tmp_path / "shared", 4)
    free = threading.Event()
    held = threading.Event()

    def other() -> None:
        with exclusive(shared._path("building", range(0, 4)).with_suffix(".lock")):
            held.set()
            free.wait(30.0)

    thread = threading.Thread(target=other)
    thread.start()
    held.wait(30.0)

    def obey() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        shared.compute("building", 4, computing([]), obey)
    free.set()
    thread.join()


def test_other_work_of_others_is_refused(tmp_path):
    shared = SharedReplicas.begin(tmp_path / "shared", 2)

    def compute(replicas: range, states: Path | None) -> torch.Tensor:
        return estimate(replicas, 5 if replicas.start else 6)

    with pytest.raises(InputError, match="do not agree on what it samples"):
        shared.compute("building", 4, compute, nothing)
    (damaged,) = (tmp_path / "shared").glob("building_*_0-2.safetensors")
    damaged.write_bytes(b"x")
    with pytest.raises(InputError, match="delete it"):
        shared.compute("building", 4, computing([]), nothing)


def test_a_job_keeps_its_groups(tmp_path):
    folder = tmp_path / "shared"
    assert SharedReplicas.found(folder) is None
    first = SharedReplicas.begin(folder, 3)
    first.end()
    assert first.over
    again = SharedReplicas.begin(folder, 2)
    assert again == first and not first.over
    first.close()
    assert SharedReplicas.begin(folder, 2).over and first.closed
    (folder / "replicas.json").write_text("{")
    with pytest.raises(InputError, match="delete the folder"):
        SharedReplicas.found(folder)
    shutil.rmtree(folder)
    first.end()  # all is gone already
    assert first.over and not folder.exists()


def test_who_leads_does_not_wait_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(sharing, "_PATIENCE_SECONDS", 1.0)
    shared = SharedReplicas.begin(tmp_path / "shared", 2)
    given: list[tuple[range, bool]] = []

    def compute(replicas: range, states: Path | None) -> torch.Tensor:
        given.append((replicas, states is not None))
        return estimate(replicas)

    with exclusive(shared._path("building", range(0, 2)).with_suffix(".lock")):  # by one that hangs
        groups = shared.compute("building", 4, compute, nothing)
    assert given == [(range(2, 4), True), (range(0, 2), False)]
    assert torch.equal(torch.cat([group.estimate for group in groups]), estimate(range(4)))
