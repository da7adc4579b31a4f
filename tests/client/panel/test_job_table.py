from __future__ import annotations

import pytest


@pytest.fixture
def table(area):
    from chimerax.adp3d.panel.job_table import JobTable

    chosen = []
    table = JobTable(lambda: chosen.append(table.selected_job), area)
    table.chosen = chosen
    return table


def _rows(make_job, *states):
    from chimerax.adp3d.panel.rows import job_row

    return [job_row(make_job(number, state)) for number, state in enumerate(states, 1)]


def test_newest_job_first_and_selected(table, make_job):
    assert table.selected_job is None
    table.show_rows(_rows(make_job, "finished", "running"))
    assert [table.item(i, 1).text() for i in range(table.rowCount())] == ["running", "finished"]
    assert table.selected_job == 2


def test_selection_stays_while_jobs_go_on(table, make_job):
    table.show_rows(_rows(make_job, "finished", "running"))
    table.select_job(1)
    table.show_rows(_rows(make_job, "finished", "paused"))
    assert table.selected_job == 1
    table.show_rows(_rows(make_job, "finished", "paused", "waiting"))
    assert table.selected_job == 3  # a new job is what the user wants to watch


def test_jobs_disappear(table, make_job):
    table.show_rows(_rows(make_job, "finished", "running"))
    table.show_rows(_rows(make_job, "finished"))
    assert table.rowCount() == 1
    assert table.selected_job == 1
    table.show_rows([])
    assert table.selected_job is None


def test_choosing_is_reported(table, make_job):
    table.show_rows(_rows(make_job, "finished", "running"))
    table.selectRow(1)
    assert table.chosen[-1] == 1


def test_cells_that_did_not_change_stay(table, make_job):
    table.show_rows(_rows(make_job, "finished", "running"))
    item = table.item(1, 0)
    table.show_rows(_rows(make_job, "finished", "paused"))
    assert table.item(1, 0) is item
    assert "adp3d refine" in item.toolTip()
