"""The installation of the engine in the panel."""

from __future__ import annotations

import sys

import pytest
from chimerax.adp3d.process import installer
from chimerax.adp3d.process.install import Installation
from chimerax.core.commands import run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pip is imitated by shell scripts")


@pytest.fixture
def told():
    return []


@pytest.fixture
def strip(session, maker, area, told, tmp_path, monkeypatch):
    """The strip where no engine is installed, and installations that take as long as the test wants."""
    from chimerax.adp3d.panel.install_strip import InstallStrip
    from chimerax.adp3d.process import environment
    from chimerax.adp3d.settings import adp3d_settings

    gate = tmp_path / "gate"
    found = maker(f'while [ ! -f "{gate}" ]; do sleep 0.05; done; grep -q good "{gate}" || exit 1')
    monkeypatch.delenv("ADP3D_PYTHON")
    monkeypatch.setattr(environment, "default_directory", lambda: tmp_path / "env")
    monkeypatch.setattr(installer, "default_directory", lambda: tmp_path / "env")
    monkeypatch.setattr(installer, "Installation", lambda plan: Installation(plan, found))
    adp3d_settings(session).engine_python = adp3d_settings(session).engine_directory = ""
    strip = InstallStrip(
        session,
        lambda command: run(session, command if "cancel" in command else f"{command} device cpu wait false"),
        told.append,
        lambda function: lambda *_: function(),
        area,
    )
    strip.show()
    strip.refresh()
    strip.end = lambda word: gate.write_text(word, encoding="utf-8")
    yield strip
    strip.end("over")
    strip.close_down()


def _shown(strip):
    names = ("install", "line", "progress", "cancel")
    return [name for name in names if getattr(strip, name).isVisibleTo(strip)]


def test_offered_then_shown_then_gone(strip, session, told, wait_until):
    assert _shown(strip) == ["install"]
    strip.install.click()
    assert _shown(strip) == ["line", "progress", "cancel"]
    assert strip._timer.isActive()
    wait_until(lambda: strip.refresh() or "(step 2 of" in strip.line.text(), 30)
    assert "installing" in strip.line.text()
    strip.end("good")
    wait_until(lambda: bool(told), 60)
    assert told == ["The engine is ready."]
    strip.refresh()
    assert not strip.isVisible() and not strip._timer.isActive()


def test_cancelled(strip, session, told, wait_until):
    strip.install.click()
    strip.cancel.click()
    wait_until(lambda: bool(told), 30)
    assert told == ["The installation was cancelled."]
    strip.refresh()
    assert _shown(strip) == ["install"]


def test_a_failure_is_told(strip, session, told, wait_until):
    run(session, "adp3d install device cpu wait false")  # given as a command
    assert _shown(strip) == ["line", "progress", "cancel"]
    strip.end("bad")
    wait_until(lambda: bool(told), 60)
    assert told[0].startswith("A step of the installation failed")
    strip.refresh()
    assert _shown(strip) == ["install"], "what is unfinished is offered again"


def test_the_question_is_put_and_withdrawn(session, application):
    from chimerax.adp3d.commands.question import ask_yes_or_no
    from Qt.QtWidgets import QApplication, QMessageBox

    def boxes():
        application.processEvents()
        return [w for w in QApplication.topLevelWidgets() if isinstance(w, QMessageBox) and w.isVisible()]

    answers = []
    for button, answer in ((QMessageBox.StandardButton.Yes, True), (QMessageBox.StandardButton.No, False)):
        withdraw = ask_yes_or_no(session, "Fetch 3.0 GB?", answers.append)
        (box,) = boxes()
        assert box.text() == "Fetch 3.0 GB?" and box.defaultButton() is box.button(QMessageBox.StandardButton.No)
        box.button(button).click()
        assert answers.pop() is answer and not boxes()
    withdraw = ask_yes_or_no(session, "Fetch 3.0 GB?", answers.append)
    assert boxes()
    withdraw()
    assert not boxes() and answers == [False]
