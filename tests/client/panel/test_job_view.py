from __future__ import annotations

import pytest


@pytest.fixture
def commands():
    return []


@pytest.fixture
def view(area, commands):
    from chimerax.adp3d.panel.curves import job_curves
    from chimerax.adp3d.panel.job_view import JobView

    view = JobView(commands.append, lambda: 2.5, job_curves, lambda function: lambda *_: function(), area)
    view.show()
    return view


def _enabled(view):
    buttons = (view.pause, view.stop, view.steer, view.accept, view.trajectory, view.arrows)
    return {button.text() for button in buttons if button.isEnabled()}


def test_without_jobs(view):
    assert _enabled(view) == set()
    assert not view.progress.isVisible()
    assert not view.line.isVisible()


@pytest.mark.parametrize(
    ("state", "enabled"),
    [
        ("waiting", {"Stop"}),
        ("running", {"Pause", "Stop", "Steer"}),
        ("paused", {"Resume", "Stop", "Steer"}),
        ("stopping", set()),
        ("finished", {"Accept", "Trajectory", "Arrows"}),
        ("failed", {"Resume"}),
        ("stopped", {"Resume"}),
    ],
)
def test_buttons_follow_the_state(view, make_job, state, enabled):
    view.show_jobs([make_job(1, state)])
    assert _enabled(view) == enabled


def test_buttons_give_commands_on_the_selected_job(view, make_job, commands):
    view.show_jobs([make_job(1, "finished"), make_job(2, "running")])
    view.pause.click()
    view.stop.click()
    for action in view.steer.menu().actions():
        action.trigger()
    view.table.select_job(1)
    view.accept.click()
    view.trajectory.click()
    view.arrows.click()
    view.show_jobs([make_job(1, "finished"), make_job(2, "paused")])
    view.table.select_job(2)
    view.pause.click()
    assert commands == [
        "adp3d pause 2",
        "adp3d stop 2",
        "adp3d fix sel job 2",
        "adp3d release sel job 2",
        "ui mousemode right adp3d-tug",
        "ui mousemode right adp3d-hold",
        "ui mousemode right translate",
        "adp3d set 2 densityWeight 2.5",
        "adp3d accept 1",
        "adp3d trajectory 1",
        "adp3d displacement 1",
        "adp3d resume 2",
    ]


@pytest.mark.parametrize(("kind", "offered"), [("refine", True), ("complete", False), ("distances", False)])
def test_a_map_weight_is_offered_where_there_is_a_map(view, make_job, kind, offered):
    view.show_jobs([make_job(1, kind=kind)])
    assert view.steer.isEnabled()
    assert view.weigh.isVisible() == offered


def test_a_map_weight_left_to_the_program_cannot_be_set(area, commands, make_job):
    from chimerax.adp3d.panel.curves import job_curves
    from chimerax.adp3d.panel.job_view import JobView
    from chimerax.core.errors import UserError

    raised = []

    def noting(function):
        def call(*_):
            try:
                function()
            except UserError as error:
                raised.append(str(error))

        return call

    view = JobView(commands.append, lambda: None, job_curves, noting, area)
    view.show_jobs([make_job(1, "running")])
    view.weigh.trigger()
    assert commands == [] and "Choose a number for the map weight" in raised[0]


def test_progress(view, make_job):
    view.show_jobs([make_job(1, "running")])
    assert view.progress.isVisible()
    assert view.progress.value() == 180  # of the whole job
    assert "step 50 of 200" in view.line.text()


def test_curves_of_the_selected_job(make_job):
    from chimerax.adp3d.panel.curves import job_curves

    job = make_job()
    assert job_curves(job) == ([], 200.0)
    for step in (10, 20, 30):
        job.add_metric("noise_level", [160.0 / step], step)
        job.add_metric("correlation", [0.1, 0.01 * step], step)
    job.best_replica = 1
    (fit, noise), last_step = job_curves(job)
    assert last_step == 200.0
    assert fit.label == "Map fit"
    assert fit.steps.tolist() == [10, 20, 30]
    assert fit.values.tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert noise.values.tolist() == pytest.approx([16, 8, 160 / 30])
    ended = make_job(2, "finished")
    assert job_curves(ended)[1] == 0.0, "steps that were left out take no room of the plot"


def test_fits_in_300_pixels(view, make_job, application):
    view.show_jobs([make_job(1, "finished", title="refine #2.1.3 in #1.1.1"), make_job(2, "running")])
    application.processEvents()
    assert view.minimumSizeHint().width() <= 284
