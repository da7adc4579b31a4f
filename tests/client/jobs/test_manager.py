"""Jobs from submission to their end, and the faults they must survive, with the real engine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from chimerax.adp3d.jobs.manager import job_manager
from chimerax.adp3d.jobs.news import TRIGGERS
from chimerax.adp3d.jobs.state import JobState
from chimerax.adp3d.process import environment
from chimerax.core.errors import UserError

REAL_WORKER = """
    {preparation}
    from importlib import import_module
    sys.exit(import_module("adp3d.cli").main(["worker"]))
"""


def test_jobs_run_one_after_the_other_in_one_warm_engine(session, tiny_job, messages):
    manager = job_manager(session)
    seen = []
    for name in TRIGGERS:
        manager.triggers.add_handler(name, lambda trigger, job: seen.append((trigger, job.id)))
    first, second = manager.submit(tiny_job("one")), manager.submit(tiny_job("two"))
    assert (first.id, second.id) == (1, 2)
    assert second.state is JobState.WAITING
    assert manager.get() is first
    tasks = {str(task) for task in session.tasks.values()}
    assert {"ADP-3D job 1: complete one", "ADP-3D job 2: complete two"} <= tasks
    assert first.wait(120), first.status()
    assert first.state is JobState.FINISHED, (first.error, first.advice)
    (engine,) = manager.engines()
    assert second.wait(60)
    assert second.state is JobState.FINISHED, (second.error, second.advice)
    assert [e["process"] for e in manager.engines()] == [engine["process"]]

    assert first.result.is_file()
    assert first.result == first.folder / "result.cif"
    assert first.layout.n_residues == 20
    assert list(first.layout.known).count(False) == 5
    assert first.frame[1].shape == (2, 20, 4, 3)
    assert np.isfinite(first.frame[1]).all()
    assert first.metrics["noise_level"]
    assert json.dumps(first.status())
    for name in ("job added", "job layout", "job changed", "job frame", "job ended"):
        assert (name, 1) in seen, name
    order = [trigger for trigger, job in seen if job == 1]
    assert order[0] == "job added"
    assert order[-1] == "job ended"
    assert order.index("job layout") < order.index("job frame")
    assert order.count("job ended") == 1
    states = {task.state.value for task in session.tasks.values() if "ADP-3D" in str(task)}
    assert states == {"finished"}
    assert any("has finished" in text for _, text in messages)


def test_a_job_is_paused_resumed_stopped_and_taken_up_again(session, tiny_job, wait_until):
    manager = job_manager(session)
    job = manager.submit(tiny_job(steps=3000, trajectory_interval=0))
    wait_until(lambda: job.state is JobState.RUNNING and job.frame is not None)
    job.pause()
    assert job.state is JobState.PAUSED
    wait_until(lambda: _quiet(job))
    job.resume()
    step = job.step
    wait_until(lambda: job.step > step)
    assert job.frame_serial > 1
    job.stop()
    assert job.state is JobState.STOPPING
    assert job.wait(30)
    assert job.state is JobState.STOPPED
    assert (job.folder / "job.json").is_file()

    again = manager.reopen(job.folder, job.prepared_again())
    wait_until(lambda: again.state is JobState.RUNNING and again.total > 0 and again.step > 0)
    assert again.step >= step
    assert again.title == job.title
    again.stop()
    assert again.wait(30)
    with pytest.raises(UserError, match="does not run"):
        again.fix([1], True)


def _quiet(job) -> bool:
    """Whether a paused job has sent nothing for a while."""
    import time

    before = job.frame_serial
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        job._steering().pump()
        time.sleep(0.02)
    return job.frame_serial == before


def test_a_waiting_job_is_stopped_at_once(session, tiny_job):
    manager = job_manager(session)
    waiting = tiny_job("two")
    waiting.folder.mkdir()  # reserved
    first, second = manager.submit(tiny_job("one", steps=3000)), manager.submit(waiting)
    second.stop()
    assert second.state is JobState.STOPPED
    assert first.state is JobState.STARTING
    assert not second.folder.exists()


@pytest.mark.parametrize(
    ("devices", "together"),
    [
        (("auto", "cpu"), False),
        (("cpu", "auto"), False),
        (("auto", "cuda:0"), False),
        (("cpu", "cuda:0"), True),
    ],
)
def test_jobs_wait_as_long_as_nobody_knows_what_auto_is(session, tiny_job, use_engine, devices, together):
    from chimerax.adp3d.settings import adp3d_settings

    use_engine("while receive() is not None: pass")
    adp3d_settings(session).engine_found_device = ""
    manager = job_manager(session)
    first, second = (manager.submit(tiny_job(f"job{i}", device=device)) for i, device in enumerate(devices))
    assert first.state is JobState.STARTING
    assert (second.state is JobState.STARTING) == together
    assert len(manager.engines()) == 1 + together


def test_jobs_wait_when_the_device_becomes_known_meanwhile(session, tiny_job, use_engine, monkeypatch):
    from chimerax.adp3d.settings import adp3d_settings

    use_engine("while receive() is not None: pass")
    python = Path(os.environ[environment.VARIABLE])
    monkeypatch.setattr(environment, "configured", lambda session: environment.Environment(python, "setting"))
    settings = adp3d_settings(session)
    settings.engine_found_device = ""
    manager = job_manager(session)
    first = manager.submit(tiny_job("one", device="auto"))
    settings.engine_found_device = "cpu"  # as 'adp3d install' leaves it
    second, third = manager.submit(tiny_job("two", device="auto")), manager.submit(tiny_job("three", device="cpu"))
    assert [job.state for job in (first, second, third)] == [JobState.STARTING, JobState.WAITING, JobState.WAITING]
    assert len(manager.engines()) == 1


def test_an_engine_killed_mid_job_fails_the_job_and_the_next_one_runs(session, tiny_job, wait_until, messages):
    manager = job_manager(session)
    job, following = manager.submit(tiny_job("one", steps=3000)), manager.submit(tiny_job("two"))
    wait_until(lambda: job.state is JobState.RUNNING and job.step > 2)
    killed = manager.engines()[0]["process"]
    os.kill(killed, signal.SIGKILL)
    assert job.wait(20)
    assert job.state is JobState.FAILED
    assert "killed" in job.error
    assert "memory" in job.advice
    assert f"'adp3d resume {job.id}' goes on from the last checkpoint" in job.advice
    assert any(level == "warning" and "killed" in text for level, text in messages)
    assert following.wait(60)
    assert following.state is JobState.FINISHED, following.error
    assert manager.engines()[0]["process"] != killed


def test_garbage_on_the_engines_output_fails_the_job(session, tiny_job, use_engine):
    use_engine(
        """
        receive(), receive()
        stdout.write(b"Segmentation fault (not really)\\n" * 20)
        stdout.flush()
        time.sleep(60)
        """
    )
    prepared = tiny_job()
    prepared.folder.mkdir()  # reserved
    job = job_manager(session).submit(prepared)
    assert job.wait(20)
    assert job.state is JobState.FAILED
    assert "output could not be read" in job.error
    assert "environment is broken" in job.advice
    assert "adp3d install" in job.advice
    assert "engine.log" not in job.advice
    assert not job.folder.exists()
    assert job_manager(session).engines()[0]["process"] is None


@pytest.mark.skipif(sys.platform == "win32", reason="the environment is a shell script")
def test_a_deleted_environment_is_told_in_one_sentence(session, tiny_job, tmp_path, monkeypatch):
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{os.environ["ADP3D_PYTHON"]}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    monkeypatch.setenv(environment.VARIABLE, str(python))
    manager = job_manager(session)
    job = manager.submit(tiny_job("one"))
    assert job.wait(120)
    assert job.state is JobState.FINISHED, job.error
    shutil.rmtree(tmp_path / "env")
    with pytest.raises(UserError, match="does not exist"):
        manager.submit(tiny_job("two"))
    assert [job.id for job in manager.jobs] == [1]


@pytest.mark.skipif(sys.platform == "win32", reason="file sizes are limited by the system's own means")
def test_a_full_disk_is_told(session, tiny_job, use_engine):
    use_engine(
        REAL_WORKER.format(
            preparation="""import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))"""
        )
    )
    job = job_manager(session).submit(tiny_job())
    assert job.wait(60)
    assert job.state is JobState.FAILED
    assert "disk is full" in job.error


def test_an_engine_that_cannot_start_fails_the_job(session, tiny_job, monkeypatch, tmp_path):
    command = [str(tmp_path / "no-such-program")]
    monkeypatch.setattr(environment, "worker_command", lambda session: (command, {}))
    job = job_manager(session).submit(tiny_job())
    assert job.state is JobState.FAILED
    assert "no-such-program" in job.error


def test_input_that_cannot_be_used_leaves_the_engine_warm(session, tiny_job):
    manager = job_manager(session)
    prepared = tiny_job("bad")
    prepared.spec["sequence"] = "WWWWWWWWWWWWWWWWWWWW"
    job = manager.submit(prepared)
    assert job.wait(60)
    assert job.state is JobState.FAILED
    assert job.error.endswith(".")
    assert (job.folder / "events.log").is_file(), "the log says what was read before it failed"
    good = manager.submit(tiny_job("good"))
    assert good.wait(60)
    assert good.state is JobState.FINISHED, good.error


def test_check_changes_nothing(session, tiny_job):
    manager = job_manager(session)
    prepared = tiny_job()
    report = manager.check(prepared.spec, 60)
    assert report["ok"] is True
    assert report["lines"]
    assert not prepared.folder.exists()
    assert manager.jobs == []
    prepared.spec["sequence"] = "QQ"
    prepared.spec["model"] = str(prepared.folder / "missing.pdb")
    try:
        refused = manager.check(prepared.spec, 60)
    except UserError as error:
        assert "missing.pdb" in str(error)
    else:
        assert refused["ok"] is False


def test_finished_folders_are_reopened_without_an_engine(session, tiny_job):
    manager = job_manager(session)
    job = manager.submit(tiny_job())
    assert job.wait(60)
    manager.end_idle_engines()
    again = manager.reopen(job.folder)
    assert again.state is JobState.FINISHED
    assert again.result == job.result
    assert set(again.paths) >= {"result", "metrics", "log"}
    assert again.result_metrics["replicas"] == job.result_metrics["replicas"]
    assert manager.engines() == []
    with pytest.raises(UserError, match="not the folder of an ADP-3D job"):
        manager.reopen(job.folder.parent)


def test_jobs_are_found_and_removed(session, tiny_job, use_engine):
    manager = job_manager(session)
    with pytest.raises(UserError, match="There are no ADP-3D jobs"):
        manager.get()
    use_engine("while receive() is not None: pass")
    job = manager.submit(tiny_job())
    with pytest.raises(UserError, match="There is no ADP-3D job 7"):
        manager.get(7)
    with pytest.raises(UserError, match="has not ended"):
        manager.remove(job)
    removed = []
    manager.triggers.add_handler("job removed", lambda _, job: removed.append(job))
    other = manager.submit(tiny_job("two"))
    other.stop()
    manager.remove(other)
    assert removed == [other]
    assert manager.jobs == [job]


def test_closing_the_session_leaves_jobs_alone(session, tiny_job):
    manager = job_manager(session)
    job = manager.submit(tiny_job())
    session.reset()
    assert job_manager(session) is manager
    assert job.wait(60)
    assert job.state is JobState.FINISHED, job.error
