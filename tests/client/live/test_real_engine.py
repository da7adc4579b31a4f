"""Live models of jobs that the real engine computes; short ones, of 20 residues."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path

import numpy as np
import pytest
from chimerax.adp3d.jobs.state import JobState

_path = Path(__file__).resolve().parents[1] / "handover" / "conftest.py"
_spec = importlib.util.spec_from_file_location("adp3d_handover_fixtures", _path)
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
make_model = _fixtures.make_model

SECONDS = 120


@pytest.fixture
def manager(session):
    from chimerax.adp3d.jobs.manager import job_manager

    return job_manager(session)


@pytest.fixture
def run(session, tmp_path):
    """Function that starts a job of a model as the user does, and does not wait for it."""
    from chimerax.core.commands import run

    def start(model, options="replicas 3 steps 10", kind="complete"):
        spec = f"#{model.id_string}"
        folder = tmp_path / f"job {len(list(tmp_path.iterdir()))}"
        command = f'adp3d {kind} {spec} {options} device cpu live true wait false folder "{folder}"'
        return run(session, command)

    return start


def result_backbone(job) -> np.ndarray:
    """N, CA, C and O (N, 4, 3) of the result's file, in the order of the layout."""
    from chimerax.adp3d.handover.atoms import read_cif_atoms

    atoms = read_cif_atoms(job.result)
    places = {residue.address: residue for residue in atoms.residues}
    labels = zip(job.layout.chains, job.layout.numbers, job.layout.insertion_codes, strict=True)
    rows = [places[chain, number, code.strip()] for chain, number, code in labels]
    index = [{atom.name: atom.index for atom in row.atoms} for row in rows]
    return np.array([[atoms.xyz[named[name]] for name in ("N", "CA", "C", "O")] for named in index])


def test_models_follow_a_real_job_to_its_result(session, manager, tiny_job, wait_until):
    from chimerax.adp3d.live.models import live_models
    from chimerax.adp3d.live.plot_data import fit_series, temperature_series
    from chimerax.adp3d.live.trajectory import open_trajectory

    live = live_models(session)
    job = manager.submit(tiny_job(steps=8, trajectory_interval=2))
    wait_until(lambda: job.ended or job.id in live.views, SECONDS)
    view = live.views[job.id]
    start = view.best.atoms.coords
    wait_until(lambda: job.ended, SECONDS)
    assert job.state is JobState.FINISHED, job.error
    assert view.best.num_residues == 20
    assert np.abs(view.best.atoms.coords - start).max() > 0.01
    known = [i for i in range(20) if i not in range(7, 12)]
    now = view.best.atoms.coords.reshape(20, 4, 3)
    np.testing.assert_allclose(now[known], start.reshape(20, 4, 3)[known], atol=1.5)
    np.testing.assert_allclose(now, result_backbone(job), atol=1e-3)
    assert ((view.confidence >= 0) & (view.confidence <= 100)).all()
    assert view.best.residues[0].adp3d_confidence > 0
    trace = view.traces[0]
    assert trace.display
    assert not np.array_equal(trace.vertices, now[:, 1])
    assert fit_series(job).values.shape[0] == 2
    # it falls, twice: the second descent starts from what the replicas agree on
    assert (np.diff(temperature_series(job).of(0)) > 0).sum() <= 1
    assert open_trajectory(session, job).num_coordsets >= 3


def test_each_frame_shows_the_replica_that_the_engine_calls_best(session, manager, tiny_job, wait_until):
    from chimerax.adp3d.live.models import live_models

    live = live_models(session)
    shown, told, missed = [], [], []

    def look(_trigger, job):
        view = live.views.get(job.id)
        if view is None or job.frame is None or job.ended or view.glide.moving:
            return
        told.append(job.best_replica)
        shown.append(job.frame_serial)
        frame = job.frame[1][job.best_replica]
        if np.abs(view.best.atoms.coords - frame.reshape(-1, 3)).max() > 1e-3:
            missed.append((job.frame_serial, job.best_replica))

    handlers = [manager.triggers.add_handler(name, look) for name in ("job frame", "job changed")]
    job = manager.submit(tiny_job(replicas=4, steps=30))
    wait_until(lambda: job.ended, SECONDS)
    for handler in handlers:
        handler.remove()
    assert job.state is JobState.FINISHED, job.error
    assert missed == []
    assert len(set(shown)) >= 5, "frames arrive while it runs"
    records = [json.loads(line) for line in (job.folder / "events.log").read_text(encoding="utf-8").splitlines()]
    said = [record["replica"] for record in records if record["event"] == "best"]
    assert set(told) <= set(said) and len(set(told)) > 1, "another one leads in the course of the job"
    assert said[-1] == job.best_replica == job.result_metrics["chosen_replica"]


def test_a_result_is_coloured_once(session, manager, make_model, run, wait_until):
    """By its confidence when it opens; whatever the user makes of it then stays."""
    from chimerax.adp3d.handover.attributes import CONFIDENCE_ATTRIBUTE
    from chimerax.adp3d.handover.colouring import CONFIDENCE
    from chimerax.adp3d.handover.results import result_model
    from chimerax.adp3d.live.watch import watch_results

    green = np.array((0, 255, 0, 255), np.uint8)
    seen = []

    def paint(_trigger, job):
        result = result_model(session, job)
        built = [r for r in result.residues if r.number in (8, 9, 10)]
        seen.extend((getattr(r, CONFIDENCE_ATTRIBUTE), tuple(r.ribbon_color)) for r in built)
        result.residues.ribbon_colors = green

    watch_results(session)
    handler = manager.triggers.add_handler("job ended", paint)  # before the live models hear of the end
    job = run(make_model())
    wait_until(lambda: job.ended, SECONDS)
    handler.remove()
    assert job.state is JobState.FINISHED, job.error
    assert len(seen) == 3
    for confidence, colour in seen:
        assert colour == tuple(CONFIDENCE.rgba(np.array([confidence]))[0])
    assert (result_model(session, job).residues.ribbon_colors == green).all()


def test_closing_the_models_of_a_real_job(session, make_model, run, wait_until, messages):
    from chimerax.adp3d.handover.results import result_model
    from chimerax.adp3d.live.models import live_models

    model = make_model()
    job = run(model, "replicas 3 steps 40")
    live = live_models(session)
    wait_until(lambda: job.ended or (job.id in live.views and job.frame is not None), SECONDS)
    assert not job.ended and not model.display
    session.models.close([live.views[job.id].group])
    session.update_loop.draw_new_frame()
    assert job.id not in live.views and model.display
    session.models.close([model])
    wait_until(lambda: job.ended, SECONDS)
    assert job.state is JobState.FINISHED, job.error
    assert job.id not in live.views, "closed models stay closed"
    assert result_model(session, job).num_residues == 20
    told = " ".join(" ".join(text.split()) for _, text in messages)
    assert "the job goes on" in told and f"'adp3d accept {job.id} newModel true'" in told


def test_a_stopped_job_leaves_its_models_and_goes_on_with_them(session, make_model, run, wait_until):
    from chimerax.adp3d.live.models import live_models
    from chimerax.core.commands import run as command

    job = run(make_model(), "replicas 3 steps 60")
    live = live_models(session)
    wait_until(lambda: job.ended or (job.id in live.views and job.frame is not None), SECONDS)
    command(session, f"adp3d stop {job.id} wait true")
    assert job.state is JobState.STOPPED
    view = live.views[job.id]
    np.testing.assert_allclose(view.best.atoms.coords, job.frame[1][job.best_replica].reshape(-1, 3), atol=1e-3)
    command(session, f"adp3d resume {job.id} wait false")
    wait_until(lambda: job.ended, SECONDS)
    assert job.state is JobState.FINISHED, job.error
    assert live.views[job.id].best is view.best and not view.best.display, "the result is shown in its place"
    np.testing.assert_allclose(view.best.atoms.coords.reshape(20, 4, 3), result_backbone(job), atol=1e-3)


def test_accepting_a_watched_job_is_one_step_that_undo_takes_back(session, make_model, run, wait_until):
    from chimerax.adp3d.handover.results import result_model
    from chimerax.adp3d.live.models import live_models
    from chimerax.core.commands import run as command

    model = make_model()
    before = np.array(model.atoms.coords)
    session.undo.clear()
    job = run(model)
    wait_until(lambda: job.ended, SECONDS)
    assert job.state is JobState.FINISHED, job.error
    result, view = result_model(session, job), live_models(session).views[job.id]
    assert result.display and not model.display and not view.best.display
    assert len(session.undo.undo_stack) == 0, "frames, colours and the result put nothing onto the stack"
    command(session, f"adp3d accept {job.id}")
    assert model.display and not result.display and model.num_residues == 20
    assert [step.name for step in session.undo.undo_stack] == [f"accept ADP-3D job {job.id}"]
    session.undo.undo()
    assert np.array_equal(model.atoms.coords, before)


def test_held_residues_stay_where_the_screen_has_them(session, manager, make_model, run, wait_until):
    """What `adp3d fix` holds is where the replica that is shown has it."""
    from chimerax.adp3d.engine.contract.trajectory_format import read_trajectory
    from chimerax.adp3d.live.models import live_models
    from chimerax.core.commands import run as command

    model = make_model()
    job = run(model, "replicas 3 steps 60 trajectoryInterval 1")
    live = live_models(session)
    wait_until(lambda: job.ended or (job.id in live.views and len(job.metrics.get("noise_level", ())) > 1), SECONDS)
    assert not job.ended
    view = live.views[job.id]
    job.pause()
    end = time.monotonic() + 2.0
    wait_until(lambda: time.monotonic() > end)  # a step may have been on its way
    leader = job.best_replica
    command(session, f"adp3d fix #{view.best.id_string}/A:8-10 job {job.id}")
    job.resume()
    wait_until(lambda: job.ended, SECONDS)
    assert job.state is JobState.FINISHED, job.error
    held = result_backbone(job)[7:10]
    trajectory = read_trajectory(job.folder / "trajectory.bin")
    first = {}  # step at which each replica was first where the residues are held
    for replica in trajectory.replicas:
        steps, frames = trajectory.of_replica(replica)
        there = np.abs(frames[:, 7:10] - held).max(axis=(1, 2, 3)) < 0.05
        first[replica] = steps[int(np.argmax(there))] if there.any() else np.inf
    assert min(first, key=first.get) == leader, first


def test_live_models_are_no_starting_models(session, manager, tiny_job, wait_until):
    """Whatever the user calls them, and after the end."""
    from chimerax.adp3d.live.models import live_models
    from chimerax.adp3d.live.view import is_live
    from chimerax.core.models import Model

    job = manager.submit(tiny_job())
    live = live_models(session)
    wait_until(lambda: job.ended or job.id in live.views, SECONDS)
    view = live.views[job.id]
    view.group.name = "mine"
    assert is_live(view.best)
    wait_until(lambda: job.ended, SECONDS)
    assert is_live(view.best)
    assert not is_live(Model("ADP-3D job 7", session))
