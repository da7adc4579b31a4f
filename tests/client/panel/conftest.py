"""Qt without a screen, and jobs in any state."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _with_window(window):
    """The panel is a part of the window."""


@pytest.fixture(autouse=True)
def _own_memory(session):
    """Tests see nothing of what the panel remembered before; in a real ChimeraX it is there again afterwards."""
    from chimerax.adp3d.panel.fields import tasks, valid_options
    from chimerax.adp3d.panel.preferences import PanelMemory

    memory = PanelMemory(session)
    before = memory.recall()
    memory.keep(tasks()[0].name, valid_options({}))
    yield
    PanelMemory(session).keep(*before)


@pytest.fixture(scope="session")
def application():
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from Qt.QtWidgets import QApplication

    yield QApplication.instance() or QApplication(["tests"])


@pytest.fixture
def area(application):
    """An empty window of the narrowest width that the panel is made for."""
    from Qt.QtWidgets import QWidget

    widget = QWidget()
    widget.resize(300, 900)
    widget.show()
    application.processEvents()
    yield widget
    widget.close()
    widget.deleteLater()
    application.processEvents()


class NoSteering:
    """Takes the wishes of a job and does nothing about them."""

    def stop(self, job):
        return None

    def steer(self, job, message):
        return None

    def wait(self, job, timeout):
        return job.ended


@pytest.fixture
def make_job(tmp_path):
    from chimerax.adp3d.jobs.job import Job
    from chimerax.adp3d.jobs.state import JobState, PreparedJob

    steering = NoSteering()

    def make(number=1, state="running", kind="refine", title="refine #2 in #1"):
        prepared = PreparedJob(
            kind=kind,
            spec={"replicas": 4},
            folder=tmp_path / f"job{number}",
            title=title,
            command=f"adp3d {title}",
        )
        job = Job(number, prepared, steering)
        job.state = JobState(state)
        if job.state.active or job.ended:
            job.stage, job.step, job.total, job.started = "sampling", 50, 200, 1000.0
        if job.state.active:
            job.done, job.eta_seconds, job.stage_eta_seconds = 0.18, 150.0, 20.0
        if job.ended:
            job.finished = 1300.0
        if job.state.active or job.ended:
            job.folder.mkdir(exist_ok=True)
            (job.folder / "job.json").write_text("{}", encoding="utf-8")
        if state == "finished":
            job.step = 200
            job.paths = {"result": "result.cif", "frames": "trajectory.bin"}
            job.result_metrics = {"seconds": 240.0, "map_cc_after": 0.7321, "mean_confidence": 88.4}
        return job

    return make
