from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.contract.folder_state import failed_start
from adp3d.contract.specification import CompleteSpec
from adp3d.job.events import Control, NullEvents, Stopped
from adp3d.job.execute import advice_for, execute, load_pipeline
from adp3d.job.folder import JobFolder
from adp3d.job.log import read_history
from adp3d.job.trajectory import read_trajectory


@pytest.fixture
def job(tmp_path):
    (tmp_path / "m.cif").write_text("model")
    return JobFolder.create(
        CompleteSpec(output=str(tmp_path / "job"), model=str(tmp_path / "m.cif"), steps=10, trajectory_interval=4)
    )


def count(spec, job, events, control):
    """A pipeline that counts: resumable, like the real ones."""
    saved = job.load_checkpoint()
    total = saved.tensors["total"].clone() if saved else np.zeros(1)
    for step in range(saved.step if saved else 0, spec.steps):
        control.poll(lambda step=step, total=total: job.save_checkpoint(step, {"total": total}))
        total = total + step
        events.frame(step + 1, np.full((2, 3, 4, 3), float(step)))
        events.metric("total", [float(total[0])] * 2, step=step + 1)
        events.progress("count", step + 1, spec.steps, {"total": float(total[0])})
    job.result.write_text("data_result")
    return {"total": float(total[0])}


def test_a_run_fills_the_folder(job):
    metrics = execute(job, NullEvents(), Control(), lambda kind: count)
    assert metrics["total"] == 45.0
    assert metrics["peak_memory_bytes"] > 10_000_000
    assert job.finished
    assert job.read_metrics() == metrics
    assert read_trajectory(job.trajectory).steps == (4, 8, 10)
    events = [json.loads(line)["event"] for line in job.events_log.read_text().splitlines()]
    assert events[0] == "started" and events[-1] == "finished"
    assert set(job.outputs()) == {"result", "metrics", "frames", "log"}


class StopAt(NullEvents):
    def __init__(self, control, step):
        self.control, self.step = control, step

    def progress(self, stage, step, total, metrics=None):
        if step == self.step:
            self.control.stop()


def test_stopped_and_resumed_equals_uninterrupted(job):
    control = Control()
    with pytest.raises(Stopped):
        execute(job, StopAt(control, 6), control, lambda kind: count)
    assert not job.finished
    assert job.load_checkpoint().step == 6
    metrics = execute(JobFolder.open(job.path), NullEvents(), Control(), lambda kind: count)
    assert metrics["total"] == 45.0
    steps, values = read_history(job.events_log).curves("total")
    assert list(steps) == list(range(1, 11))
    assert list(values[1]) == [float(k * (k + 1) // 2) for k in range(10)]
    assert read_trajectory(job.trajectory).steps == (4, 6, 8, 10)


def test_a_failed_start_keeps_its_log_and_leaves_the_folder_to_the_next_job(job):
    def refuse(spec, job, events, control):
        events.message("The map has no end.")
        raise InputError("The model has no protein chain; give another one.")

    (job.path / "notes.txt").write_text("mine")
    (job.path / "mine.png").write_bytes(b"mine")
    assert not failed_start(job.path)
    with pytest.raises(InputError, match="no protein chain"):
        execute(job, NullEvents(), Control(), lambda kind: refuse)
    records = [json.loads(line) for line in job.events_log.read_text().splitlines()]
    assert [record["event"] for record in records] == ["started", "message", "failed"]
    assert "no protein chain" in records[-1]["text"]
    assert failed_start(job.path)
    spec = replace(job.spec, output=str(job.path))
    again = JobFolder.create(spec)  # the same command: not refused as not empty
    assert not again.events_log.exists()  # a new job, with a new log
    execute(again, NullEvents(), Control(), lambda kind: count)
    assert again.finished and not failed_start(again.path)
    assert (job.path / "notes.txt").read_text() == "mine" and (job.path / "mine.png").read_bytes() == b"mine"
    with pytest.raises(InputError, match="already holds a job"):
        JobFolder.create(spec)


def test_messages_name_the_users_files(job, tmp_path):
    class Heard(NullEvents):
        texts: tuple[tuple[str, str], ...] = ()

        def message(self, text, level="info"):
            self.texts += ((level, text),)

    def talk(spec, job, events, control):
        events.message(f"{spec.model} has no cell.", "warning")
        events.message("model.cif: 3 chains")
        events.progress("count", 1, 1)
        raise InputError("model.cif has no protein; give another.")

    heard = Heard()
    with pytest.raises(InputError, match=r"^m\.cif has no protein"):
        execute(job, heard, Control(), lambda kind: talk)
    told = (("warning", f"{tmp_path / 'm.cif'} has no cell."), ("info", "m.cif: 3 chains"))
    assert heard.texts == told and tuple(read_history(job.events_log).messages) == told


def test_a_failed_start_can_be_resumed(job):
    def full(spec, job, events, control):
        raise InputError("There is not enough memory; close other programs.")

    with pytest.raises(InputError, match="memory"):
        execute(job, NullEvents(), Control(), lambda kind: full)
    assert execute(JobFolder.open(job.path), NullEvents(), Control(), lambda kind: count)["total"] == 45.0


def test_a_job_with_a_checkpoint_is_no_failed_start(job):
    def full(spec, job, events, control):
        job.save_checkpoint(1, {})
        raise InputError("The disk is full.")

    with pytest.raises(InputError, match="full"):
        execute(job, NullEvents(), Control(), lambda kind: full)
    assert job.load_checkpoint() is not None and not failed_start(job.path)
    with pytest.raises(InputError, match="resume"):
        JobFolder.create(replace(job.spec, output=str(job.path)))


def test_failures_leave_their_traceback_in_the_log(job):
    def fail(spec, job, events, control):
        raise ZeroDivisionError("by zero")

    with pytest.raises(ZeroDivisionError):
        execute(job, NullEvents(), Control(), lambda kind: fail)
    record = json.loads(job.events_log.read_text().splitlines()[-1])
    assert record["event"] == "failed"
    assert "ZeroDivisionError" in record["traceback"]
    assert failed_start(job.path)


def test_no_trajectory_when_not_wanted(tmp_path):
    (tmp_path / "m.cif").write_text("model")
    spec = CompleteSpec(output=str(tmp_path / "job"), model=str(tmp_path / "m.cif"), steps=2, trajectory_interval=0)
    job = JobFolder.create(spec)
    execute(job, NullEvents(), Control(), lambda kind: count)
    assert not job.trajectory.exists()


def test_a_running_job_is_not_run_twice(job):
    with job.lock(), pytest.raises(InputError, match="another process"):
        execute(job, NullEvents(), Control(), lambda kind: count)


def test_unknown_kind():
    with pytest.raises(InputError, match="refine, complete, distances"):
        load_pipeline("fold")


def test_advice():
    assert advice_for(InputError("Sentence.")) == ("Sentence.", "")
    assert "memory" in advice_for(MemoryError())[0]
    text, advice = advice_for(KeyError("x"))
    assert "KeyError" in text and "report" in advice
    assert advice_for(AssertionError())[0].endswith("AssertionError.")
