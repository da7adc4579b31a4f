from __future__ import annotations

import pytest
from chimerax.adp3d.jobs.figures import duration
from chimerax.adp3d.panel.rows import COLUMNS, job_row


def test_running_job(make_job):
    row = job_row(make_job(2))
    assert row.cells == ("2  refine #2 in #1", "running", "18%", "2 min")
    assert len(row.cells) == len(COLUMNS)
    assert row.line == "Job 2: running, sampling, step 50 of 200, 18% of the job, 2 min left."
    assert row.fraction == 0.18
    assert (row.can_pause, row.can_resume, row.can_stop, row.can_accept) == (True, False, True, False)


def test_finished_job(make_job):
    row = job_row(make_job(1, "finished"))
    assert row.cells[1:] == ("finished", "100%", "")
    assert row.line == "Job 1 finished after 4 min: map correlation 0.732, mean confidence 88 of 100."
    assert row.can_accept and row.can_replay and row.can_compare
    assert not job_row(make_job(1, "finished", kind="distances")).can_compare, "it had no model to start from"
    assert not (row.can_pause or row.can_stop or row.active)


@pytest.mark.parametrize(
    ("state", "pause", "resume", "stop"),
    [
        ("waiting", False, False, True),
        ("starting", False, False, True),
        ("paused", False, True, True),
        ("stopping", False, False, False),
        ("failed", False, True, False),
        ("stopped", False, True, False),
    ],
)
def test_what_can_be_done(make_job, state, pause, resume, stop):
    row = job_row(make_job(1, state))
    assert (row.can_pause, row.can_resume, row.can_stop) == (pause, resume, stop)
    assert state in row.line


def test_a_job_that_has_left_nothing_cannot_be_resumed(make_job):
    job = make_job(1, "stopped")
    (job.folder / "job.json").unlink()
    assert not job_row(job).can_resume


def test_failure_says_why_and_what_to_do(make_job):
    job = make_job(3, "failed")
    job.error, job.advice = "The graphics card ran out of memory.", "Use fewer replicas."
    row = job_row(job)
    assert row.line == "Job 3 failed. The graphics card ran out of memory. Use fewer replicas."
    assert job.error in row.tip


@pytest.mark.parametrize(
    ("seconds", "text"), [(-3, "0 s"), (0.4, "0 s"), (89, "89 s"), (91, "2 min"), (3600, "60 min"), (9000, "2.5 h")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_what_a_job_waits_for(make_job):
    job = make_job(state="waiting")
    job.waiting_for = "the installation of the engine"
    assert job_row(job).line == "Job 1: waiting for the installation of the engine."
    assert job_row(job).can_stop
