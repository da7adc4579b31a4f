"""The menu of a job: what it offers in each state, and the commands that it gives."""

from __future__ import annotations

import pytest


@pytest.fixture
def commands():
    return []


@pytest.fixture
def view(session, area, commands):
    from chimerax.adp3d.panel.curves import job_curves
    from chimerax.adp3d.panel.job_view import JobView

    view = JobView(commands.append, lambda: 2.5, job_curves, lambda function: lambda *_: function(), area, session)
    view.show()
    return view


def _actions(menu):
    """Entries by their text, those of the menus in it included."""
    found = {}
    for action in menu.actions():
        if action.menu() is not None:
            found |= _actions(action.menu())
        elif action.text():
            found[action.text()] = action
    return found


def test_there_is_no_menu_without_jobs(view):
    assert view.menu() is None


@pytest.mark.parametrize(
    ("state", "enabled"),
    [
        ("running", {"Pause", "Stop", "Open folder"}),
        ("paused", {"Resume", "Stop", "Open folder"}),
        ("failed", {"Resume", "Remove from the list", "Open folder"}),
        (
            "finished",
            {
                *("Walk through segments", "Play trajectory", "Play all replicas", "Show what moved", "Accept"),
                *("Report", "Remove from the list", "Save as...", "Open folder"),
            },
        ),
    ],
)
def test_what_is_offered_follows_the_state(view, make_job, state, enabled):
    job = make_job(1, state)
    if state == "finished":
        job.paths["segments"] = "segments.json"
    view.show_jobs([job])
    actions = _actions(view.menu())
    colours = {"Confidence", "Confidence, with key", "Fit", "Fit, with key", "Nothing"}
    assert {text for text, action in actions.items() if action.isEnabled()} - colours == enabled
    assert colours <= set(actions)


def test_entries_give_commands(view, make_job, commands, monkeypatch, tmp_path):
    from chimerax.adp3d.panel import job_menu

    job = make_job(3, "finished")
    view.show_jobs([job])
    actions = _actions(view.menu())
    monkeypatch.setattr(job_menu.QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "my model.cif"), ""))
    opened = []
    monkeypatch.setattr(job_menu.QDesktopServices, "openUrl", lambda url: not opened.append(url.toLocalFile()))
    for text in ("Play all replicas", "Fit, with key", "Nothing", "Remove from the list", "Save as...", "Open folder"):
        actions[text].trigger()
    assert commands == [
        "adp3d trajectory 3 replica all",
        "adp3d color fit 3 key true",
        "adp3d color none 3",
        "adp3d jobs remove 3",
        f'adp3d save "{tmp_path / "my model.cif"}" job 3 overwrite true',
    ]
    assert opened == [str(job.folder)]


def test_commands_are_such_as_chimerax_understands(session, view, make_job, commands):
    """All of them can be parsed; the results that they need are not there, which is told in a sentence."""
    from chimerax.adp3d.jobs.manager import job_manager
    from chimerax.adp3d.panel.job_menu import entries_of
    from chimerax.core.commands import run
    from chimerax.core.errors import UserError

    job = make_job(1, "finished")
    job_manager(session).jobs.append(job)
    view.show_jobs([job])
    entries = [entry for group in entries_of(session, job, view.table.selected_row) for entry in group]
    for entry in entries:
        if entry.enabled and "remove" not in entry.command:
            with pytest.raises(UserError):
                run(session, entry.command)
    run(session, "adp3d jobs remove 1")
    assert job_manager(session).jobs == []


def test_results_are_compared_where_both_models_are_open(session, view, make_job, monkeypatch):
    from types import SimpleNamespace

    from chimerax.adp3d.panel import job_menu

    job = make_job(1, "finished")
    view.show_jobs([job])
    assert not _actions(view.menu())["Compare with the starting model"].isEnabled()
    monkeypatch.setattr(job_menu, "result_model", lambda session, job: SimpleNamespace(id_string="3"))
    monkeypatch.setattr(type(job), "model", SimpleNamespace(id_string="2"))
    assert job_menu._comparison(session, job) == "adp3d compare #3 #2"
