from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from adp3d.contract import messages as said
from adp3d.contract import wire
from adp3d.contract.specification import CompleteSpec, to_dict
from adp3d.contract.wire import read_message
from adp3d.job.folder import JobFolder
from adp3d.worker import Worker, WorkerEvents

SCRIPT = textwrap.dedent("""
    import os, sys, time
    import numpy as np
    from adp3d.contract.errors import InputError
    from adp3d.contract.messages import Layout
    from adp3d.worker import serve_standard_streams

    def count(spec, job, events, control):
        "Adds a weight at each step; behaves as the seed says."
        if spec.seed == 1:
            raise InputError("The model has no protein chain; give another one.")
        if spec.seed == 2:
            raise ZeroDivisionError("division")
        if spec.seed == 3:
            raise MemoryError
        if spec.seed == 5:  # as real pipelines do: loading it takes as long as the end of the process may
            import safetensors.torch
        if spec.seed == 4:
            events.progress("deep in a computation", 0, 1)
            time.sleep(600)
        events.layout(Layout("", ["A"] * 3, [1, 2, 3], [""] * 3, ["GLY"] * 3, [True] * 3, [True, True, False],
                             np.zeros((1, 3, 4, 3), "f4")))
        print("printed by a library")
        os.write(1, b"written by C code\\n")
        saved = job.load_checkpoint()
        total = float(saved.tensors["total"]) if saved else 0.0
        weight = 1.0
        for step in range(saved.step if saved else 0, spec.steps):
            state = {"total": np.array(total)}
            weight = control.poll(lambda: job.save_checkpoint(step, state)).get("density_weight", weight)
            total += weight
            for hold in control.take_holds():
                events.message(f"{hold.residues} {hold.fixed}")
            for tug in control.take_tugs():
                events.message("let go" if tug is None else f"{tug.residue} {tug.target}")
            time.sleep(0.005)
            events.frame(step + 1, np.full((2, 3, 4, 3), total))
            events.metric("fit", [total, total], step=step + 1)
            events.progress("count", step + 1, spec.steps, {"total": np.float32(total)})
        events.message("Counted.")
        job.result.write_text("data_x")
        return {"total": total, "missing": float("nan")}

    serve_standard_streams(lambda kind: count, warm_up=lambda: None)
""")


class Client:
    def __init__(self, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        # A test must fail, not hang.
        self.watchdog = threading.Timer(60, self.process.kill)
        self.watchdog.start()

    def send(self, *messages):
        for message in messages:
            self.process.stdin.write(wire.encode(message))

    def receive(self, *kinds):
        """Messages up to and with the first one of these kinds."""
        received = []
        while not received or received[-1].kind not in kinds:
            message = read_message(self.process.stdout.read)
            assert message is not None, self.process.stderr.read().decode()
            received.append(message)
        return received

    def kill(self):
        self.watchdog.cancel()
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()

    def close(self):
        self.process.stdin.close()
        code = self.process.wait(20)
        self.watchdog.cancel()
        return code


@pytest.fixture
def start():
    clients = []

    def make(command):
        clients.append(Client(command))
        return clients[-1]

    yield make
    for client in clients:
        client.kill()


@pytest.fixture
def client(start):
    return start([sys.executable, "-c", SCRIPT])


@pytest.fixture(scope="module")
def shared_client():
    """One worker for several tests, each of which leaves it without a job, as a client does."""
    client = Client([sys.executable, "-c", SCRIPT])
    yield client
    client.kill()


@pytest.fixture
def submit(tmp_path):
    (tmp_path / "m.cif").write_text("model")

    def make(job_id="one", **settings):
        output = str(tmp_path / job_id)
        return said.Submit(job_id, to_dict(CompleteSpec(output=output, model=str(tmp_path / "m.cif"), **settings)))

    return make


def test_a_job_from_start_to_end(shared_client, submit, tmp_path):
    client = shared_client
    client.send(said.Hello(), said.Ping(5))
    welcome, pong = client.receive("pong")
    assert (welcome.kind, welcome.protocol, welcome.process) == ("welcome", said.PROTOCOL_VERSION, client.process.pid)
    assert "builtin" in welcome.priors and "distances" in welcome.measurements
    assert (pong.token, pong.job_id) == (5, "")
    assert pong.memory_bytes > 10_000_000

    client.send(submit(steps=60))
    received = client.receive("result", "error")
    assert received[0] == said.Started("one", str(tmp_path / "one"))
    result = received[-1]
    assert result.kind == "result", result
    assert result.metrics["total"] == 60.0
    assert result.metrics["missing"] is None
    assert result.paths["result"] == str(tmp_path / "one" / "result.cif")
    assert said.Log("one", "Counted.") in received
    progress = [message for message in received if message.kind == "progress"]
    assert progress[-1].step == progress[-1].total == 60
    assert progress[-1].metrics == {"total": 60.0}
    assert any(message.eta_seconds for message in progress)
    frames = [message for message in received if message.kind == "frame"]
    assert 1 <= len(frames) < 30  # thinned
    assert frames[0].coordinates.shape == (2, 3, 4, 3)
    assert (frames[0].coordinates == frames[0].step).all()
    assert any(message.kind == "metric" and len(message.values) == 2 for message in received)


def test_stop_and_reopen(shared_client, submit, tmp_path):
    client = shared_client
    client.send(submit(steps=5000))
    client.receive("progress")
    client.send(said.Stop("one"))
    assert client.receive("stopped", "error", "result")[-1] == said.Stopped("one", str(tmp_path / "one"))
    step = JobFolder.open(tmp_path / "one").load_checkpoint().step
    assert 0 < step < 5000
    folder = tmp_path / "one" / "job.json"
    folder.write_text(folder.read_text().replace("5000", str(step + 20)))
    client.send(said.Reopen("two", str(tmp_path / "one")))
    result = client.receive("result", "error")[-1]
    assert result.kind == "result" and result.job_id == "two"
    assert result.metrics["total"] == step + 20


def test_pause_ping_weight_and_resume(shared_client, submit):
    client = shared_client
    client.send(submit(steps=400))
    client.receive("progress")
    client.send(said.Pause("one"), said.SetWeight("one", "density_weight", 100.0), said.Ping(1))
    assert client.receive("pong")[-1].job_id == "one"
    time.sleep(0.1)  # the step in progress ends
    client.send(said.Ping(2))
    client.receive("pong")
    time.sleep(0.3)
    client.send(said.Ping(3))
    assert [message.kind for message in client.receive("pong")] == ["pong"]  # nothing moved meanwhile
    client.send(said.Resume("one"))
    result = client.receive("result", "error")[-1]
    assert result.metrics["total"] > 400


def test_layout_comes_before_the_first_frame(shared_client, submit):
    shared_client.send(submit(steps=30))
    received = shared_client.receive("result", "error")
    kinds = [message.kind for message in received]
    assert kinds.count("layout") == 1
    assert kinds.index("started") < kinds.index("layout") < kinds.index("frame")
    layout = next(message for message in received if message.kind == "layout")
    assert (layout.job_id, layout.numbers, layout.links) == ("one", [1, 2, 3], [True, True, False])


def test_residues_are_fixed_and_released(shared_client, submit):
    client = shared_client
    client.send(said.Fix("one", [0, 2]))
    assert "No job" in client.receive("error")[-1].text
    client.send(submit(steps=5000))
    client.receive("progress")
    client.send(said.Fix("one", [0, 2]), said.Fix("one", [2], False))
    assert client.receive("log")[-1].text == "(0, 2) True"
    assert client.receive("log")[-1].text == "(2,) False"
    client.send(said.Stop("one"))
    client.receive("stopped")


def test_a_residue_is_tugged_and_let_go(shared_client, submit):
    client = shared_client
    client.send(submit(steps=5000))
    client.receive("progress")
    client.send(said.Tug("one", 2, [1.0, -2.5, 3.0]))
    assert client.receive("log")[-1].text == "2 (1.0, -2.5, 3.0)"
    client.send(said.Tug("one", 2, [0.0, 0.0, 0.0], on=False))
    assert client.receive("log")[-1].text == "let go"
    client.send(said.Tug("two", 2, [1.0, -2.5, 3.0]))
    assert "No job" in client.receive("error")[-1].text
    client.send(said.Stop("one"))
    client.receive("stopped")


def test_a_job_is_checked_while_another_runs(shared_client, submit, tmp_path):
    client = shared_client
    client.send(submit(steps=5000))
    client.receive("progress")
    client.send(said.Check("idea", {"version": 1, "kind": "complete", "model": str(tmp_path / "none.cif")}))
    report = client.receive("checked", "error")[-1]
    assert report.job_id == "idea" and report.report["ok"] is False
    assert "none.cif" in report.report["problems"][0]
    client.send(said.Check("wrong", {"version": 1, "kind": "complete", "modl": "x"}))
    error = client.receive("checked", "error")[-1]
    assert error.job_id == "wrong" and "did you mean 'model'" in error.text
    assert not (tmp_path / "idea").exists() and not (tmp_path / "unused").exists()
    client.send(said.Stop("one"))
    client.receive("stopped")


def test_a_question_is_taken_back():
    sent, begun = [], threading.Event()

    def search(spec, poll):
        begun.set()
        while True:
            poll()
            time.sleep(0.005)

    worker = Worker(lambda frame: sent.append(wire.decode(frame[4:])), search=search)
    worker.handle(said.Dock("first", {}))
    assert begun.wait(20)
    worker.handle(said.Dock("second", {}))  # waits for the first one
    worker.handle(said.Stop("second"))
    worker.handle(said.Stop("first"))
    end = time.monotonic() + 20
    while len(sent) < 2 and time.monotonic() < end:
        time.sleep(0.005)
    assert [(answer.kind, answer.job_id, answer.folder) for answer in sent] == [
        ("stopped", "first", ""),
        ("stopped", "second", ""),
    ]
    worker.handle(said.Stop("first"))
    assert "No job 'first' is running" in sent[-1].text


def test_one_job_at_a_time(shared_client, submit):
    client = shared_client
    client.send(submit(steps=5000), submit("two"))
    error = client.receive("error")[-1]
    assert (error.job_id, "busy" in error.text) == ("two", True)
    client.send(said.Stop("three"))
    assert client.receive("error")[-1].job_id == "three"
    client.send(said.Stop("one"))
    assert client.receive("stopped")[-1].job_id == "one"
    client.send(submit("two", steps=3))
    assert client.receive("result", "error")[-1].kind == "result"


def test_failures_become_sentences_and_the_worker_goes_on(shared_client, submit, tmp_path):
    client = shared_client
    client.send(submit("bad", seed=1))
    error = client.receive("error")[-1]
    assert error.text == "The model has no protein chain; give another one."
    assert "no protein chain" in (tmp_path / "bad" / "events.log").read_text()
    client.send(submit("broken", seed=2))
    error = client.receive("error")[-1]
    assert "ZeroDivisionError" in error.text and "report" in error.advice
    client.send(submit("large", seed=3))
    assert "memory" in client.receive("error")[-1].text
    client.send(said.Submit("wrong", {"version": 1, "kind": "complete", "step": 3}))
    assert "did you mean 'steps'" in client.receive("error")[-1].text
    client.send(said.Reopen("none", str(tmp_path)))
    assert "not a job folder" in client.receive("error")[-1].text
    client.send(said.Submit("", {}))
    assert client.receive("error")[-1].job_id == ""
    client.send(said.Stopped("odd", "x"))
    assert "does not send" in client.receive("error")[-1].text
    client.send(submit("good", steps=2))
    assert client.receive("result", "error")[-1].kind == "result"


def test_end_of_input_ends_process_and_job(client, submit, tmp_path):
    client.send(submit(steps=100_000, seed=5))
    client.receive("progress")
    started = time.monotonic()
    assert client.close() == 0
    assert time.monotonic() - started < 15  # about a second; machines that run tests may be busy
    log = client.process.stderr.read().decode()
    assert "printed by a library" in log and "written by C code" in log
    assert JobFolder.open(tmp_path / "one").load_checkpoint() is not None


def test_end_of_input_ends_a_computation_that_does_not_listen(client, submit):
    client.send(submit(seed=4))
    client.receive("progress")
    started = time.monotonic()
    assert client.close() == 0
    assert time.monotonic() - started < 5


def test_a_vanished_client_leaves_a_checkpoint(client, submit, tmp_path):
    client.send(submit(steps=100_000))
    client.receive("progress")
    client.process.stdout.close()  # the client reads no more, but its end of the input stays open
    for _ in range(100):
        job = JobFolder.open(tmp_path / "one")
        if job.load_checkpoint() is not None:
            break
        time.sleep(0.05)
    assert job.load_checkpoint() is not None
    assert '"stopped"' in job.events_log.read_text()


def test_garbage_ends_the_process(client):
    client.process.stdin.write(b"adp3d refine map.mrc\n")
    assert client.process.wait(20) == 1
    assert "something else than frames" in client.process.stderr.read().decode()


def test_another_version_is_refused(client):
    client.send(said.Hello(protocol=999))
    error = client.receive("error")[-1]
    assert "999" in error.text and "again" in error.advice
    assert client.process.wait(20) == 1


def test_the_command_itself(monkeypatch, start):
    for name in ("GLIBC_TUNABLES", "ADP3D_ALLOCATOR_TUNED"):
        monkeypatch.delenv(name, raising=False)
    client = start([sys.executable, "-m", "adp3d.cli", "worker"])
    client.send(said.Hello(), said.Ping(1))  # sent before it starts itself again: must not be lost
    welcome, pong = client.receive("pong")
    assert (welcome.kind, pong.token) == ("welcome", 1)
    client.send(said.Submit("x", {"version": 1, "kind": "complete"}))
    assert client.receive("error")[-1].text.startswith("A complete job needs")
    assert client.close() == 0


def test_previews_fill_the_time_between_frames():
    now = [0.0]
    sent = []
    events = WorkerEvents("j", sent.append, lambda: now[0])
    for tick in range(1, 21):
        now[0] = 0.06 * tick
        if tick % 5 == 0:
            events.frame(tick // 5, np.zeros((1, 1, 4, 3)))
        else:
            events.preview(tick // 5 + 1, np.ones((1, 1, 4, 3)))
    shown = [(message.step, float(message.coordinates[0, 0, 0, 0])) for message in sent]
    assert [step for step, preview in shown if not preview] == [1, 2, 3, 4]  # every finished step is shown
    assert [step for step, preview in shown if preview] == [1, 1, 2, 2, 3, 3, 4, 4]


def test_layout_and_figures_of_residues():
    sent = []
    events = WorkerEvents("j", sent.append, lambda: 0.0)
    columns = (["A"], [5], ["B"], ["GLY"], [True], [False])
    events.layout(said.Layout("", *columns, np.zeros((1, 1, 4, 3), "f4")))
    assert (sent[0].kind, sent[0].job_id, sent[0].insertion_codes) == ("layout", "j", ["B"])
    events.residue_metric("residue_fit", np.array([0.5]), 3)
    events.residue_metric("residue_fit", np.array([0.6]), 4)
    assert sent[1:] == [said.Metric("j", "residue_fit", [0.5], 3)]


def test_the_best_replica_is_always_told_and_figures_that_refer_to_it_follow():
    sent = []
    events = WorkerEvents("j", sent.append, lambda: 0.0)
    for step, replica in ((5, 0), (10, 0), (15, 2), (20, 1)):
        if step != 10:
            events.best(replica, step)
        events.residue_metric("residue_spread", [float(replica)], step)
    spreads = [
        said.Metric("j", "residue_spread", [float(replica)], step) for step, replica in ((5, 0), (15, 2), (20, 1))
    ]
    leaders = [said.Best("j", 0, 5), said.Best("j", 2, 15), said.Best("j", 1, 20)]
    assert sent == [message for pair in zip(leaders, spreads, strict=True) for message in pair]


def test_events_are_thinned_by_the_clock():
    now = [0.0]
    sent = []
    events = WorkerEvents("j", sent.append, lambda: now[0])
    for step in range(1, 11):
        now[0] = 0.03 * step
        events.frame(step, np.zeros((1, 1, 4, 3)))
        events.progress("s", step, 10)
        events.metric("m", 1.0, step)
    assert [m.step for m in sent if m.kind == "frame"] == [1, 5, 9]
    assert [m.step for m in sent if m.kind == "progress"] == [1, 5, 9, 10]
    assert [m.step for m in sent if m.kind == "metric"] == [1, 5, 9]
    events.metric("final", [1, np.float32(2)])
    assert sent[-1] == said.Metric("j", "final", [1.0, 2.0])
    assert all(wire.encode(message) for message in sent)


def test_progress_tells_how_far_the_whole_job_is():
    now = [0.0]
    sent = []
    events = WorkerEvents("j", sent.append, lambda: now[0])
    events.progress("s", 0, 10)
    for step in (1, 2, 3):
        now[0] = float(step)
        events.overall(step, 20)
        events.progress("s", step, 10)
    assert [(m.done, m.job_eta_seconds) for m in sent] == [(None, None), (0.05, None), (0.1, 18.0), (0.15, 17.0)]
    assert [m.eta_seconds for m in sent] == [None, 9.0, 8.0, 7.0]
