from __future__ import annotations

import threading

import pytest

from adp3d.batch.table import read_table
from adp3d.batch.task import checkpoints_of, run_job_folder
from adp3d.contract.errors import InputError
from adp3d.job.folder import JobFolder


@pytest.fixture
def job(table, tmp_path):
    (row,) = read_table(table({"name": "a"}), tmp_path / "out")
    return JobFolder.create(row.spec)


def counting(fail=None, stop=None):
    """A pipeline that counts its steps, and leaves a checkpoint when it is stopped."""

    def run(spec, job, events, control):
        for step in range(spec.steps):
            if stop is not None and step == 2:
                stop.touch()
                control._condition.acquire()
                control._condition.wait_for(lambda: control.stop_requested, timeout=10.0)
                control._condition.release()
            control.poll(lambda step=step: job.save_checkpoint(step, {}))
        if fail is not None:
            raise fail
        job.result.write_text("data_x\n")
        return {"steps_done": spec.steps}

    return lambda kind: run


def test_a_job_runs_and_is_not_run_again(job, tmp_path):
    stop = tmp_path / "stop"
    assert run_job_folder(str(job.path), str(stop), load=counting()).state == "finished"
    written = (job.path / "metrics.json").stat().st_mtime_ns
    again = run_job_folder(str(job.path), str(stop), load=counting(fail=RuntimeError("not reached")))
    assert again.state == "finished"
    assert (job.path / "metrics.json").stat().st_mtime_ns == written


def test_the_stop_file_leaves_a_checkpoint(job, tmp_path):
    stop = tmp_path / "stop"
    outcome = run_job_folder(str(job.path), str(stop), load=counting(stop=stop))
    assert outcome.state == "stopped"
    assert [name for name, _ in checkpoints_of(job.path)] == ["checkpoints/step_00000002.safetensors"]


def test_only_bad_input_is_final(job, tmp_path):
    stop = str(tmp_path / "stop")
    bad = run_job_folder(str(job.path), stop, load=counting(fail=InputError("The map is empty.")))
    assert (bad.state, bad.error, bad.final) == ("failed", "The map is empty.", True)
    fault = run_job_folder(str(job.path), stop, load=counting(fail=RuntimeError("boom")))
    assert fault.state == "failed" and not fault.final and "boom" in fault.error


def test_a_folder_that_another_process_still_holds_is_waited_for(job, tmp_path):
    stop = str(tmp_path / "stop")
    release, held = threading.Event(), threading.Event()

    def hold():
        with job.lock():
            held.set()
            release.wait(10.0)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(10.0)
    busy = run_job_folder(str(job.path), stop, load=counting(fail=RuntimeError("not reached")), wait=0.0)
    assert busy.state == "failed" and "another process" in busy.error and not busy.final
    timer = threading.Timer(0.3, release.set)
    timer.start()
    later = run_job_folder(str(job.path), stop, load=counting(), wait=10.0)
    other.join()
    assert later.state == "finished"
