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
    from chimerax.adp3d.panel.fields import defaults, tasks
    from chimerax.adp3d.panel.preferences import PanelMemory

    memory = PanelMemory(session)
    before = memory.recall()
    memory.keep(tasks()[0].name, defaults())
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


def test_validate_tells_the_main_figures(panel, commands, monkeypatch):
    given, results = commands
    assert not panel.validate.isEnabled()
    _choose(panel, monkeypatch)
    results["check"] = {"figures": {"clashscore": 2.5, "molprobity_score": None, "q_score": 0.71}}
    panel.validate.click()
    assert given == ["adp3d check #2 inMap #1 validate true"]
    assert panel._note.text() == "Clashscore 2.5, Q-score 0.71; the Log has the residues with something wrong."


REPORT = {"ok": True, "lines": [f"Chain {name}: 111 of 172 residues are modelled." for name in "ABCDEFGHIJKLMNOP"]}


def _settle(area, application, width, height):
    area.resize(width, height)
    for _ in range(4):
        application.processEvents()


def _in_sight(*widgets):
    """Whether widgets are shown whole, nothing of them scrolled away or cut off."""
    from Qt.QtCore import QPoint, QRect

    for widget in widgets:
        around = widget
        while around is not None and widget.isVisible():
            if not around.rect().contains(QRect(widget.mapTo(around, QPoint(0, 0)), widget.size())):
                return False
            around = None if around.isWindow() else around.parentWidget()
        if not widget.isVisible() or widget.rect().isEmpty():
            return False
    return True


def _set_up(panel):
    """What is always in sight on the first page."""
    return (panel._command, panel.estimate, panel.validate, panel.run_button, panel.help_button)


def _of_jobs(panel):
    """What is always in sight on the second page."""
    jobs = panel.jobs
    return (jobs.table, jobs.plot, jobs.pause, jobs.stop, jobs.steer, jobs.accept, jobs.trajectory)


@pytest.mark.parametrize("height", [400, 600, 790])  # 790: a column of ChimeraX's window of 1600 x 1000
@pytest.mark.parametrize("more", [False, True])
def test_jobs_buttons_and_plot_are_in_sight(
    panel, commands, monkeypatch, session, make_job, area, application, height, more
):
    _, results = commands
    _choose(panel, monkeypatch)
    manager = job_manager(session)
    manager.jobs += [make_job(number, state) for number, state in ((1, "finished"), (2, "running"), (3, "waiting"))]
    try:
        panel.refresh_jobs()
        assert panel.pages.tabText(1) == "Jobs (2 running)"
        panel.form.more.setChecked(more)
        _settle(area, application, 300, height)
        assert area.height() == height, "it does not ask for more"
        assert _in_sight(*_set_up(panel))
        results["check"] = REPORT
        panel.estimate.click()
        _settle(area, application, 300, max(height, 420))
        assert _in_sight(*_set_up(panel), panel._note), "a long report scrolls by itself"
        lines = panel._note.height() / panel._note.fontMetrics().lineSpacing()
        assert 3 <= lines < 10 and (height < 790 or lines > 8)
        panel.show_jobs()
        _settle(area, application, 300, max(height, 420))
        assert _in_sight(*_of_jobs(panel), panel._note)
    finally:
        manager.jobs.clear()


def test_both_pages_fit_a_small_window(panel, commands, monkeypatch, session, make_job, area, application):
    """360 x 600 shows all that is there without further options, and the plot is large."""
    _choose(panel, monkeypatch)
    manager = job_manager(session)
    manager.jobs += [make_job(number, "finished") for number in range(1, 7)]
    try:
        panel.refresh_jobs()
        _settle(area, application, 360, 600)
        assert _in_sight(panel.form, *_set_up(panel))
        assert not panel.settings.verticalScrollBar().isVisible()
        panel.show_jobs()
        _settle(area, application, 360, 600)
        assert _in_sight(*_of_jobs(panel), panel.jobs.segments, panel.jobs.arrows)
        assert panel.jobs.plot.height() > 100
        manager.jobs[1:] = []
        panel.refresh_jobs()
        _settle(area, application, 360, 800)
        assert panel.jobs.height() - panel.jobs.plot.geometry().bottom() < 8, "no empty room under the plot"
        for button in panel.jobs.findChildren(type(panel.jobs.pause)):
            assert button.width() >= button.fontMetrics().horizontalAdvance(button.text()) + 8, button.text()
    finally:
        manager.jobs.clear()


def test_run_turns_to_the_jobs(panel, commands, monkeypatch, application):
    from chimerax.core.errors import UserError

    given, results = commands
    _choose(panel, monkeypatch)
    results["refine"] = UserError("Map #1 is empty; choose another one.")
    panel.run_button.click()
    assert panel.pages.currentIndex() == 0, "nothing was started"
    results.clear()
    panel.run_button.click()
    assert panel.pages.currentIndex() == 1 and len(given) == 2


def test_all_settings_are_in_sight_where_there_is_room(panel, area, application, monkeypatch):
    _choose(panel, monkeypatch)
    panel.form.more.setChecked(True)
    _settle(area, application, 300, 940)
    assert _in_sight(panel.form, *_set_up(panel))
    assert not panel.settings.verticalScrollBar().isVisible()


def test_it_needs_little_height(panel, area, application, monkeypatch):
    """More than about 400 pixels would leave the Log nothing, where the panel shares its column."""
    _choose(panel, monkeypatch)
    panel.form.more.setChecked(True)
    panel.note("Map #1 is empty; choose another one.")
    _settle(area, application, 300, 500)
    assert area.minimumSizeHint().height() <= 400 and area.sizeHint().height() <= 420


@pytest.mark.parametrize("page", [0, 1])
def test_colours_are_those_of_the_palette(panel, area, application, page, session, make_job):
    """In a dark palette no part of the panel is light: of the pixels of a picture, nearly all."""
    from Qt.QtGui import QColor, QPalette

    dark = QPalette()
    for role, level in (("Window", 30), ("Base", 45), ("Button", 60), ("AlternateBase", 50), ("Mid", 40)):
        dark.setColor(getattr(QPalette.ColorRole, role), QColor(level, level, level))
    for role in ("Text", "WindowText", "ButtonText"):
        dark.setColor(getattr(QPalette.ColorRole, role), QColor(230, 230, 230))
    before = application.palette()
    style = application.style().objectName()
    application.setStyle("Fusion")
    application.setPalette(dark)
    manager = job_manager(session)
    manager.jobs.append(make_job(1, "finished"))
    try:
        panel.refresh_jobs()
        panel.pages.setCurrentIndex(page)
        _settle(area, application, 360, 600)
        image = area.grab().toImage()
        grey = [image.pixelColor(x, y).lightness() for x in range(0, 360, 3) for y in range(0, 600, 3)]
        assert sum(level < 110 for level in grey) > 0.9 * len(grey)
    finally:
        manager.jobs.clear()
        application.setPalette(before)
        application.setStyle(style)


def test_a_message_that_fits_has_no_scroll_bar(panel, area, application):
    _settle(area, application, 288, 760)
    panel.note(
        "The large build of PyTorch was declined, and the small one cannot be fetched now; run 'adp3d install' again "
        "when the network reaches its index."
    )
    _settle(area, application, 288, 760)
    assert _in_sight(panel._note._label)


def test_messages_are_closed(panel, area, application):
    from Qt.QtWidgets import QToolButton

    panel.note("Something to read.")
    assert panel._note.isVisibleTo(area)
    (close,) = (b for b in panel._note.findChildren(QToolButton))
    close.click()
    assert panel._note.text() == "" and not panel._note.isVisibleTo(area)


def test_errors_of_the_top_buttons_are_in_sight(panel, commands, monkeypatch, area, application):
    from types import SimpleNamespace

    from chimerax.core.errors import UserError

    _, results = commands
    job = SimpleNamespace(title="refine #2 in #1", command="adp3d resume /gone")
    monkeypatch.setattr("chimerax.adp3d.panel.panel.unfinished_jobs", lambda session: [job])
    panel._offer_saved()
    results["resume"] = UserError("'/gone' is not the folder of a job.")
    _settle(area, application, 300, 420)
    assert _in_sight(panel.saved)
    panel.saved.click()
    _settle(area, application, 300, 420)
    assert panel._note.text() == "'/gone' is not the folder of a job." and _in_sight(panel._note, panel.saved)


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


def test_fits_in_300_pixels(panel, area, application, monkeypatch):
    _choose(panel, monkeypatch)
    _settle(area, application, 300, 900)
    scroll = panel.settings
    assert area.width() == 300
    assert scroll.widget().width() <= scroll.viewport().width()
    assert scroll.horizontalScrollBar().maximum() == 0


def test_live_models_are_not_offered_whatever_models_are_called(panel, session, make_job):
    import numpy as np
    from chimerax.adp3d.jobs.state import Layout
    from chimerax.adp3d.live.backbone import build_backbone
    from chimerax.adp3d.live.view import JobView
    from chimerax.core.models import Model

    job = make_job()
    columns = (("A",) * 3, (1, 2, 3), ("",) * 3, ("GLY",) * 3, (True,) * 3, (True, True, False))
    job.layout = Layout(*columns, np.random.default_rng(0).normal(size=(3, 4, 3)))
    view = JobView.open(session, job)
    view.group.name = "renamed"
    mine, group = build_backbone(session, job.layout, "mine"), Model("ADP-3D job 9", session)
    group.add([mine])
    session.models.add([group])
    panel.form.refresh()
    menu = panel.form.model.widget
    assert [menu.itemText(i) for i in range(menu.count())] == [f"#{mine.id_string}  mine"]
