from __future__ import annotations

import signal
import threading
import time

import numpy as np
import pytest

from adp3d.job.events import Control, Eta, Hold, NullEvents, Stopped, Tug, fan_out, shift_replicas, shift_steps


class Recorder:
    def __init__(self):
        self.heard = []

    def progress(self, stage, step, total, metrics=None):
        self.heard.append(("progress", stage, step, total, metrics))

    def overall(self, done, total):
        self.heard.append(("overall", done, total))

    def layout(self, layout):
        self.heard.append(("layout", layout))

    def frame(self, step, coordinates, first_replica=0):
        self.heard.append(("frame", step, coordinates.shape, first_replica))

    def preview(self, step, coordinates, first_replica=0):
        self.heard.append(("preview", step, coordinates.shape, first_replica))

    def metric(self, name, value, step=None, first_replica=0):
        self.heard.append(("metric", name, value, step, first_replica))

    def residue_metric(self, name, values, step):
        self.heard.append(("residue_metric", name, values, step))

    def best(self, replica, step):
        self.heard.append(("best", replica, step))

    def message(self, text, level="info"):
        self.heard.append(("message", text, level))


def tell(events):
    events.overall(1, 8)
    events.progress("refine", 1, 2, {"fit": 0.5})
    events.frame(1, np.zeros((2, 3, 4, 3)))
    events.metric("fit", [0.1, 0.2], step=1)
    events.best(1, 1)
    events.message("Attention.", "warning")


def test_fan_out_repeats_everything_in_order():
    one, two = Recorder(), Recorder()
    tell(fan_out(one, NullEvents(), two))
    assert (
        one.heard
        == two.heard
        == [
            ("overall", 1, 8),
            ("progress", "refine", 1, 2, {"fit": 0.5}),
            ("frame", 1, (2, 3, 4, 3), 0),
            ("metric", "fit", [0.1, 0.2], 1, 0),
            ("best", 1, 1),
            ("message", "Attention.", "warning"),
        ]
    )


def test_shift_replicas_adds_up():
    recorder = Recorder()
    tell(shift_replicas(shift_replicas(recorder, 4), 2))
    assert recorder.heard[2] == ("frame", 1, (2, 3, 4, 3), 6)
    assert recorder.heard[3] == ("metric", "fit", [0.1, 0.2], 1, 6)
    assert recorder.heard[4] == ("best", 7, 1)


def test_shift_steps_leaves_progress_alone():
    recorder = Recorder()
    events = shift_steps(recorder, 200)
    tell(events)
    events.metric("once", 3.0)
    assert recorder.heard[:2] == [("overall", 1, 8), ("progress", "refine", 1, 2, {"fit": 0.5})]
    assert recorder.heard[2] == ("frame", 201, (2, 3, 4, 3), 0)
    assert recorder.heard[3] == ("metric", "fit", [0.1, 0.2], 201, 0)
    assert recorder.heard[4] == ("best", 1, 201)
    assert recorder.heard[6] == ("metric", "once", 3.0, None, 0)


def test_what_is_for_live_display_is_passed_on_and_shifted():
    recorder = Recorder()
    events = fan_out(NullEvents(), shift_steps(shift_replicas(recorder, 4), 200))
    events.layout("layout")
    events.preview(1, np.zeros((2, 3, 4, 3)))
    events.residue_metric("residue_fit", [0.1, 0.2, 0.3], 5)
    assert recorder.heard == [
        ("layout", "layout"),
        ("preview", 201, (2, 3, 4, 3), 4),
        ("residue_metric", "residue_fit", [0.1, 0.2, 0.3], 205),
    ]


def test_eta():
    now = [0.0]
    eta = Eta(lambda: now[0])
    assert eta.update("a", 0, 10) is None
    now[0] = 4.0
    assert eta.update("a", 2, 10) == pytest.approx(16.0)
    assert eta.update("a", 10, 10) == 0.0
    assert eta.update("b", 5, 10) is None  # a stage that goes on in the middle counts only its own steps
    now[0] = 6.0
    assert eta.update("b", 6, 10) == pytest.approx(8.0)
    assert eta.update("b", 1, 10) is None  # next batch: the stage begins again


def test_poll_hands_changes_over_once():
    control = Control()
    assert control.poll() == {}
    control.change("density_weight", 2.0)
    control.change("density_weight", 3.0)
    assert control.poll() == {"density_weight": 3.0}
    assert control.poll() == {}


def test_obey_leaves_changes_for_the_solver():
    control = Control()
    control.change("density_weight", 2.0)
    control.obey()
    assert control.poll() == {"density_weight": 2.0}
    control.stop()
    with pytest.raises(Stopped):
        control.obey()


def test_holds_are_handed_over_once_in_order():
    control = Control()
    control.hold([3, 4])
    control.hold([3], False)
    assert control.take_holds() == [Hold((3, 4), True), Hold((3,), False)]
    assert control.take_holds() == []


def test_stop_writes_the_checkpoint_first():
    control = Control()
    saved = []
    control.poll(lambda: saved.append(1))
    assert saved == []
    control.stop()
    assert control.stop_requested
    with pytest.raises(Stopped):
        control.poll(lambda: saved.append(1))
    assert saved == [1]


def test_the_newest_tug_is_handed_over_once():
    control = Control()
    control.tug(3, (1.0, 2.0, 3.0))
    control.tug(4, (5.0, 6.0, 7.0))
    assert control.take_tugs() == [Tug(4, (5.0, 6.0, 7.0))]
    assert control.take_tugs() == []
    control.tug(4, (5.0, 6.0, 7.0))
    control.let_go()
    assert control.take_tugs() == [None]


def test_pause_holds_until_resumed_or_stopped():
    control = Control()
    control.pause()
    done = threading.Event()

    def loop():
        control.poll()
        done.set()
        while True:
            control.poll()

    def run():
        with pytest.raises(Stopped):
            loop()

    thread = threading.Thread(target=run)
    thread.start()
    assert not done.wait(0.1)
    control.resume()
    assert done.wait(2)
    control.pause()
    assert control.paused
    control.stop()
    thread.join(2)
    assert not thread.is_alive()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers that send signals")
def test_stop_from_a_signal_handler_inside_poll():
    control = Control()
    control.pause()
    before = signal.signal(signal.SIGALRM, lambda *_: control.stop())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        started = time.monotonic()
        with pytest.raises(Stopped):
            control.poll()
        assert time.monotonic() - started < 2
    finally:
        signal.signal(signal.SIGALRM, before)
