"""The queue of one device: heartbeat, grace times, checks, and engines that misbehave."""

from __future__ import annotations

import time

import pytest
from chimerax.adp3d.engine.contract import messages
from chimerax.adp3d.jobs import device_queue
from chimerax.adp3d.jobs.device_queue import DeviceQueue
from chimerax.adp3d.jobs.job import Job
from chimerax.adp3d.jobs.state import JobState, PreparedJob
from chimerax.adp3d.process.connection import Connection

OBEDIENT = """
    running = ""
    while (message := receive()) is not None:
        if message.kind == "hello":
            send(messages.Welcome(messages.PROTOCOL_VERSION, "1.2.3", os.getpid()))
        elif message.kind in ("submit", "reopen"):
            running = message.job_id
            send(messages.Started(running, "/a/folder"))
        elif message.kind == "ping":
            send(messages.Pong(message.token, running, 1))
        elif message.kind == "stop":
            send(messages.Stopped(running, "/a/folder"))
        elif message.kind == "pause":
            send(messages.Error(running, f"No job '{running}' is running."))
            send(messages.Result(running, {"result": "/a/folder/result.cif"}, {}))
        elif message.kind == "check":
            send(messages.Checked(message.job_id, {"ok": True, "lines": ["Give 'half_maps'."]}))
"""
DEAF = """
    send(messages.Welcome(messages.PROTOCOL_VERSION, "1.2.3", os.getpid()))
    receive(), receive()
    send(messages.Started("job-1", "/a/folder"))
    time.sleep(120)
"""


class Clock:
    """Time that a test moves on."""

    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.monotonic() + self.ahead


class Steering:
    """Jobs need one; nothing is asked of it here."""


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make_queue(scripted_engine, clock):
    """Function that gives a queue whose engines run a program, and the list of what it tells."""
    queues = []

    def make(program, device="cpu"):
        told = []
        command = scripted_engine(program)
        queue = DeviceQueue(device, lambda: Connection(*command), lambda name, job: told.append((name, job.id)), clock)
        queues.append(queue)
        return queue, told

    yield make
    for queue in queues:
        if queue.connection is not None:
            queue.connection.kill("the test is over")
            assert queue.connection.wait(10)


@pytest.fixture
def make_job(tmp_path):
    steering = Steering()
    numbers = iter(range(1, 100))

    def make():
        prepared = PreparedJob("complete", {"device": "cpu", "replicas": 2}, tmp_path, "title")
        return Job(next(numbers), prepared, steering)

    yield make
    assert steering is not None


def submit(queue, job):
    queue.submit(job, messages.Submit(job.key, {}, False))
    return job


def pump_until(queue, condition, seconds=15.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        queue.pump()
        time.sleep(0.01)


def test_jobs_wait_for_each_other(make_queue, make_job):
    queue, told = make_queue(OBEDIENT)
    first, second = submit(queue, make_job()), submit(queue, make_job())
    assert (first.state, second.state) == (JobState.STARTING, JobState.WAITING)
    pump_until(queue, lambda: first.state is JobState.RUNNING)
    assert queue.engine_version == "1.2.3"
    queue.stop(first)
    queue.stop(first)  # once more does nothing
    pump_until(queue, lambda: second.state is JobState.RUNNING)
    assert first.state is JobState.STOPPED
    assert ("job ended", 1) in told
    assert queue.busy


def test_a_wish_that_crosses_the_end_of_a_job_is_no_failure(make_queue, make_job):
    queue, _ = make_queue(OBEDIENT)
    job = submit(queue, make_job())
    pump_until(queue, lambda: job.state is JobState.RUNNING)
    assert queue.steer(job, messages.Pause(job.key))
    pump_until(queue, lambda: job.ended)
    assert job.state is JobState.FINISHED
    assert not queue.steer(job, messages.Pause(job.key))


def test_an_engine_that_answers_is_left_alone(make_queue, make_job, clock):
    queue, _ = make_queue(OBEDIENT)
    job = submit(queue, make_job())
    pump_until(queue, lambda: job.state is JobState.RUNNING)
    for _ in range(3):
        clock.ahead += 11
        queue.pump()
        pump_until(queue, lambda: queue._ping_sent is None)
    assert job.state is JobState.RUNNING


@pytest.mark.parametrize(("seconds", "survives"), [(300, True), (700, False)])
def test_an_engine_that_is_silent_in_a_job_for_ten_minutes_is_ended(make_queue, make_job, clock, seconds, survives):
    queue, _ = make_queue(DEAF)
    job = submit(queue, make_job())
    pump_until(queue, lambda: job.state is JobState.RUNNING)
    clock.ahead += 11
    queue.pump()  # asks
    clock.ahead += seconds
    queue.pump()
    if survives:
        assert queue.connection.alive
        assert job.state is JobState.RUNNING
    else:
        pump_until(queue, lambda: job.ended)
        assert job.state is JobState.FAILED
        assert "did not answer for 600 seconds" in job.error
        assert queue.connection is None


def test_a_job_that_does_not_stop_is_ended_with_its_engine(make_queue, make_job, clock):
    queue, _ = make_queue(DEAF)
    job = submit(queue, make_job())
    pump_until(queue, lambda: job.state is JobState.RUNNING)
    engine = queue.connection
    queue.stop(job)
    queue.pump()
    assert job.state is JobState.STOPPING
    clock.ahead += device_queue.STOP_GRACE + 1
    pump_until(queue, lambda: job.ended)
    assert job.state is JobState.STOPPED
    assert not engine.alive
    assert any("did not end in time" in line for line in job.log)


@pytest.mark.parametrize(("device", "kept"), [("cpu", True), ("cuda:0", False), ("auto", False)])
def test_stopping_frees_a_graphics_card(make_queue, make_job, device, kept):
    queue, _ = make_queue(OBEDIENT, device)
    job = submit(queue, make_job())
    pump_until(queue, lambda: job.state is JobState.RUNNING)
    engine = queue.connection
    queue.stop(job)
    pump_until(queue, lambda: job.ended)
    assert (queue.connection is engine) is kept
    if not kept:
        assert engine.wait(10)
        again = submit(queue, make_job())
        pump_until(queue, lambda: again.state is JobState.RUNNING)


def test_checks_are_answered_also_while_a_job_runs(make_queue, make_job):
    queue, _ = make_queue(OBEDIENT)
    job = submit(queue, make_job())
    answers = []
    queue.check({"kind": "complete"}, lambda report, problem: answers.append((report, problem)))
    pump_until(queue, lambda: bool(answers))
    assert answers == [({"ok": True, "lines": ["Give 'halfMaps'."]}, "")]
    assert job.state is JobState.RUNNING


def test_checks_of_an_engine_that_ends_are_answered(make_queue):
    queue, _ = make_queue("receive(); print('MemoryError', file=sys.stderr)")
    answers = []
    queue.check({}, lambda report, problem: answers.append((report, problem)))
    pump_until(queue, lambda: bool(answers))
    ((report, problem),) = answers
    assert report is None
    assert "fewer replicas" in problem
    assert not queue.busy


def test_an_engine_of_another_version_is_refused(make_queue, make_job):
    queue, _ = make_queue(
        """
        receive()
        send(messages.Welcome(99, "9.9", os.getpid()))
        send(messages.Error("", "The engine speaks version 99 of the protocol, the client version 2."))
        print("The engine speaks version 99 of the protocol", file=sys.stderr)
        sys.exit(1)
        """
    )
    job = submit(queue, make_job())
    pump_until(queue, lambda: job.ended)
    assert job.state is JobState.FAILED
    assert "version 99" in job.error
    assert "adp3d install" in job.advice


BROKEN = """
    receive(); send(messages.Welcome(messages.PROTOCOL_VERSION, "1", os.getpid()))
    job = receive().job_id
    send(messages.Started(job, sys.argv[0] + ".job"))
    receive()
    if {ends}:
        os._exit(3)
    send(messages.Error(job, "The program failed: ModuleNotFoundError: No module named 'x'.", "An error in ADP-3D."))
    while receive() is not None: pass
"""


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("begun", [False, True])
def test_environment_removed_while_a_job_runs(make_queue, make_job, tmp_path, ends, begun):
    queue, _ = make_queue(BROKEN.replace("{ends}", str(ends)))
    job = submit(queue, make_job())
    pump_until(queue, lambda: job.state is JobState.RUNNING)
    job.folder = tmp_path
    if begun:
        (tmp_path / "job.json").write_text("{}")
    connection = queue.connection
    connection.program = tmp_path / "removed" / "python"
    queue.steer(job, messages.Ping())
    pump_until(queue, lambda: job.ended)
    assert job.state is JobState.FAILED
    assert job.error == f"The engine's environment was removed while the job ran ('{connection.program}' is gone)."
    again = f"'adp3d resume {job.id}' then goes on" if begun else "and then the job again"
    assert job.advice.startswith("Run the command 'adp3d install' to make it again") and again in job.advice
    assert connection.wait(10), "an engine without its environment is not kept warm"
    pump_until(queue, lambda: queue.connection is None)
