"""The button for jobs that a restored session has not finished."""

from __future__ import annotations

from types import SimpleNamespace

import pytest


@pytest.fixture
def button(area):
    from chimerax.adp3d.panel.saved_jobs import SavedJobsButton

    given = []
    made = SavedJobsButton(given.append, lambda function: lambda *_: function(), area)
    return made, given


def job(title, folder):
    return SimpleNamespace(title=title, folder=folder, command=f"adp3d resume {folder}")


def test_hidden_without_jobs(button):
    made, _ = button
    assert made.isHidden()
    made.offer([])
    assert made.isHidden()


def test_one_job_is_resumed_by_a_click(button):
    made, given = button
    made.offer([job("refine #2 in #1", "/a")])
    assert not made.isHidden() and "refine #2 in #1" in made.text()
    made.click()
    assert given == ["adp3d resume /a"]
    made.offer([])
    assert made.isHidden()


def test_several_jobs_are_in_a_menu(button):
    made, given = button
    made.offer([job("one", "/a"), job("two", "/b")])
    actions = made.menu().actions()
    assert [action.text() for action in actions] == ["one", "two"]
    actions[1].trigger()
    assert given == ["adp3d resume /b"]
    made.offer([job("one", "/a")])
    assert made.menu() is None
