from __future__ import annotations

import pytest
from chimerax.adp3d.jobs.manager import job_manager


@pytest.fixture
def commands(monkeypatch):
    """Commands that the panel gave, and what they return, in place of running them."""
    import chimerax.core.commands as commands

    given = []
    results = {}

    def run(session, text, **_):
        given.append(text)
        result = results.get(text.split()[1])
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(commands, "run", run)
    return given, results


@pytest.fixture
def nothing_remembered(session):
    """Defaults in the settings; what whoever runs the tests had there comes back."""
    from chimerax.adp3d.panel.form import TASKS, defaults
    from chimerax.adp3d.panel.memory import PanelMemory

    memory = PanelMemory(session)
    before = memory.recall()
    memory.keep(TASKS[0], defaults())
    yield
    memory.keep(*before)


@pytest.fixture
def panel(session, area, nothing_remembered):
    from chimerax.adp3d.panel.panel import Panel

    panel = Panel(session, area, lambda: None)
    yield panel
    panel.close()


def _choose(panel, monkeypatch):
    """A map and a model, as far as the menus look at them."""
    from types import SimpleNamespace

    for chooser, number in ((panel.form.model, 2), (panel.form.map, 1)):
        model = SimpleNamespace(id_string=str(number), name="x", atomspec=f"#{number}")
        monkeypatch.setattr(chooser, "_list_models", lambda model=model: [model])
    panel.form.refresh()


def test_nothing_open(panel):
    assert not panel.run_button.isEnabled()
    assert not panel.estimate.isEnabled()
    assert panel._command.toPlainText() == ""
    assert "model" in panel._command.placeholderText()


def test_command_is_shown_and_run(panel, commands, monkeypatch):
    given, _ = commands
    _choose(panel, monkeypatch)
    assert panel._command.toPlainText() == "adp3d refine #2 inMap #1"
    panel.run_button.click()
    assert given == ["adp3d refine #2 inMap #1"]


def test_estimate_shows_the_report(panel, commands, monkeypatch):
    given, results = commands
    _choose(panel, monkeypatch)
    results["check"] = {"ok": True, "lines": ["Chain A: 111 of 172 residues."]}
    panel.estimate.click()
    assert given == ["adp3d check #2 inMap #1"]
    assert panel._note.text() == "The job can run.\nChain A: 111 of 172 residues."


def test_estimate_scrolls_to_its_report(panel, commands, monkeypatch, area, application):
    _, results = commands
    _choose(panel, monkeypatch)
    area.resize(300, 330)
    results["check"] = {"ok": True, "lines": ["Chain A: 111 of 172 residues."]}
    application.processEvents()
    panel.estimate.click()
    application.processEvents()
    assert not panel._note.visibleRegion().isEmpty()
    assert panel._note.visibleRegion().boundingRect() == panel._note.rect()


def test_errors_of_commands_are_shown_in_the_panel(panel, commands, monkeypatch):
    from chimerax.core.errors import UserError

    _, results = commands
    _choose(panel, monkeypatch)
    results["refine"] = UserError("Map #1 is empty; choose another one.")
    panel.run_button.click()
    assert panel._note.text() == "Map #1 is empty; choose another one."


def test_settings_are_remembered(panel, commands, monkeypatch, session, area):
    from chimerax.adp3d.panel.panel import Panel
    from Qt.QtWidgets import QWidget

    _choose(panel, monkeypatch)
    panel.form.load("complete", {"steps": 61, "device": "cpu", "keep": "/A:1"})
    panel.run_button.click()
    other = QWidget(area)
    again = Panel(session, other, lambda: None)
    again.close()
    assert again.form.task == "complete"
    assert again.form.options()["steps"] == 61
    assert again.form.options()["device"] == "cpu"
    assert again.form.options()["keep"] == ""


def test_jobs_are_followed(panel, session, make_job, application):
    manager = job_manager(session)
    job = make_job(1)
    manager.jobs.append(job)
    try:
        manager.triggers.activate_trigger("job added", job)
        assert panel._timer.isActive()
        panel._timer.stop()
        panel.refresh_jobs()
        assert panel.jobs.table.selected_job == 1
    finally:
        manager.jobs.remove(job)


def test_closed_panel_listens_no_more(panel, session, make_job):
    panel.close()
    job_manager(session).triggers.activate_trigger("job changed", make_job(1))
    assert not panel._timer.isActive()


def test_the_least_height_shows_command_and_buttons(panel, area, application, monkeypatch):
    _choose(panel, monkeypatch)
    area.resize(300, area.minimumSizeHint().height())  # what is left in ChimeraX's window with its usual panels
    application.processEvents()
    for widget in (panel._command, panel.estimate, panel.run_button):
        assert widget.visibleRegion().boundingRect() == widget.rect()


def test_fits_in_300_pixels(panel, area, application, monkeypatch):
    from Qt.QtWidgets import QScrollArea

    _choose(panel, monkeypatch)
    area.resize(300, 900)
    application.processEvents()
    scroll = area.findChild(QScrollArea)
    assert area.width() == 300
    assert scroll.widget().width() <= scroll.viewport().width()
    assert scroll.horizontalScrollBar().maximum() == 0
