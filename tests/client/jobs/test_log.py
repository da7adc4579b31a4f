"""What is written to ChimeraX's log about jobs."""

from __future__ import annotations

import pytest
from chimerax.adp3d.jobs.log import progress_text
from chimerax.adp3d.jobs.manager import job_manager
from chimerax.adp3d.jobs.state import JobState

ENGINE = """
    receive()
    job = receive().job_id
    send(messages.Started(job, "/a/folder"))
    send(messages.Progress(job, "sampling", 1, 10, 100.0))
    send(messages.Log(job, "a detail"))
    send(messages.Log(job, "use 'device cpu'", "warning"))
    receive()
    send(messages.Error(job, "It broke.", "Mend it."))
    while receive() is not None: pass
"""


def test_start_warnings_and_end_are_written(session, tiny_job, use_engine, wait_until, messages):
    use_engine(ENGINE)
    job = job_manager(session).submit(tiny_job())
    wait_until(lambda: len(job.log) == 2)
    assert progress_text(job) == "ADP-3D job 1 running: sampling, step 1 of 10, about 2 min left of this stage"
    job.done, job.eta_seconds = 0.04, 250.0
    assert progress_text(job) == "ADP-3D job 1 running: sampling, step 1 of 10, 4% of the job, about 4 min left"
    job.stop()
    assert job.wait(10)
    assert job.state is JobState.FAILED
    texts = [(level, text.strip()) for level, text in messages if "ADP-3D" in text]
    assert ("note", "ADP-3D job 1 (complete job) runs in /a/folder") in texts
    assert ("warning", "ADP-3D job 1: use 'device cpu'") in texts
    assert ("warning", "ADP-3D job 1 (complete job) failed: It broke. Mend it.") in texts
    assert not any("a detail" in text for _, text in texts)
    assert job.log == ["a detail", "warning: use 'device cpu'", "error: It broke. Mend it."]


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "1 s"), (80, "80 s"), (600, "10 min"), (7200, "2.0 h")])
def test_durations(session, tiny_job, use_engine, seconds, text):
    use_engine("while receive() is not None: pass")
    job = job_manager(session).submit(tiny_job())
    job.state, job.stage, job.total, job.eta_seconds = JobState.RUNNING, "x", 2, seconds
    assert progress_text(job).endswith(f"about {text} left")
