"""Engine processes: messages in both directions, coalescing, and ends of all kinds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from chimerax.adp3d.engine.contract import messages, wire
from chimerax.adp3d.process.connection import Connection, EngineEnded
from chimerax.adp3d.process.environment import ENGINE, clean_variables, engine_command

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")


@pytest.fixture
def connect(scripted_engine):
    """Function that starts an engine with a given program; it is ended with the test."""
    opened = []

    def start(program):
        connection = Connection(*scripted_engine(program))
        opened.append(connection)
        return connection

    yield start
    for connection in opened:
        connection.kill("the test is over")
        assert connection.wait(10)


def take_until(connection, condition, seconds=20.0):
    """Everything reported until a condition on the reports is true."""
    taken, end = [], time.monotonic() + seconds
    while not condition(taken):
        assert time.monotonic() < end, taken
        taken += connection.take()
        time.sleep(0.01)
    return taken


def ended(taken):
    return bool(taken) and isinstance(taken[-1], EngineEnded)


def test_messages_go_both_ways(connect):
    connection = connect(
        """
        while (message := receive()) is not None:
            send(messages.Pong(message.token, "", 1))
        """
    )
    for token in range(5):
        connection.send(messages.Ping(token))
    taken = take_until(connection, lambda taken: len(taken) == 5)
    assert [message.token for message in taken] == list(range(5))
    assert connection.alive


def test_of_frames_nobody_took_only_the_newest_is_kept(connect):
    connection = connect(
        """
        import numpy as np
        for step in range(50):
            for first in (0, 2):
                send(messages.Frame("j", step, np.full((2, 3, 4, 3), step, np.float32), first))
            send(messages.Progress("j", "s", step, 50))
            send(messages.Metric("j", "residue_fit", [0.5] * 3, step))
            send(messages.Metric("j", "fit", [0.5], step))
        send(messages.Log("j", "done"))
        """
    )
    assert connection.wait(20)
    time.sleep(0.3)
    taken = connection.take()
    frames = [m for m in taken if isinstance(m, messages.Frame)]
    assert [(m.step, m.first_replica) for m in frames] == [(49, 0), (49, 2)]
    assert len([m for m in taken if isinstance(m, messages.Progress)]) == 1
    metrics = [m for m in taken if isinstance(m, messages.Metric)]
    assert [m.step for m in metrics if m.name == "residue_fit"] == [49]
    assert len([m for m in metrics if m.name == "fit"]) == 50
    assert isinstance(taken[-2], messages.Log)
    assert taken[-1] == EngineEnded(0, "")


def test_an_engine_that_ends_is_reported_with_its_status_and_errors(connect):
    connection = connect(
        """
        print("ModuleNotFoundError: No module named 'torch'", file=sys.stderr)
        sys.exit(3)
        """
    )
    taken = take_until(connection, ended)
    assert taken == [EngineEnded(3, "")]
    assert "No module named 'torch'" in connection.errors.text
    connection.send(messages.Ping())  # to nobody: no error
    assert not connection.alive


@posix
def test_a_killed_engine_is_reported_soon(connect):
    connection = connect("receive()")
    started = time.monotonic()
    os.kill(connection.pid, signal.SIGKILL)
    assert take_until(connection, ended) == [EngineEnded(-signal.SIGKILL, "")]
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "output",
    [
        "b'Hello World, this is not a frame'",
        "b'\\x00\\x00\\x00\\x04\\xff\\xff\\xff\\xff'",
        "b'\\x01\\x00\\x00\\x00a length that could be'",
    ],
)
def test_garbage_ends_the_engine(connect, output):
    connection = connect(f"stdout.write({output}); stdout.flush(); time.sleep(60)")
    (end,) = take_until(connection, ended)
    assert "could not be read" in end.reason


def test_closing_asks_first_and_kills_after_the_grace(connect):
    polite = connect("while receive() is not None: pass")
    polite.close(10)
    assert take_until(polite, ended) == [EngineEnded(0, "")]
    deaf = connect("time.sleep(60)")
    deaf.close(0.3)
    (end,) = take_until(deaf, ended)
    assert "did not end in time" in end.reason


@posix
def test_killing_ends_the_children_too(connect, tmp_path):
    connection = connect(
        f"""
        import subprocess
        child = subprocess.Popen(["sleep", "60"])
        open({str(tmp_path / "child")!r}, "w").write(str(child.pid))
        time.sleep(60)
        """
    )
    path = tmp_path / "child"
    end = time.monotonic() + 10
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < end
        time.sleep(0.02)
    connection.kill("test")
    assert connection.wait(5)
    _wait_until_gone(int(path.read_text()), 5)


def test_what_cannot_be_sent_is_refused_at_once(connect):
    connection = connect("send(messages.Pong(receive().token, '', 1)); receive()")
    with pytest.raises(wire.ProtocolError, match="object"):
        connection.send(messages.Submit("j", {"value": object()}))
    connection.send(messages.Ping(7))
    (answer,) = take_until(connection, bool)
    assert answer.token == 7, "nothing of it was sent"


def test_an_engine_that_closes_its_output_and_stays_is_ended(connect, monkeypatch):
    from chimerax.adp3d.process import connection as module

    monkeypatch.setattr(module, "_EXIT_WAIT", 0.3)
    connection = connect("stdout.close(); os.close(1); time.sleep(60)")
    (end,) = take_until(connection, ended)
    assert end.reason == "it closed its output without ending"
    assert not connection.alive


def test_error_output_goes_to_the_log_of_the_job_folder(connect, tmp_path):
    connection = connect(
        """
        print("before", file=sys.stderr, flush=True)
        receive()
        print("during", file=sys.stderr, flush=True)
        receive()
        """
    )
    take = time.monotonic() + 10
    while "before" not in connection.errors.text:
        assert time.monotonic() < take
        time.sleep(0.01)
    connection.errors.save_to(tmp_path)
    connection.send(messages.Ping())
    while "during" not in connection.errors.text:
        assert time.monotonic() < take
        time.sleep(0.01)
    assert (tmp_path / "engine.log").read_text().splitlines() == ["before", "during"]
    connection.errors.save_to(None)


def test_errors_are_kept_when_their_file_cannot_be_written(connect, tmp_path):
    connection = connect(
        """
        while receive() is not None:
            print("line", file=sys.stderr, flush=True)
        """
    )
    connection.errors.save_to(tmp_path / "removed meanwhile")
    end = time.monotonic() + 10
    for count in (1, 2):
        connection.send(messages.Ping())
        while connection.errors.text.count("line") < count:
            assert time.monotonic() < end
            time.sleep(0.01)
    assert connection.alive and not (tmp_path / "removed meanwhile").exists()


def test_a_discarded_job_leaves_no_log_behind(connect, tmp_path):
    connection = connect("receive()")
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "engine.log").touch()
    (folder / "other").touch()
    connection.errors.remove_if_alone(folder)
    assert folder.exists()
    (folder / "other").unlink()
    connection.errors.remove_if_alone(folder)
    assert not folder.exists()
    connection.errors.remove_if_alone(folder)


CLIENT = """
import sys, time
from pathlib import Path
sys.path[:0] = [{stand_in!r}]
from load_bundle import load_bundle
load_bundle(Path({source!r}))
from chimerax.adp3d.process.connection import Connection
from chimerax.adp3d.engine.contract import messages
connection = Connection({command!r}, {variables!r})
connection.send(messages.Hello())
connection.send(messages.Submit("job-1", {spec!r}))
while True:
    for message in connection.take():
        if isinstance(message, messages.Frame):
            print(connection.pid, flush=True)
    time.sleep(0.01)
"""


@posix
def test_no_engine_is_left_when_the_client_is_killed(tiny_job, monkeypatch, session, tmp_path):
    """The client, in the place of ChimeraX, is killed while a job runs: the engine is gone within 5 s."""
    command = engine_command(Path(os.environ["ADP3D_PYTHON"]), "worker")
    spec = tiny_job(steps=5000).spec
    variables = {**clean_variables(os.environ), "OMP_NUM_THREADS": "1"}
    here = Path(__file__).resolve().parents[1]
    script = tmp_path / "client.py"
    places = {"stand_in": str(here / "stand_in"), "source": str(here.parents[1] / "src")}
    script.write_text(
        textwrap.dedent(CLIENT).format(**places, command=command, variables=variables, spec=spec), encoding="utf-8"
    )
    python = os.environ["ADP3D_PYTHON"]
    client = subprocess.Popen([python, str(script)], stdout=subprocess.PIPE, env=variables)
    try:
        engine = int(client.stdout.readline())
        assert _exists(engine)
    finally:
        client.send_signal(signal.SIGKILL)
        client.wait(10)
        client.stdout.close()
    _wait_until_gone(engine, 5)
    assert (tmp_path / "job" / "checkpoints").is_dir()
    assert str(ENGINE) in " ".join(command)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # a process that has ended but was not collected by its new parent yet does not count
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def _wait_until_gone(pid: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    while _exists(pid):
        assert time.monotonic() < end, f"process {pid} is still there after {seconds} s"
        time.sleep(0.05)
