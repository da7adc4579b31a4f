from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from adp3d.contract.errors import InputError
from adp3d.far.custody import Custody

if sys.platform == "win32":
    pytest.skip("engines elsewhere run on Linux and macOS", allow_module_level=True)

HOLDER = """
import signal, sys, time
from pathlib import Path
from adp3d.far.custody import Custody
def told(number, frame):
    if {obeys}:
        Path(sys.argv[1], "checkpoint").write_text("saved")
        sys.exit(0)
signal.signal(signal.SIGTERM, told)
job = Path(sys.argv[1], "jobs", "one")
Custody(Path(sys.argv[1])).claim(job)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def hold(tmp_path):
    """``hold(obeys)``: another process that has the job."""
    started = []

    def start(obeys):
        command = [sys.executable, "-c", HOLDER.format(obeys=obeys), str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait(10)
        process.stdout.close()


def test_the_other_process_leaves_a_checkpoint(hold, tmp_path):
    process = hold(True)
    custody, job = Custody(tmp_path), tmp_path / "jobs" / "one"
    custody.take_over(job)
    assert (tmp_path / "checkpoint").read_text() == "saved"
    assert process.wait(10) == 0
    custody.claim(job)
    assert json.loads((tmp_path / "running" / "one.json").read_text())["process"] == os.getpid()
    custody.take_over(job)  # it is ours
    custody.release(job)
    assert not list((tmp_path / "running").iterdir())


def test_one_that_does_not_end_is_ended(hold, tmp_path):
    process = hold(False)
    Custody(tmp_path).take_over(tmp_path / "jobs" / "one", seconds=0.3)
    assert process.wait(10) == -signal.SIGKILL


def test_a_number_that_belongs_to_another_process_now_is_left_alone(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        custody, job = Custody(tmp_path), tmp_path / "jobs" / "one"
        custody.claim(job)
        note = tmp_path / "running" / "one.json"
        values = json.loads(note.read_text())
        note.write_text(json.dumps({**values, "process": process.pid}))
        custody.take_over(job, seconds=0.3)
        time.sleep(0.2)
        assert process.poll() is None
        note.write_text(json.dumps({**values, "process": process.pid, "host": "another"}))
        with pytest.raises(InputError, match="may still run on 'another'"):
            custody.take_over(job)
        assert note.is_file()
    finally:
        process.kill()
        process.wait(10)
