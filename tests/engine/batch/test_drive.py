"""A real local cluster: two worker processes, eight jobs, and one worker killed in the middle of a job."""

from __future__ import annotations

import csv
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from adp3d.batch.clusters import Scheduler, connected
from adp3d.batch.drive import run_batch, survey
from adp3d.batch.summary import PICTURE, TABLE, TEXT, write_summary
from adp3d.batch.table import read_table
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.job.shared_folder import share

pytest.importorskip("distributed")

TIMES = ("seconds", "peak_memory_bytes")


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def alone(row, folder: Path) -> Path:
    """Folder of a row that was run as a single job."""
    job = JobFolder.create(replace(row.spec, output=str(folder / row.name)))
    execute(job, NullEvents(), Control())
    return job.path


def figures(metrics: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in metrics.items() if name not in TIMES}


def test_all_jobs_finish_although_a_worker_is_killed(table, tmp_path):
    path = table(*({"name": f"j{i}", "seed": str(i)} for i in range(8)), {"name": "bad", "sequence": "WWWWWWWW"})
    out = tmp_path / "out"
    rows = read_table(path, out)
    entries = survey(rows, overwrite=False)
    said: list[str] = []
    killed: list[int] = []

    with connected(Scheduler(workers=2), out, True) as (client, count):
        processes = client.run(os.getpid)

        def say(text: str) -> None:
            said.append(text)
            if "finished" in text and not killed:  # the workers are at their next jobs now
                busy = [address for address, tasks in client.processing().items() if tasks]
                killed.append(processes[busy[0]])
                os.kill(killed[0], signal.SIGKILL)

        run_batch(client, entries, out, say, workers=count)

    assert killed
    assert [entry.state for entry in entries] == ["finished"] * 8 + ["failed"]
    assert any("ended without a word" in text for text in said), said
    again = [entry for entry in entries[:8] if entry.attempts == 2]
    assert 1 <= len(again) <= 2
    assert entries[8].attempts == 1 and entries[8].error  # bad input is not tried again

    for row in rows[:8]:
        folders = Path(row.spec.output), alone(row, tmp_path / "alone")
        one, other = (figures(JobFolder.open(folder).read_metrics()) for folder in folders)
        assert one == other
        assert len({(folder / "result.cif").read_bytes() for folder in folders}) == 1

    text = write_summary(entries, out)
    assert "9 jobs: 8 finished, 1 failed." in text and "bad: " in text
    assert (out / TEXT).read_text() == text
    lines = list(csv.DictReader((out / TABLE).open()))
    assert [line["state"] for line in lines] == ["finished"] * 8 + ["failed"]
    assert float(lines[0]["completeness_after"]) == 100.0
    assert (out / PICTURE).read_bytes()[:4] == b"\x89PNG"

    # what is finished is not run again
    later = survey(read_table(path, out), overwrite=False)
    assert [entry.state for entry in later] == ["finished"] * 8 + ["waiting"]


def test_idle_workers_share_the_replicas_of_a_job_although_one_is_killed(table, tmp_path):
    out = tmp_path / "out"
    (row,) = read_table(table({"name": "large", "replicas": "6", "steps": "600"}), out)
    entries = survey([row], overwrite=False)
    said: list[str] = []
    killed: list[int] = []
    with connected(Scheduler(workers=3), out, True) as (client, count):
        processes = client.run(os.getpid)

        def kill_a_helper() -> None:
            deadline = time.monotonic() + 120.0
            helpers = Path(row.spec.output) / "shared" / "helpers"
            while not killed and time.monotonic() < deadline:
                # one that is at its steps, or about to be: it has begun to write its log
                for log in helpers.glob("*/events.log"):
                    process = int(log.parent.name.rsplit("_", 1)[1])
                    assert process in processes.values()
                    os.kill(process, signal.SIGKILL)
                    killed.append(process)
                    return
                time.sleep(0.02)

        killer = threading.Thread(target=kill_a_helper)
        killer.start()
        run_batch(client, entries, out, said.append, workers=count, workers_per_job=3)
        killer.join()

    assert killed
    assert [entry.state for entry in entries] == ["finished"] and entries[0].attempts == 1
    assert any("large: a helper failed" in text and "ended without a word" in text for text in said), said
    assert not (Path(row.spec.output) / "shared").exists()

    # in the same groups, by one process
    alone = JobFolder.create(replace(row.spec, output=str(tmp_path / "alone")))
    share(alone, 2)
    execute(alone, NullEvents(), Control())
    assert (alone.path / "result.cif").read_bytes() == (Path(row.spec.output) / "result.cif").read_bytes()
