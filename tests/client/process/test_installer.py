"""Installations as the session sees them: what is asked for, what is told, and what is remembered."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from chimerax.adp3d.process import environment, installer
from chimerax.adp3d.process.environment import interpreter_of
from chimerax.adp3d.process.install import MARKER, Installation, Plan
from chimerax.adp3d.process.installer import (
    current_installer,
    lacks_engine,
    plan_installation,
    start_installer,
    when_started,
)
from chimerax.adp3d.settings import adp3d_settings
from chimerax.core.errors import UserError


@pytest.fixture
def settings(session, monkeypatch, tmp_path):
    """Settings of a session that knows of no engine."""
    monkeypatch.delenv(environment.VARIABLE)
    monkeypatch.setattr(environment, "default_directory", lambda: tmp_path / "usual")
    monkeypatch.setattr(installer, "default_directory", lambda: tmp_path / "usual")
    settings = adp3d_settings(session)
    settings.engine_python = settings.engine_directory = ""
    return settings


def _environment(folder, mark=None):
    """A folder that looks like an environment, made by an installation if there is a mark."""
    python = interpreter_of(folder)
    python.parent.mkdir(parents=True)
    python.touch()
    if mark is not None:
        (folder / MARKER).write_text(mark, encoding="utf-8")
    return python


def test_where_it_is_installed(session, settings, tmp_path):
    assert plan_installation(session, None, "cpu", None).directory == tmp_path / "usual"
    settings.engine_directory = str(tmp_path / "before")
    assert plan_installation(session, None, "cpu", None).directory == tmp_path / "before", "where it was installed last"
    plan = plan_installation(session, str(tmp_path / "new"), "cuda", None, large_download=True, asks=True)
    assert plan.directory == tmp_path / "new" and plan.device == "cuda" and plan.python is None
    assert plan.large_download and plan.asks


def test_the_folder_of_an_environment_means_its_interpreter(session, settings, tmp_path):
    python = _environment(tmp_path / "ready")
    plans = [plan_installation(session, None, "cpu", str(given)) for given in (tmp_path / "ready", python)]
    assert [(plan.directory, plan.python) for plan in plans] == [(None, python)] * 2
    with pytest.raises(UserError, match="There is no Python"):
        plan_installation(session, None, "cpu", str(tmp_path))


def test_an_engine_is_lacking_until_its_installation_has_come_to_its_end(session, settings, tmp_path, monkeypatch):
    assert lacks_engine(session)
    settings.engine_python = str(_environment(tmp_path / "half", '{"complete": false}'))
    assert lacks_engine(session)
    (tmp_path / "half" / MARKER).write_text('{"complete": true}', encoding="utf-8")
    assert not lacks_engine(session)
    settings.engine_python = str(_environment(tmp_path / "their own"))
    assert not lacks_engine(session), "an environment that somebody else has made is theirs to finish"
    monkeypatch.setenv(environment.VARIABLE, str(interpreter_of(tmp_path / "half")))
    (tmp_path / "half" / MARKER).write_text("{}", encoding="utf-8")
    assert not lacks_engine(session), "what the variable names is taken as it is"


def _ready(session, ask=None):
    return start_installer(session, Plan(None, "cpu", Path(os.environ["ADP3D_PYTHON"]), Path(sys.executable)), ask)


def test_who_waits_is_told_once(session, wait_until):
    started, ended = [], []
    handler = when_started(session, lambda trigger, data: started.append((trigger, data)))
    running = _ready(session)
    handler.remove()
    running.when_ended(ended.append)
    assert started == [(installer.STARTED, running)] and current_installer(session) is running
    assert running.sentence().startswith("The engine is being installed (")
    wait_until(lambda: not running.running)
    running.pump()
    assert ended == [""] and current_installer(session) is None
    assert running.report["device"] == adp3d_settings(session).engine_found_device == "cpu"
    assert len(started) == 1


def test_a_listener_that_fails_leaves_no_installation_running(session, messages):
    running = _ready(session)

    def fail(error):
        raise RuntimeError("this listener is broken")

    running.when_ended(fail)
    end = time.monotonic() + 60
    while running.running:
        assert time.monotonic() < end
        session.update_loop.draw_new_frame()
        time.sleep(0.02)
    assert current_installer(session) is None
    assert any("this listener is broken" in text for level, text in messages if level in ("error", "bug"))


def test_a_question_that_nobody_waits_for_any_more_is_withdrawn(session, settings, tmp_path, monkeypatch, wait_until):
    class Asking(Installation):
        """Waits for an answer, and does nothing else."""

        def _run(self):
            with self._lock:
                self.question = "Shall it be so?"
            self._answered.wait(30)
            self.question = ""
            self.error = "The installation was cancelled."

    asked, withdrawn = [], []

    def ask(session, text, answer):
        asked.append(text)
        return lambda: withdrawn.append(text)

    monkeypatch.setattr(installer, "Installation", Asking)
    running = start_installer(session, Plan(tmp_path / "env", "cpu", None, Path(sys.executable), asks=True), ask)
    wait_until(lambda: asked)
    assert running.sentence().endswith("(waits for your answer).") and withdrawn == []
    running.cancel()
    wait_until(lambda: not running.running)
    assert asked == withdrawn == ["Shall it be so?"], "asked once, and taken back"


def test_progress_goes_to_the_status_line_and_notes_to_the_log(session, settings, tmp_path, monkeypatch, messages):
    status = []

    class Telling(Installation):
        """Tells one thing of each kind."""

        def _run(self):
            self._tell("info", "begun")
            self._tell("warning", "careful")
            self._tell("status", "half of it")
            self.error = "Enough."

    monkeypatch.setattr(installer, "Installation", Telling)
    monkeypatch.setattr(session.logger, "status", lambda text, **kw: status.append(text))
    running = start_installer(session, Plan(tmp_path / "env", "cpu", None, Path(sys.executable)))
    with pytest.raises(UserError, match=r"^Enough\.$"):
        running.wait()
    told = [(level, text) for level, text in messages if "ADP-3D installation: " in text]
    assert [(level, text.strip().rsplit(": ", 1)[1]) for level, text in told] == [
        ("note", "begun"),
        ("warning", "careful"),
        ("warning", "Enough."),
    ]
    assert status == ["ADP-3D installation: half of it", ""]
