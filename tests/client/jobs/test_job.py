"""What a job keeps of the engine's reports."""

from __future__ import annotations

import gc
import json

import numpy as np
import pytest
from chimerax.adp3d.engine.contract import messages
from chimerax.adp3d.engine.contract.kinds import KINDS
from chimerax.adp3d.jobs.job import Job
from chimerax.adp3d.jobs.reports import absorb
from chimerax.adp3d.jobs.state import JobState, PreparedJob


class Steering:
    """Keeps the wishes of a job."""

    def __init__(self):
        self.wishes = []

    def steer(self, job, message):
        self.wishes.append(message)

    def stop(self, job):
        self.wishes.append("stop")

    def wait(self, job, timeout):
        return False


@pytest.fixture
def steering():
    return Steering()


@pytest.fixture
def make_job(tmp_path, steering):
    def make(kind="refine", replicas=3, **more):
        spec = {"kind": kind, "replicas": replicas, "device": "cpu"}
        return Job(1, PreparedJob(kind, spec, tmp_path, "a title", "a command", **more), steering)

    return make


def layout(n):
    columns = ["A"] * n, list(range(1, n + 1)), [""] * n, ["GLY"] * n, [True] * n, [True] * n
    return messages.Layout("job-1", *columns, np.full((1, n, 4, 3), 7, np.float32))


def frame(step, value, n=5, replicas=3, first=0):
    return messages.Frame("job-1", step, np.full((replicas, n, 4, 3), value, np.float32), first)


def test_layout_is_taken_over(make_job):
    job = make_job()
    assert absorb(job, layout(5)) == ("job layout", "job changed")
    assert job.layout.n_residues == 5
    assert job.layout.numbers == (1, 2, 3, 4, 5)
    assert job.layout.coordinates.dtype == np.float64
    assert job.layout.coordinates.shape == (5, 4, 3)


def test_frames_of_batches_are_merged_over_the_layout(make_job):
    job = make_job()
    absorb(job, layout(5))
    assert absorb(job, frame(1, 1.0, replicas=2)) == ("job frame",)
    step, xyz = job.frame
    assert step == 1
    assert xyz.shape == (3, 5, 4, 3)
    assert [float(r.mean()) for r in xyz] == [1.0, 1.0, 7.0]
    absorb(job, frame(2, 2.0, replicas=1, first=2))
    assert [float(r.mean()) for r in job.frame[1]] == [1.0, 1.0, 2.0]
    assert job.frame_serial == 2


def test_a_merged_frame_leaves_the_one_before_alone(make_job):
    job = make_job()
    absorb(job, layout(5))
    absorb(job, frame(1, 1.0))
    before = job.frame[1]
    absorb(job, frame(2, 2.0, replicas=1))
    assert float(before.max()) == 1.0


def test_frames_of_another_model_are_refused(make_job):
    job = make_job()
    absorb(job, layout(5))
    assert absorb(job, frame(1, 1.0, n=6)) == ()
    assert job.frame is None


def test_metrics_of_batches_are_joined(make_job):
    job = make_job()
    absorb(job, messages.Metric("job-1", "correlation", [0.1, 0.2], 4))
    absorb(job, messages.Metric("job-1", "correlation", [0.3], 4, 2))
    absorb(job, messages.Metric("job-1", "correlation", [0.5], 5))
    assert job.metrics["correlation"] == [(4, [0.1, 0.2, 0.3]), (5, [0.5])]
    assert job.latest("correlation") == [0.5]
    assert job.latest("unknown") is None


def test_figures_of_a_later_batch_keep_their_replicas(make_job):
    job = make_job()
    absorb(job, messages.Metric("job-1", "correlation", [0.1, 0.2], 4))
    absorb(job, messages.Metric("job-1", "correlation", [0.3], 1, 2))
    assert np.isnan(job.latest("correlation")[:2]).all() and job.latest("correlation")[2] == 0.3
    assert job.status()["metrics"]["correlation"] == [None, None, 0.3]
    json.dumps(job.status(), allow_nan=False)


def test_the_engines_choice_is_final(make_job):
    job = make_job()
    absorb(job, messages.Best("job-1", 1, 4))
    absorb(job, messages.Result("job-1", {}, {"chosen_replica": 2}))
    assert job.best_replica == 2


def test_only_the_newest_figures_of_residues_are_kept(make_job):
    job = make_job()
    for step in range(3):
        absorb(job, messages.Metric("job-1", "residue_fit", [float(step)] * 5, step))
    assert job.metrics["residue_fit"] == [(2, [2.0] * 5)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_engine_says_which_replica_is_the_best(make_job, kind):
    """Whatever the figures are: the client shows what it is told."""
    job = make_job(kind)
    assert job.best_replica == 0
    for name in ("correlation", "missing_spread", "satisfied", "log_likelihood", "known_rmsd"):
        absorb(job, messages.Metric("job-1", name, [0.1, 0.5, 0.2], 1))
    assert job.best_replica == 0
    assert absorb(job, messages.Best("job-1", 2, 1)) == ("job changed",)
    assert job.best_replica == job.status()["best_replica"] == 2


def test_status_is_plain(make_job):
    job = make_job()
    absorb(job, messages.Started("job-1", "x"))
    absorb(job, layout(5))
    absorb(job, messages.Progress("job-1", "sampling", 3, 10, 4.2, {"fit": 0.5}))
    absorb(job, messages.Metric("job-1", "correlation", [0.1, 0.2], 4))
    absorb(job, messages.Metric("job-1", "residue_fit", [0.5] * 5, 4))
    status = json.loads(json.dumps(job.status()))
    assert status["stage"] == "sampling"
    assert status["residues"] == 5
    assert status["metrics"] == {"correlation": [0.1, 0.2]}
    assert job.fraction == pytest.approx(0.3)
    assert (status["eta_seconds"], status["stage_eta_seconds"]) == (None, 4.2)
    absorb(job, messages.Progress("job-1", "sampling", 4, 10, 3.6, {}, 0.1, 31.04))
    assert job.fraction == pytest.approx(0.1)
    status = job.status()
    assert (status["fraction"], status["eta_seconds"], status["stage_eta_seconds"]) == (0.1, 31.0, 3.6)


def test_an_error_becomes_advice_in_the_words_of_commands(make_job):
    job = make_job()
    text = "No CUDA device can be used on this machine; use 'device cpu'."
    assert absorb(job, messages.Error("job-1", text)) == ("job changed", "job ended")
    assert job.state is JobState.FAILED
    assert job.ended
    assert "use 'device cpu'" in job.error
    assert job.log


def test_wishes_depend_on_the_state(make_job, steering):
    job = make_job()
    job.pause()
    job.resume()
    assert steering.wishes == []
    job.state = JobState.RUNNING
    job.pause()
    assert job.state is JobState.PAUSED
    job.resume()
    assert job.state is JobState.RUNNING
    job.set_weight("density_weight", 2)
    job.fix([1, 2], True)
    kinds = [wish.kind for wish in steering.wishes]
    assert kinds == ["pause", "resume", "set_weight", "fix"]
    job.stop()
    assert steering.wishes[-1] == "stop"


def test_models_are_not_kept_alive(make_job, session):
    from chimerax.core.models import Model

    model = Model("m", session)
    session.models.add([model])
    job = make_job(model=model)
    assert job.model is model
    assert job.prepared.model is None
    assert job.prepared_again().model is model
    session.models.close([model])
    assert job.model is None
    del model
    gc.collect()
    assert job.prepared_again().model is None


def test_a_long_log_is_cut(make_job):
    job = make_job()
    for i in range(6000):
        job.add_log(str(i))
    assert len(job.log) == 5000
    assert job.log[-1] == "5999"
