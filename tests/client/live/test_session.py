from __future__ import annotations

import numpy as np
import pytest

SESSION = 0x2


@pytest.fixture
def keeper(bench):
    from chimerax.adp3d.live.session import saved_jobs

    keeper = saved_jobs(bench.session)
    yield keeper
    keeper._unfinished.clear()  # one ChimeraX runs all tests


def restart(bench, keeper, data):
    """What opening the session in a new ChimeraX does, with the models restored already; the new keeper."""
    from chimerax.adp3d.live.models import live_models

    live_models(bench.session).forget()
    bench.manager.jobs.clear()
    bench.manager._engines.queues.clear()
    keeper._unfinished.clear()
    restored = type(keeper).restore_snapshot(bench.session, data)
    bench.session.triggers.activate_trigger("end restore session", bench.session)
    return restored


def job_folder(bench, job) -> None:
    """Files of a job that has begun."""
    model = job.folder / "inputs" / "model.cif"
    model.parent.mkdir(parents=True)
    model.write_text("data_model\n")
    (model.parent / "map.mrc").write_bytes(b"")
    (job.folder / "job.json").write_text(
        '{"version": 1, "kind": "refine", "output": ".", "map": "inputs/map.mrc", "model": "inputs/model.cif"}'
    )


def finish_files(bench, job) -> np.ndarray:
    """Files of the job once it has finished; the result."""
    result = bench.helix(24).round(3) + 5.0
    (job.folder / "result.cif").write_text(bench.mmcif(result[None], job.layout, np.full(24, 88.0)))
    (job.folder / "metrics.json").write_text('{"map_cc_after": 0.7}')
    return result


def stop(bench, job) -> None:
    """End a job as the engine tells it."""
    from chimerax.adp3d.engine.contract import messages

    bench.engine.report(messages.Stopped(job.key, str(job.folder)))
    bench.manager.pump()


def test_nothing_to_save_without_jobs(bench, keeper):
    assert not keeper.include_state()
    bench.submit()
    assert keeper.include_state()


def test_snapshot_holds_plain_values_and_open_models(bench, keeper):
    from chimerax.core.models import Model
    from chimerax.geometry import translation

    job = bench.submit(frame_to_scene=translation((1.0, 0.0, 0.0)), extra={"tag": 3})
    bench.frame(job)
    bench.manager.pump()
    seen = []

    def walk(value) -> None:
        seen.append(type(value))
        if isinstance(value, dict):
            for key, item in value.items():
                walk(key)
                walk(item)
        elif isinstance(value, list | tuple):
            for item in value:
                walk(item)
        elif isinstance(value, np.ndarray):
            assert value.dtype in (np.float64, np.int64, np.uint8)
        else:
            assert value is None or isinstance(value, str | int | float | bool | Model), value

    walk(keeper.take_snapshot(bench.session, SESSION))
    assert np.ndarray in seen


def test_unfinished_job_is_offered_and_resumed_with_its_models(bench, keeper, log):
    from chimerax.adp3d.engine.contract import messages
    from chimerax.adp3d.live.models import live_models

    live = live_models(bench.session)
    job = bench.submit()
    live.colour(job, "fit")
    job_folder(bench, job)
    best = live.views[job.id].best
    restored = restart(bench, keeper, keeper.take_snapshot(bench.session, SESSION))
    (offer,) = restored.unfinished
    assert offer.folder == job.folder
    assert offer.title == "refine #2 in #1"
    assert any("cxcmd:adp3d%20resume" in text and "had not finished" in text for text in log)
    assert bench.manager.jobs == []

    resumed = restored.resume(bench.session, offer.folder)
    assert isinstance(bench.engine.sent[-1], messages.Reopen)
    assert resumed.prepared.command == "adp3d refine #2 inMap #1"
    bench.start(resumed)
    frame = bench.frame(resumed)
    bench.manager.pump()
    assert live.views[resumed.id].best is best
    assert resumed.colouring == "fit"
    np.testing.assert_allclose(best.atoms.coords, frame[0].reshape(-1, 3), atol=1e-5)
    assert restored.unfinished == []


def test_finished_job_is_listed_with_its_models(bench, keeper):
    from chimerax.adp3d.engine.contract import messages
    from chimerax.adp3d.jobs.state import JobState
    from chimerax.adp3d.live.models import live_models

    job = bench.submit()
    job.best_replica = 1
    job_folder(bench, job)
    finish_files(bench, job)
    bench.engine.report(messages.Result(job.key, {"result": str(job.folder / "result.cif")}, {"map_cc_after": 0.7}))
    bench.manager.pump()
    live = live_models(bench.session)
    best = live.views[job.id].best
    best.atoms.coords = moved = best.atoms.coords + 3.0  # by the user, after the end
    restart(bench, keeper, keeper.take_snapshot(bench.session, SESSION))
    (again,) = bench.manager.jobs
    assert again.state is JobState.FINISHED
    assert again.result_metrics == {"map_cc_after": 0.7}
    assert again.best_replica == 1
    assert again.layout.chains == job.layout.chains
    assert live.views[again.id].best is best
    np.testing.assert_array_equal(best.atoms.coords, moved)
    live.colour(again, "confidence")
    np.testing.assert_allclose(best.atoms.bfactors, 88.0)


def test_job_that_finished_after_the_session_was_saved(bench, keeper, log):
    from chimerax.adp3d.live.models import live_models

    job = bench.submit()
    job_folder(bench, job)
    data = keeper.take_snapshot(bench.session, SESSION)
    best = live_models(bench.session).views[job.id].best
    result = finish_files(bench, job)
    restart(bench, keeper, data)
    assert any("has finished since this session was saved" in text for text in log)
    np.testing.assert_allclose(best.atoms.coords, result.reshape(-1, 3), atol=2e-3)


def test_folder_that_is_gone(bench, keeper, log):
    bench.submit()
    restored = restart(bench, keeper, keeper.take_snapshot(bench.session, SESSION))
    assert restored.unfinished == []
    assert bench.manager.jobs == []
    assert any("is gone" in text and "cannot be resumed" in text for text in log)


def test_job_that_still_runs_here(bench, keeper):
    from chimerax.adp3d.live.models import live_models

    job = bench.submit()
    job_folder(bench, job)
    live = live_models(bench.session)
    best = live.views[job.id].best
    data = keeper.take_snapshot(bench.session, SESSION)
    live.forget()
    type(keeper).restore_snapshot(bench.session, data)
    bench.session.triggers.activate_trigger("end restore session", bench.session)
    assert bench.manager.jobs == [job]
    assert live.views[job.id].best is best


def test_models_cut_before_saving_are_left_alone(bench, keeper):
    from chimerax.adp3d.live.backbone import rows_fit

    job = bench.submit()
    from chimerax.adp3d.live.models import live_models

    view = live_models(bench.session).views[job.id]
    assert rows_fit(view.best, job.layout)
    view.best.residues[5:8].atoms.delete()
    assert rows_fit(view.best, job.layout)  # rows are as they were
    view.best.residues.numbers = view.best.residues.numbers + 1
    assert not rows_fit(view.best, job.layout)


def test_offers_are_saved_again(bench, keeper):
    job = bench.submit()
    job_folder(bench, job)
    restored = restart(bench, keeper, keeper.take_snapshot(bench.session, SESSION))
    data = restored.take_snapshot(bench.session, SESSION)
    assert [record["title"] for record in data["jobs"]] == ["refine #2 in #1"]
    restored.reset_state(bench.session)
    assert restored.unfinished == []


def test_a_resumed_job_is_restored_once(bench, keeper, log):
    from chimerax.adp3d.engine.contract import messages
    from chimerax.adp3d.jobs.state import JobState
    from chimerax.adp3d.live.models import live_models

    stopped = bench.submit()
    job_folder(bench, stopped)
    stop(bench, stopped)
    early = keeper.take_snapshot(bench.session, SESSION)["jobs"]
    bench.manager._engines.queues.clear()  # the folder names another device, and there is one scripted engine
    resumed = bench.manager.reopen(stopped.folder, stopped.prepared_again())
    bench.start(resumed)
    finish_files(bench, resumed)
    paths = {"result": str(resumed.folder / "result.cif")}
    bench.engine.report(messages.Result(resumed.key, paths, {"map_cc_after": 0.7}))
    bench.manager.pump()
    best = live_models(bench.session).views[resumed.id].best
    data = keeper.take_snapshot(bench.session, SESSION)
    assert [record["state"] for record in data["jobs"]] == ["finished"]
    log.clear()
    restart(bench, keeper, {**data, "jobs": [*early, *data["jobs"]]})  # as earlier versions saved it
    (again,) = bench.manager.jobs
    assert again.state is JobState.FINISHED
    assert live_models(bench.session).views[again.id].best is best
    assert not any("since this session was saved" in text for text in log)


def test_a_job_is_not_offered_once_it_is_listed(bench, keeper, tmp_path):
    import shutil

    jobs = [bench.submit(), bench.submit()]
    for job in jobs:
        job_folder(bench, job)
    restored = restart(bench, keeper, keeper.take_snapshot(bench.session, SESSION))
    assert [offer.folder for offer in restored.unfinished] == [job.folder for job in jobs]
    bench.manager.reopen(jobs[0].folder)  # by whatever way
    assert [offer.folder for offer in restored.unfinished] == [jobs[1].folder]
    shutil.rmtree(jobs[1].folder)
    assert restored.unfinished == []


def test_models_of_a_job_just_resumed_are_saved(bench, keeper):
    stopped = bench.submit()
    job_folder(bench, stopped)
    stop(bench, stopped)
    bench.manager.reopen(stopped.folder, stopped.prepared_again())
    (record,) = keeper.take_snapshot(bench.session, SESSION)["jobs"]
    assert record["state"] == "starting"
    assert record["live_models"]
    assert record["layout"] is not None


@pytest.fixture
def on_a_model(bench):
    """A finished job that started from an open model, and that model."""
    from chimerax.adp3d.engine.contract import messages
    from chimerax.adp3d.live.backbone import build_backbone

    other = bench.submit()
    model = build_backbone(bench.session, other.layout, "mine")
    bench.session.models.add([model])
    stop(bench, other)
    bench.manager.remove(other)
    job = bench.submit(model=model)
    job_folder(bench, job)
    start = bench.mmcif(np.asarray(model.atoms.coords).reshape(1, 24, 4, 3), job.layout, np.full(24, 20.0))
    (job.folder / "inputs" / "model.cif").write_text(start)
    finish_files(bench, job)
    bench.engine.report(messages.Result(job.key, {"result": str(job.folder / "result.cif")}, {}))
    bench.manager.pump()
    return job, model


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("state", ["finished", "running"])
def test_a_restored_result_is_announced_in_one_line(bench, keeper, on_a_model, log, watched, state):
    from chimerax.adp3d.handover.results import result_model
    from chimerax.adp3d.live.watch import watch_results

    if watched:  # by the commands of this process
        watch_results(bench.session)
    _, model = on_a_model
    data = keeper.take_snapshot(bench.session, SESSION)
    data["jobs"][0]["state"] = state
    log.clear()
    restart(bench, keeper, data)
    (again,) = bench.manager.jobs
    (said,) = log
    since = " since this session was saved" if state == "running" else ""
    assert said.startswith(f"ADP-3D job {again.id} (refine #2 in #1) has finished{since}; its result is ")
    assert said.endswith(f"; 'adp3d accept {again.id}' writes it into #{model.id_string}.")
    shown = result_model(bench.session, again)
    assert (shown is None) == (state == "finished"), "what is news is opened, what was closed is not"
    assert (f"#{shown.id_string} (" if shown else "in its folder") in said


def test_what_was_accepted_is_saved_and_can_be_undone(bench, keeper, on_a_model, log):
    from chimerax.adp3d.handover.accept import accept_into
    from chimerax.adp3d.handover.accepted import accepted_into, set_accepted

    job, model = on_a_model
    before = model.atoms.coords.copy()
    accept_into(bench.session, job, model)
    after = model.atoms.coords.copy()
    assert not np.array_equal(before, after)
    data = keeper.take_snapshot(bench.session, SESSION)
    bench.session.undo.clear()
    set_accepted(model, ())
    log.clear()
    restart(bench, keeper, data)
    (again,) = bench.manager.jobs
    (said,) = log
    assert said.endswith(f"; #{model.id_string} has it already.")
    assert [item.job_id for item in accepted_into(model)] == [again.id]
    assert bench.session.undo.top_undo_name() == f"accept ADP-3D job {again.id}"
    bench.session.undo.undo()
    assert np.array_equal(model.atoms.coords, before) and not accepted_into(model)
    bench.session.undo.redo()
    assert np.array_equal(model.atoms.coords, after)


def test_a_restored_result_that_is_damaged(bench, keeper, on_a_model, log):
    job, _ = on_a_model
    data = keeper.take_snapshot(bench.session, SESSION)
    (job.folder / "inputs" / "model.cif").unlink()
    log.clear()
    restart(bench, keeper, data)
    (said,) = log
    assert "it cannot be written into a model (The folder of ADP-3D job" in said


class Tool:
    """A panel that is open, as far as the session's keeper looks at it."""

    tool_name = "ADP-3D"

    def __init__(self, shown):
        self._shown = shown

    def displayed(self):
        return self._shown


@pytest.mark.parametrize("shown", [True, False])
def test_the_panel_comes_back_with_the_jobs(bench, keeper, monkeypatch, shown):
    import chimerax.core.commands as commands

    given = []
    monkeypatch.setattr(commands, "run", lambda session, text, **_: given.append(text))
    monkeypatch.setattr(bench.session.tools, "list", lambda: [Tool(shown)])
    assert not keeper.include_state()  # the panel alone does not make the session need this bundle
    bench.submit()
    data = keeper.take_snapshot(bench.session, SESSION)
    monkeypatch.setattr(bench.session.ui, "is_gui", True)
    restart(bench, keeper, data)
    assert given == ['ui tool show "ADP-3D"'] * shown
    monkeypatch.setattr(bench.session.ui, "is_gui", False)
    restart(bench, keeper, data)
    assert given == ['ui tool show "ADP-3D"'] * shown


def test_accepted_results_are_saved_without_any_job(bench, keeper, on_a_model):
    from chimerax.adp3d.handover.accept import accept_into

    job, model = on_a_model
    accept_into(bench.session, job, model)
    bench.manager.remove(job)
    assert keeper.include_state()
    data = keeper.take_snapshot(bench.session, SESSION)
    assert data["jobs"] == [] and [record["model"] for record in data["accepted"]] == [model]
    bench.session.undo.undo()
    assert not keeper.include_state()


def test_a_record_of_another_version_costs_no_more_than_the_undo(bench, keeper, on_a_model, log):
    from chimerax.adp3d.handover.accept import accept_into
    from chimerax.adp3d.handover.accepted import set_accepted

    job, model = on_a_model
    accept_into(bench.session, job, model)
    data = keeper.take_snapshot(bench.session, SESSION)
    del data["accepted"][0]["accepted"]["accepted"][0]["edit"]["result"]
    bench.session.undo.clear()
    set_accepted(model, ())
    log.clear()
    restart(bench, keeper, data)
    assert len(bench.manager.jobs) == 1
    assert any("cannot be undone: its record is of another version" in line for line in log)


def test_a_running_job_finds_its_models_when_its_session_is_opened_again(bench, keeper, on_a_model):
    from chimerax.adp3d.live.backbone import build_backbone

    job, model = on_a_model
    data = keeper.take_snapshot(bench.session, SESSION)
    bench.session.models.close([model])
    assert job.model is None
    again = build_backbone(bench.session, job.layout, "mine")
    bench.session.models.add([again])
    data["jobs"][0]["model"] = again
    keeper._restore(bench.session, data["jobs"], [])
    assert job.model is again
