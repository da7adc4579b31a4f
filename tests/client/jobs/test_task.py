"""Jobs in the task manager."""

from __future__ import annotations

import pytest
from chimerax.adp3d.jobs.manager import job_manager
from chimerax.adp3d.jobs.state import JobState

ENGINE = """
    receive()
    job = receive().job_id
    send(messages.Started(job, "/a/folder"))
    while (message := receive()) is not None:
        if message.kind == "stop":
            send(messages.Stopped(job, "/a/folder"))
        elif message.kind == "pause":
            send(messages.Error(job, "It broke."))
"""


@pytest.fixture
def job(session, tiny_job, use_engine, wait_until):
    use_engine(ENGINE)
    job = job_manager(session).submit(tiny_job())
    wait_until(lambda: job.state is JobState.RUNNING)
    return job


def tasks_of(session):
    return [task for task in session.tasks.values() if str(task).startswith("ADP-3D")]


def test_ending_the_task_stops_the_job(session, job, wait_until):
    (task,) = tasks_of(session)
    assert task.state.value == "running"
    assert task.runtime.total_seconds() >= 0
    assert task.start_time is not None
    task.terminate()
    wait_until(lambda: job.ended)
    assert job.state is JobState.STOPPED
    assert tasks_of(session) == []


def test_a_failed_job_is_a_failed_task(session, job, wait_until):
    (task,) = tasks_of(session)
    job.pause()
    wait_until(lambda: job.ended)
    assert task.state.value == "failed"
    assert task.runtime.total_seconds() >= 0
    assert not task.SESSION_SAVE
    job_manager(session).remove(job)
    assert tasks_of(session) == []


def test_closing_the_session_keeps_the_task(session, job):
    session.reset()
    assert len(tasks_of(session)) == 1
    assert job.state is JobState.RUNNING
