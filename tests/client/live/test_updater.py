from __future__ import annotations

import itertools
import math
from types import SimpleNamespace

import pytest


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def made(session):
    """Updater of a session with a GUI: its clock, its session and a list of calls."""
    from chimerax.adp3d.live.updater import Updater
    from chimerax.core.triggerset import TriggerSet

    triggers = TriggerSet()
    triggers.add_trigger("new frame", remove_bad_handlers=True)
    loop = SimpleNamespace(last_draw_time=0.0, last_drawing_change_time=0.0)
    gui = SimpleNamespace(ui=SimpleNamespace(is_gui=True), triggers=triggers, update_loop=loop, moving_until=0)
    clock, calls = Clock(), []

    def update() -> bool:
        calls.append(clock.now)
        clock.now += 0.002
        return len(calls) < gui.moving_until

    return gui, Updater(gui, update, clock), clock, calls


def draw(gui) -> None:
    gui.triggers.activate_trigger("new frame", None)


def test_many_marks_are_one_update(made):
    gui, updater, clock, calls = made
    for _ in range(50):
        updater.mark()
    assert calls == []
    draw(gui)
    clock.now += 1.0
    draw(gui)
    assert len(calls) == 1


def test_updates_keep_their_distance(made):
    gui, updater, clock, calls = made
    for _ in range(20):
        updater.mark()
        draw(gui)
        clock.now += 0.016
    assert 5 <= len(calls) <= 7  # 20 pictures in 0.32 s at 20 updates a second


@pytest.mark.parametrize(
    ("draw_time", "interval"), [(0.01, 0.05), (0.1, 0.11), (0.18, 0.198), (0.3, 0.42), (0.7, 1.0), (2.0, 2.2)]
)
def test_slow_drawing_leaves_time_to_the_user(made, draw_time, interval):
    gui, updater, clock, calls = made
    gui.update_loop.last_drawing_change_time = 0.2 * draw_time
    gui.update_loop.last_draw_time = 0.8 * draw_time
    assert updater.interval == pytest.approx(interval)
    start = clock.now
    while clock.now < start + 20 * interval:
        updater.mark()
        draw(gui)
        clock.now += 0.016
    assert 0.7 * 20 <= len(calls) <= 21


def test_models_on_their_way_are_moved_again_at_a_steady_rate(made):
    from chimerax.adp3d.live.updater import STEADY_INTERVAL

    gui, updater, clock, calls = made
    gui.moving_until = 4
    updater.mark()
    for _ in range(200):
        draw(gui)
        clock.now += 0.01
    assert len(calls) == 4
    gaps = [later - earlier for earlier, later in itertools.pairwise(calls)]
    assert all(STEADY_INTERVAL <= gap <= STEADY_INTERVAL + 0.02 for gap in gaps)
    assert updater.next_time == pytest.approx(clock.now + STEADY_INTERVAL)


def test_something_new_does_not_wait_for_the_steady_rate(made):
    gui, updater, clock, calls = made
    gui.moving_until = 10
    for _ in range(3):
        updater.mark()
        draw(gui)
        clock.now += 0.06
    assert len(calls) == 3


def test_time_is_measured(made):
    gui, updater, clock, _ = made
    for _ in range(10):
        updater.mark()
        draw(gui)
        clock.now += 1.0
    timing = updater.timing
    assert timing.count == 10
    assert timing.median == pytest.approx(2.0, abs=1e-6)
    assert timing.percentile_99 == pytest.approx(2.0, abs=1e-6)
    assert "median 2.00 ms" in str(timing)


def test_nothing_after_closing(made):
    gui, updater, _, calls = made
    updater.mark()
    updater.close()
    draw(gui)
    assert calls == []


def test_without_a_gui_at_once(session):
    from chimerax.adp3d.live.updater import Updater

    calls = []
    updater = Updater(session, lambda: bool(calls.append(1)))
    updater.mark()
    assert calls == [1]
    assert updater.timing.count == 1
    assert updater.next_time == math.inf  # there is no later picture: everything is shown at once
