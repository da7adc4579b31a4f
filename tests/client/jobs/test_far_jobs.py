"""Jobs on an engine that is reached by ssh: a real server on the loopback address, and what may go wrong with it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from chimerax.adp3d.jobs.manager import job_manager
from chimerax.adp3d.jobs.state import JobState
from chimerax.adp3d.process.hosts import Host, remember_host
from chimerax.core.commands import run
from chimerax.core.errors import UserError
from ssh_server import SshServer, why_no_server

pytestmark = pytest.mark.skipif(bool(why_no_server()), reason=why_no_server())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for all tests here."""
    made = SshServer(tmp_path_factory.mktemp("ssh"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Folder "there", which the tests share: the engine is sent once."""
    return tmp_path_factory.mktemp("there") / "an engine; $HOME folder"


@pytest.fixture
def path(server, monkeypatch):
    """The program ssh that knows the server's keys."""
    monkeypatch.setenv("PATH", f"{server.bin}{os.pathsep}{os.environ['PATH']}")
    yield server.bin
    server.use_key("user_key")
    server.trust(server.folder / "host_key.pub")


@pytest.fixture
def add(session, path, server, store):
    """``add(words)``: the command that adds the server as the engine 'gpu'."""

    def command(words: str = "", folder: Path = store) -> object:
        python = os.environ["ADP3D_PYTHON"]
        where = f"ssh {server.destination} port {server.port} folder '{folder}' python {python} device cpu"
        return run(session, f"adp3d engine add gpu {where} {words}".replace("'", '"'))

    return command


QUICK = {"prior": "gaussian", "relax": False, "side_chains": "none"}


def far(prepared):
    """Return the job for the engine 'gpu'."""
    prepared.spec["device"] = "gpu"
    return prepared


def test_a_job_there_is_a_job_here(session, add, store, tiny_job, messages, server):
    add("wait true")
    assert any("engine 'gpu' is ready" in text for _, text in messages), messages
    (listed,) = run(session, "adp3d engine list")
    assert listed["destination"] == server.destination and listed["found"].endswith("on cpu")

    manager = job_manager(session)
    job = manager.submit(far(tiny_job("one", steps=30, **QUICK)))
    frames = []
    manager.triggers.add_handler("job frame", lambda _, one: frames.append(one.frame_serial))
    assert job.wait(120), job.status()
    assert job.state is JobState.FINISHED, (job.error, job.advice, job.log)
    assert frames and job.frame[1].shape == (2, 20, 4, 3) and np.isfinite(job.frame[1]).all()
    # all files are here, each as it is there, and the folder is one that the command line would have made
    here = {path.relative_to(job.folder).as_posix() for path in job.folder.rglob("*") if path.is_file()}
    there = next(iter((store / "jobs").iterdir()))
    for file in there.rglob("*"):
        name = file.relative_to(there).as_posix()
        if file.is_file() and name not in ("lock",):
            assert (job.folder / name).read_bytes() == file.read_bytes(), name
    assert {"job.json", "result.cif", "metrics.json", "trajectory.bin", "events.log", "elsewhere.json"} <= here
    assert not [name for name in here if "arriving" in name]
    assert job.result == job.folder / "result.cif" and job.result.is_file()
    assert json.loads((job.folder / "job.json").read_text())["device"] == "cpu"

    # the same job on this computer has the same figures
    own = manager.submit(tiny_job("own", steps=30, **QUICK))
    assert own.wait(120) and own.state is JobState.FINISHED, (own.error, own.advice)
    assert job.result.read_bytes() == own.result.read_bytes()

    # files that are there already are not sent again; a check takes them, and speaks of files here
    before = sorted((store / "files").rglob("*"))
    spec = {**tiny_job("one", steps=30, **QUICK).spec, "device": "gpu"}
    report = manager.check(spec, 60.0)
    assert report["lines"] and str(store) not in json.dumps(report)
    assert sorted((store / "files").rglob("*")) == before
    bad = far(tiny_job("bad", steps=30, **QUICK))
    Path(bad.spec["model"]).write_text("no model")
    failed = manager.submit(bad)
    assert failed.wait(60)
    assert failed.state is JobState.FAILED and str(store) not in failed.error, failed.error


def test_a_lost_connection_is_made_again_and_the_job_taken_up(session, add, store, tiny_job, wait_until, server):
    add("wait true")
    manager = job_manager(session)
    job = manager.submit(far(tiny_job("lost", steps=50_000, trajectory_interval=0, **QUICK)))
    wait_until(lambda: job.state is JobState.RUNNING and job.frame is not None)
    queue = manager._engines.queues["gpu"]
    os.kill(queue.connection.pid, signal.SIGKILL)  # ssh on this side
    wait_until(lambda: job.state is JobState.WAITING)
    assert job.waiting_for == "the connection to 'gpu'"
    shown = job.frame_serial
    wait_until(lambda: job.state is JobState.RUNNING and job.frame_serial > shown)

    if server.connections():  # a cable is pulled: nothing comes any more, and nobody says so
        for process in server.connections():
            os.kill(process, signal.SIGSTOP)
        wait_until(lambda: job.state is JobState.WAITING)
        shown = job.frame_serial
        wait_until(lambda: job.state is JobState.RUNNING and job.frame_serial > shown)
    job.stop()
    assert job.wait(60)
    assert job.state is JobState.STOPPED, (job.error, job.advice, job.log)
    assert sorted((job.folder / "checkpoints").iterdir())  # here as well: it could go on without that engine
    assert not list((store / "running").iterdir())
    assert sum("made again" in line for line in job.log) >= 1


def test_a_job_goes_on_without_its_client(session, add, store, tiny_job, wait_until):
    add("wait true")
    manager = job_manager(session)
    job = manager.submit(far(tiny_job("alone", steps=300, **QUICK)))
    wait_until(lambda: job.state is JobState.RUNNING and job.frame is not None)
    folder = job.folder
    manager._engines.shut_down(1.0)  # ChimeraX is closed
    there = Path(json.loads((folder / "elsewhere.json").read_text())["folder"])
    wait_until(lambda: (there / "metrics.json").is_file(), 90.0)
    assert not (folder / "metrics.json").is_file()
    manager.jobs.clear()
    again = manager.reopen(folder)  # another session
    assert again.prepared.device == "gpu"
    assert again.wait(60)
    assert again.state is JobState.FINISHED, (again.error, again.advice)
    assert (folder / "result.cif").read_bytes() == (there / "result.cif").read_bytes()
    assert (there / "unwatched.log").is_file()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("wrong key", "takes none of your keys"),
        ("unknown host key", "is not known: connect once in a terminal"),
        ("other host key", "has changed since you last connected"),
        ("host gone", "does not take connections by ssh"),
        ("no python", "'adp3d engine add gpu ssh"),
        ("other version", "'adp3d engine test gpu' brings it up to date"),
    ],
)
def test_what_may_be_wrong(session, path, server, store, tiny_job, fault, words):
    python = os.environ["ADP3D_PYTHON"]
    port = server.port
    if fault == "wrong key":
        server.use_key("other_key")
    elif fault == "unknown host key":
        server.trust(None)
    elif fault == "other host key":
        server.trust(server.folder / "other_key.pub")
    elif fault == "host gone":
        port = 1
    elif fault == "no python":
        python = "/nowhere/python"
    folder = store if fault != "other version" else store.parent / "empty"
    remember_host(session, Host("gpu", server.destination, port, str(folder), python, "cpu"))
    job = job_manager(session).submit(far(tiny_job("job", **QUICK)))
    assert job.wait(30)
    assert job.state is JobState.FAILED
    assert words in job.error and job.error.count(". ") == 0, job.error
    assert not job.folder.exists()  # nothing is left behind, and the model is where it was
    assert Path(job.prepared.spec["model"]).is_file()


def test_a_full_disk_there(session, add, store, tiny_job, tmp_path, server):
    add("wait true")
    # files of more than 1 KiB cannot be written by this Python
    small = tmp_path / "python"
    small.write_text(f'#!/bin/sh\nulimit -f 1\nexec {os.environ["ADP3D_PYTHON"]} "$@"\n')
    small.chmod(0o755)
    remember_host(session, Host("gpu", server.destination, server.port, str(store), str(small), "cpu"))
    prepared = far(tiny_job("full", seed=7, **QUICK))
    text = Path(prepared.spec["model"]).read_text()
    Path(prepared.spec["model"]).write_text("REMARK another model\n" + text)
    job = job_manager(session).submit(prepared)
    assert job.wait(60)
    assert job.state is JobState.FAILED
    assert "The disk is full" in job.error and "'gpu'" in job.error, job.error
    assert not [path for path in (store / "files").rglob("*") if "arriving" in path.name]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("adp3d engine add gpu", "Say where the engine is"),
        ("adp3d engine add cuda ssh a@b", "cannot name an engine"),
        ("adp3d engine add gpu ssh -oProxyCommand=x", "is no host"),
        ("adp3d engine add gpu ssh a@b port 70000", "There is no port 70000"),
        ("adp3d engine add gpu ssh a@b device tpu", "must be auto"),
        ("adp3d engine test gpu", "There is no engine 'gpu'; add it with"),
        ("adp3d engine remove gpu", "There is no engine 'gpu'"),
        ("adp3d engine list ssh a@b", "'ssh' belongs to 'adp3d engine add'"),
        ("adp3d engine remove", "Name the engine"),
    ],
)
def test_what_the_command_refuses(session, command, words):
    with pytest.raises(UserError, match=words):
        run(session, command)


def test_the_command_tests_and_removes(session, add, messages, path, server, tmp_path):
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "mine.txt").write_text("x")
    with pytest.raises(UserError, match="holds other files"):
        add("wait true", tmp_path / "others")
    server.use_key("other_key")
    with pytest.raises(UserError, match="takes none of your keys"):
        add("wait true")
    assert run(session, "adp3d engine list") == []
    server.use_key("user_key")
    add("wait true lost stop")
    run(session, "adp3d engine test gpu wait true")
    (listed,) = run(session, "adp3d engine list")
    assert listed["lost"] == "stop"
    run(session, "adp3d engine remove gpu")
    assert run(session, "adp3d engine list") == []
