"""Jobs on an engine that is reached by ssh: a real server on the loopback address, and what may go wrong with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from chimerax.adp3d.jobs.manager import job_manager
from chimerax.adp3d.jobs.state import JobState
from chimerax.adp3d.process.hosts import Host, remember_host
from chimerax.adp3d.process.parcel import UNPACK, engine_digest, packed_engine
from chimerax.core.commands import run
from chimerax.core.errors import UserError
from ssh_server import NoServer, SshServer, why_no_server

pytestmark = pytest.mark.skipif(bool(why_no_server()), reason=why_no_server())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for all tests here."""
    try:
        made = SshServer(tmp_path_factory.mktemp("ssh"))
    except NoServer as reason:
        pytest.skip(str(reason))
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


@pytest.fixture
def gpu(session, path, server, store):
    """The engine 'gpu', as an earlier session has left it: sent, verified and remembered."""
    start = store / "engine" / engine_digest()[:16]
    if not start.is_dir():
        unpack = [sys.executable, "-I", "-c", UNPACK, str(start)]
        start.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(unpack, input=packed_engine(), check=True)
    host = Host("gpu", server.destination, server.port, str(store), os.environ["ADP3D_PYTHON"], "cpu")
    remember_host(session, host)
    return host


BUSY = 180.0
"""Seconds for what takes a few of them on a machine with nothing else to do: an engine starts, a job is taken over."""
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


def test_a_pulled_cable_and_a_closed_chimerax(session, gpu, store, tiny_job, wait_until, server):
    manager = job_manager(session)
    job = manager.submit(far(tiny_job("lost", steps=50_000, trajectory_interval=0, **QUICK)))
    wait_until(lambda: job.state is JobState.RUNNING and job.frame is not None, BUSY)
    first = next(iter((store / "running").iterdir())).read_text()
    # nothing comes any more, and nobody says so; a server of one process would stop as a whole: there ssh dies here
    for process in server.connections() or [manager._engines.queues["gpu"].connection.pid]:
        os.kill(process, signal.SIGSTOP if server.connections() else signal.SIGKILL)
    wait_until(lambda: job.state is JobState.WAITING, BUSY)
    assert job.waiting_for == "the connection to 'gpu'"
    shown = job.frame_serial
    wait_until(lambda: job.state is JobState.RUNNING and job.frame_serial > shown, BUSY)
    assert next(iter((store / "running").iterdir())).read_text() != first  # another process has it now
    job.stop()
    assert job.wait(BUSY)
    assert job.state is JobState.STOPPED, (job.error, job.advice, job.log)
    assert sorted((job.folder / "checkpoints").iterdir())  # here as well: it could go on without that engine
    assert not list((store / "running").iterdir())
    assert sum("made again" in line for line in job.log) >= 1

    job = manager.submit(far(tiny_job("alone", steps=60, **QUICK)))
    wait_until(lambda: job.state is JobState.RUNNING and job.frame is not None, BUSY)
    folder = job.folder
    manager._engines.shut_down(1.0)  # ChimeraX is closed
    there = Path(json.loads((folder / "elsewhere.json").read_text())["folder"])
    wait_until(lambda: (there / "metrics.json").is_file(), BUSY)
    assert not (folder / "metrics.json").is_file()
    assert (there / "unwatched.log").is_file()
    wait_until(lambda: not list((store / "running").iterdir()))

    manager.jobs.clear()
    (folder / "result.cif").mkdir()  # in another session the disk refuses a file
    again = manager.reopen(folder)
    assert again.prepared.device == "gpu"
    assert again.wait(BUSY)
    assert again.state is JobState.FAILED and "could not be fetched" in again.error, again.error
    assert "They are safe on 'gpu'" in again.advice
    (folder / "result.cif").rmdir()
    assert manager.reopen(folder, again.prepared_again()) is again
    assert again.wait(BUSY)
    assert again.state is JobState.FINISHED, (again.error, again.advice)
    assert (folder / "result.cif").read_bytes() == (there / "result.cif").read_bytes()


def test_a_job_that_is_to_stop_when_the_connection_is_lost(session, gpu, store, tiny_job, wait_until, server):
    remember_host(session, replace(gpu, lost="stop"))
    manager = job_manager(session)
    job = manager.submit(far(tiny_job("stops", steps=50_000, trajectory_interval=0, **QUICK)))
    wait_until(lambda: job.state is JobState.RUNNING and job.frame is not None, BUSY)
    there = Path(json.loads((job.folder / "elsewhere.json").read_text())["folder"])
    shown = job.frame_serial
    os.kill(manager._engines.queues["gpu"].connection.pid, signal.SIGKILL)  # ssh here dies

    def stopped() -> bool:
        return any(json.loads(line)["event"] == "stopped" for line in (there / "events.log").read_text().splitlines())

    wait_until(stopped, BUSY)
    assert list((there / "checkpoints").iterdir()) and not (there / "metrics.json").exists()
    # the connection is made again by itself, and the job goes on from there
    wait_until(lambda: job.state is JobState.RUNNING and job.frame_serial > shown, BUSY)
    assert any("stops there with a checkpoint" in line for line in job.log), job.log
    job.stop()
    assert job.wait(BUSY)
    assert job.state is JobState.STOPPED, (job.error, job.advice, job.log)


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
def test_what_may_be_wrong(session, gpu, server, store, tiny_job, fault, words):
    if fault == "no python" and not server.forks:
        pytest.skip("asyncssh tells a command that ends at once as a broken connection")
    changed = {
        "host gone": {"port": 1},
        "no python": {"python": "/nowhere/python"},
        "other version": {"folder": str(store.parent / "empty")},
    }
    if fault == "wrong key":
        server.use_key("other_key")
    elif fault == "unknown host key":
        server.trust(None)
    elif fault == "other host key":
        server.trust(server.folder / "other_key.pub")
    remember_host(session, replace(gpu, **changed.get(fault, {})))
    job = job_manager(session).submit(far(tiny_job("job", **QUICK)))
    assert job.wait(60)
    assert job.state is JobState.FAILED
    assert words in job.error and job.error.count(". ") == 0, job.error
    assert not job.folder.exists()  # nothing is left behind, and the model is where it was
    assert Path(job.prepared.spec["model"]).is_file()


def test_a_full_disk_there(session, gpu, store, tiny_job, tmp_path):
    # files of more than a few hundred bytes cannot be written by this Python
    small = tmp_path / "python"
    small.write_text(f'#!/bin/sh\nulimit -f 1\nexec {os.environ["ADP3D_PYTHON"]} "$@"\n')
    small.chmod(0o755)
    remember_host(session, replace(gpu, python=str(small)))
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


def test_the_command_tests_and_removes(session, gpu, add, messages, server, tmp_path):
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "mine.txt").write_text("x")
    with pytest.raises(UserError, match="holds other files"):
        add("wait true", tmp_path / "others")
    server.use_key("other_key")
    with pytest.raises(UserError, match="takes none of your keys"):
        run(session, "adp3d engine test gpu wait true")
    server.use_key("user_key")
    (listed,) = run(session, "adp3d engine list")
    assert (listed["name"], listed["lost"], listed["found"]) == ("gpu", "continue", "")
    run(session, "adp3d engine remove gpu")
    assert run(session, "adp3d engine list") == []


def test_an_environment_there_is_repaired(session, path, server, tmp_path, messages):
    # the server's settings keep pip from the network: packages that are missing cannot be fetched
    base = getattr(sys, "_base_executable", sys.executable)
    has = "import importlib.util as u, sys; sys.exit(not u.find_spec('pip') or bool(u.find_spec('torch')))"
    if subprocess.run([base, "-I", "-c", has], check=False).returncode:
        pytest.skip("the Python that environments are made from has torch, or no pip")
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "adp3d-engine.json").write_text("{}")
    options = ("--without-pip", "--system-site-packages")
    subprocess.run([base, "-I", "-m", "venv", *options, str(folder / "env")], check=True)
    with pytest.raises(UserError) as caught:
        run(session, f"adp3d engine add new ssh {server.destination} port {server.port} folder {folder} wait true")
    text = str(caught.value)
    assert "On 'new': A package that the engine needs is not offered" in text, text
    assert "'adp3d engine add new ssh" in text and "adp3d install" not in text
    assert list((folder / "engine").iterdir())  # the engine was sent, and is there for the next attempt
    assert run(session, "adp3d engine list") == []
