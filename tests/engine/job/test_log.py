from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.job.log import EventLog, read_history


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        self.now += 1.0
        return self.now


def test_one_json_object_a_line(tmp_path):
    log = EventLog(tmp_path / "events.log", Clock())
    log.write("started", kind="refine")
    log.progress("refine", 1, 2, {"fit": np.float32(0.5), "bad": float("nan")})
    log.frame(1, np.zeros((1, 1, 4, 3)))
    log.metric("fit", np.array([0.1, np.inf]), step=1, first_replica=2)
    log.message("Zwei\nZeilen\u2028und Å.", "warning")
    log.close()
    lines = (tmp_path / "events.log").read_text(encoding="utf-8").split("\n")
    records = [json.loads(line) for line in lines[:-1]]
    assert [record["event"] for record in records] == ["started", "progress", "metric", "message"]
    assert records[1]["metrics"] == {"fit": 0.5, "bad": None}
    assert records[2] == {
        "time": 1003.0, "event": "metric", "name": "fit", "values": [0.1, None], "step": 1, "first_replica": 2
    }  # fmt: skip
    assert read_history(tmp_path / "events.log").messages == [("warning", "Zwei\nZeilen\u2028und Å.")]


def test_history_of_batches_and_sessions(tmp_path):
    path = tmp_path / "events.log"
    clock = Clock()
    log = EventLog(path, clock)
    log.write("started")
    log.metric("fit", [1.0, 2.0], step=0)
    log.metric("fit", [3.0, 4.0], step=5)
    log.metric("once", 7.0)
    log.close()
    with open(path, "ab") as stream:
        stream.write(b'{"time": 1005, "event": "met')  # killed in the middle of a line
    clock.now += 1000  # hours later
    log = EventLog(path, clock)
    log.write("started")
    log.metric("fit", [30.0, 40.0], step=5)
    log.metric("fit", [9.0], step=5, first_replica=2)
    log.close()
    history = read_history(path)
    steps, values = history.curves("fit")
    np.testing.assert_array_equal(steps, [0, 5])
    np.testing.assert_array_equal(values, [[1, 30], [2, 40], [np.nan, 9]])
    assert history.seconds == pytest.approx(3 + 2)
    assert "once" not in history.series
    steps, values = history.curves("unheard-of")
    assert steps.shape == (0,) and values.shape == (0, 0)


def test_missing_log(tmp_path):
    history = read_history(tmp_path / "events.log")
    assert history.series == {} and history.seconds == 0.0


def test_progress_alone_has_no_duration_without_a_start(tmp_path):
    (tmp_path / "events.log").write_text('{"time": 5, "event": "message", "text": "a", "level": "info"}\n')
    assert read_history(tmp_path / "events.log").seconds == 0.0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_disk():
    log = EventLog(Path("/dev/full"))
    with pytest.raises(InputError, match="disk is full"):
        log.message("x")
