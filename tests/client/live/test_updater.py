from __future__ import annotations

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
    loop = SimpleNamespace(last_draw_time=0.0)
    gui = SimpleNamespace(ui=SimpleNamespace(is_gui=True), triggers=triggers, update_loop=loop)
    clock, calls = Clock(), []

    def update() -> None:
        calls.append(clock.now)
        clock.now += 0.002

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


def test_slow_drawing_leaves_time_to_the_user(made):
    gui, updater, clock, calls = made
    gui.update_loop.last_draw_time = 0.2
    for _ in range(60):
        updater.mark()
        draw(gui)
        clock.now += 0.1
    assert updater.interval == pytest.approx(0.3)
    assert len(calls) <= 21


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
    updater = Updater(session, lambda: calls.append(1))
    updater.mark()
    assert calls == [1]
    assert updater.timing.count == 1
