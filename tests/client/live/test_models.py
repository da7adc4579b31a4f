from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest


@pytest.fixture
def live(bench):
    from chimerax.adp3d.live.models import live_models

    return live_models(bench.session)


def test_one_full_length_model_for_each_replica(bench, live):
    from chimerax.geometry import translation

    job = bench.submit(frame_to_scene=translation((1.0, 2.0, 3.0)))
    view = live.views[job.id]
    assert view.group.name == f"ADP-3D job {job.id}"
    assert view.group.child_models()[0] is view.best
    assert len(view.traces) == 2
    for model in (view.best, *view.traces):
        np.testing.assert_allclose(model.scene_position.origin(), (1.0, 2.0, 3.0))
    assert view.best.num_residues == 24
    assert view.best.num_atoms == 96
    for trace in view.traces:
        np.testing.assert_allclose(trace.vertices, job.layout.coordinates[:, 1], atol=1e-4)
        assert trace.triangles.tolist() == [[i, i + 1] for i in range(23) if i != 11]  # two chains of twelve
    residues = view.best.residues
    assert list(residues.chain_ids) == ["A"] * 12 + ["B"] * 12
    assert list(residues.numbers) == [*range(5, 17), *range(101, 113)]
    np.testing.assert_allclose(view.best.atoms.coords, job.layout.coordinates.reshape(-1, 3), atol=1e-5)
    assert residues.ribbon_displays.all()
    assert not view.best.atoms.displays.any()
    assert [trace.display for trace in view.traces] == [False, False]


def test_peptide_bonds_follow_the_links(bench, live):
    job = bench.submit()
    # three bonds in each of 24 residues, a peptide bond between neighbours of each chain of twelve
    assert live.views[job.id].best.num_bonds == 3 * 24 + 2 * 11


def test_newest_frame_and_best_replica(bench, live):
    job = bench.submit()
    bench.frame(job)
    bench.metric(job, "correlation", [0.2, 0.8, 0.3])
    bench.best(job, 2)
    newest = bench.frame(job)
    bench.manager.pump()
    view = live.views[job.id]
    assert job.best_replica == 2, "whatever the figures are"
    np.testing.assert_allclose(view.best.atoms.coords, newest[2].reshape(-1, 3), atol=1e-5)
    for trace, replica in zip(view.traces, (0, 1), strict=True):
        np.testing.assert_allclose(trace.vertices, newest[replica, :, 1], atol=1e-5)
        assert trace.display
    assert live.timing.count >= 1


def test_another_best_replica_is_shown_without_another_frame(bench, live):
    job = bench.submit()
    bench.best(job, 1)
    bench.manager.pump()
    frame = bench.frame(job)
    bench.manager.pump()
    view = live.views[job.id]
    np.testing.assert_allclose(view.best.atoms.coords, frame[1].reshape(-1, 3), atol=1e-5)
    bench.best(job, 2)
    bench.manager.pump()
    np.testing.assert_allclose(view.best.atoms.coords, frame[2].reshape(-1, 3), atol=1e-5)
    np.testing.assert_allclose(view.traces[1].vertices, frame[1, :, 1], atol=1e-5)


@pytest.fixture
def clock(live, monkeypatch):
    """The live models' updater replaced by one with a display: pictures every 0.11 s of a clock that is set."""
    clock = SimpleNamespace(time=100.0, next_time=100.11, mark=lambda: None, flush=lambda: None)
    monkeypatch.setattr(live, "_updater", clock)
    return clock


def show_at(live, clock, time: float) -> bool:
    clock.time, clock.next_time = time, time + 0.11
    return live._update()


def test_models_glide_from_frame_to_frame(bench, live, clock):
    job = bench.submit()
    view = live.views[job.id]
    for i in range(30):  # a frame every 0.4 s
        start = bench.frame(job)
        bench.manager.pump()
        show_at(live, clock, 100.0 + 0.4 * i)
    while show_at(live, clock, clock.time + 0.1):
        pass
    np.testing.assert_allclose(view.best.atoms.coords, start[0].reshape(-1, 3), atol=1e-5)
    end = bench.frame(job)
    bench.manager.pump()
    seen, begin = [], clock.time + 0.3
    while show_at(live, clock, begin + 0.11 * len(seen)):
        seen.append(view.best.atoms.coords)
        assert len(seen) < 20
    assert len(seen) >= 3
    for i, xyz in enumerate(seen):
        part = (i + 1) * 0.11 / view.glide.duration
        np.testing.assert_allclose(xyz, ((1 - part) * start[0] + part * end[0]).reshape(-1, 3), atol=1e-4)
        assert part < 1
    np.testing.assert_allclose(view.best.atoms.coords, end[0].reshape(-1, 3), atol=1e-5)
    np.testing.assert_allclose(view.traces[1].vertices, end[2, :, 1], atol=1e-5)


def test_models_of_a_stopped_job_are_where_it_ended(bench, live, clock):
    from chimerax.adp3d.engine.contract import messages

    job = bench.submit()
    for i in range(30):
        end = bench.frame(job)
        bench.manager.pump()
        assert show_at(live, clock, 100.0 + 0.4 * i) == (i > 0)
    bench.engine.report(messages.Stopped(job.key, str(job.folder)))
    bench.manager.pump()
    assert job.ended
    np.testing.assert_allclose(live.views[job.id].best.atoms.coords, end[0].reshape(-1, 3), atol=1e-5)


def test_no_models_for_a_job_that_is_not_live(bench, live):
    job = bench.submit(live=False)
    bench.frame(job)
    bench.manager.pump()
    assert job.id not in live.views
    assert bench.session.models.list() == []


def test_frames_without_a_layout(bench, live):
    job = bench.submit(layout=False)
    bench.frame(job)
    bench.manager.pump()
    assert job.id not in live.views
    assert bench.session.models.list() == []


def test_layout_after_the_first_frame(bench, live):
    job = bench.submit(layout=False)
    newest = bench.frame(job)
    bench.engine.report(bench.layout(job))
    bench.manager.pump()
    np.testing.assert_allclose(live.views[job.id].best.atoms.coords, newest[0].reshape(-1, 3), atol=1e-5)


def test_atoms_deleted_mid_job(bench, live):
    job = bench.submit()
    view = live.views[job.id]
    view.best.residues[3:9].atoms.delete()
    newest = bench.frame(job)
    bench.manager.pump()
    left = [i for i in range(24) if not 3 <= i < 9]
    assert view.best.num_residues == 18
    np.testing.assert_allclose(view.best.atoms.coords, newest[0][left].reshape(-1, 3), atol=1e-5)
    np.testing.assert_allclose(view.traces[0].vertices, newest[1, :, 1], atol=1e-5)


def test_best_model_closed_mid_job(bench, live):
    job = bench.submit()
    view = live.views[job.id]
    bench.session.models.close([view.best])
    newest = bench.frame(job)
    bench.metric(job, "residue_spread", np.zeros(24))
    bench.manager.pump()
    np.testing.assert_allclose(view.traces[0].vertices, newest[1, :, 1], atol=1e-5)


def test_all_live_models_closed_mid_job(bench, live, log):
    job = bench.submit()
    bench.session.models.close([live.views[job.id].group])
    assert job.id not in live.views
    bench.session.update_loop.draw_new_frame()
    assert any("live models of ADP-3D job" in text and "the job goes on" in text for text in log)
    bench.frame(job)
    bench.manager.pump()
    assert not job.ended
    assert bench.session.models.list() == []


def test_user_closes_model_and_map_mid_job(bench, live, log):
    from chimerax.adp3d.live.backbone import build_backbone
    from chimerax.core.models import Model

    other = bench.submit()
    model = build_backbone(bench.session, other.layout, "mine")
    volume = Model("map", bench.session)
    bench.session.models.add([model, volume])
    job = bench.submit(model=model, map=volume)
    assert job.model is model
    bench.session.models.close([model])
    bench.session.models.close([volume])  # by the same command
    bench.session.triggers.activate_trigger("command finished", "close #1,2")
    bench.session.update_loop.draw_new_frame()
    (said,) = (text for text in log if "closed" in text)
    assert said == (
        f"The model and the map of ADP-3D job {job.id} were closed; the job goes on with its own copies, "
        f"and 'adp3d accept {job.id} newModel true' opens its result when it has finished."
    )
    assert not job.ended


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (["map"], "The map of ADP-3D job 3 was closed; the job goes on with its own copy."),
        (["live models"], "The live models of ADP-3D job 3 were closed; the job goes on."),
        (
            ["live models", "map"],
            "The map and the live models of ADP-3D job 3 were closed; the job goes on with its own copy.",
        ),
        (
            ["live models", "map", "model"],
            "The model, the map and the live models of ADP-3D job 3 were closed; the job goes on with its own copies, "
            "and 'adp3d accept 3 newModel true' opens its result when it has finished.",
        ),
    ],
)
def test_sentences_about_closed_models(parts, sentence):
    from chimerax.adp3d.live.closing import closed_sentence

    assert closed_sentence(3, parts) == sentence


def test_session_closed_mid_job(bench, live, log):
    from chimerax.adp3d.live.session import saved_jobs

    saved_jobs(bench.session)
    job = bench.submit()
    bench.session.reset()
    assert bench.session.models.list() == []
    bench.session.triggers.activate_trigger("command finished", "close session")
    bench.session.update_loop.draw_new_frame()
    (said,) = (text for text in log if f"job {job.id}" in text and "goes on" in text)
    assert "without its session" in said
    assert not any("were closed" in text or "was closed" in text for text in log)
    bench.frame(job)
    bench.manager.pump()
    assert bench.session.models.list() == []
    assert not job.ended


def test_frames_after_the_end(bench, live):
    from chimerax.adp3d.engine.contract import messages

    job = bench.submit()
    shown = bench.frame(job)
    bench.manager.pump()
    bench.engine.report(messages.Stopped(job.key, str(job.folder)))
    bench.manager.pump()
    bench.frame(job)
    bench.manager.pump()
    np.testing.assert_allclose(live.views[job.id].best.atoms.coords, shown[0].reshape(-1, 3), atol=1e-5)


def test_frames_of_another_size_are_not_shown(bench, live):
    job = bench.submit()
    shown = bench.frame(job)
    bench.manager.pump()
    bench.frame(job, n=20)
    bench.manager.pump()
    np.testing.assert_allclose(live.views[job.id].best.atoms.coords, shown[0].reshape(-1, 3), atol=1e-5)


def test_colours_by_confidence_then_by_fit(bench, live, monkeypatch):
    from chimerax.adp3d.handover.colouring import CONFIDENCE, FIT
    from chimerax.adp3d.live import models

    monkeypatch.setattr(models, "_COLOUR_INTERVAL", 0.0)
    job = bench.submit()
    bench.frame(job)
    spread, fit = np.linspace(0, 4, 24), np.linspace(0, 1, 24)
    bench.metric(job, "residue_spread", spread)
    bench.metric(job, "residue_fit", fit)
    bench.manager.pump()
    view = live.views[job.id]
    confidence = 100 / (1 + (spread / 2) ** 2)
    np.testing.assert_array_equal(view.best.residues.ribbon_colors, CONFIDENCE.rgba(confidence))
    np.testing.assert_allclose(view.best.atoms.bfactors, np.repeat(confidence, 4), rtol=1e-5)
    live.colour(job, "fit")
    np.testing.assert_array_equal(view.best.residues.ribbon_colors, FIT.rgba(fit))
    bench.metric(job, "residue_fit", fit[::-1])
    bench.manager.pump()
    np.testing.assert_array_equal(view.best.residues.ribbon_colors, FIT.rgba(fit[::-1]))


def test_colours_of_the_user_stay(bench, live):
    job = bench.submit()
    live.colour(job, "none")
    green = np.array((0, 255, 0, 255), np.uint8)
    live.views[job.id].best.residues.ribbon_colors = green
    bench.frame(job)
    bench.metric(job, "residue_spread", np.zeros(24))
    bench.manager.pump()
    assert (live.views[job.id].best.residues.ribbon_colors == green).all()


def test_confidence_without_a_spread_from_the_engine(bench, live):
    job = bench.submit()
    frame = bench.frame(job)
    bench.manager.pump()
    spread = np.sqrt(((frame[1:, :, 1] - frame[0, :, 1]) ** 2).sum(-1).mean(0))
    bfactors = live.views[job.id].best.atoms.bfactors[1::4]
    np.testing.assert_allclose(bfactors, 100 / (1 + (spread / 2) ** 2), rtol=1e-4)


def test_a_failure_stops_the_picture_and_not_the_job(bench, live, monkeypatch):
    job = bench.submit()
    problems = []
    monkeypatch.setattr(bench.session.logger, "report_exception", lambda **kw: problems.append(kw["preface"]))
    monkeypatch.setattr(live.views[job.id], "move", lambda *args: 1 / 0)
    bench.frame(job)
    bench.manager.pump()
    assert problems == [f"The live models of ADP-3D job {job.id} stand still"]
    bench.frame(job)
    bench.manager.pump()
    assert len(problems) == 1
    assert not job.ended


def test_resumed_job_goes_on_with_its_models(bench, live):
    from chimerax.adp3d.engine.contract import messages

    job = bench.submit()
    best = live.views[job.id].best
    bench.engine.report(messages.Stopped(job.key, str(job.folder)))
    bench.manager.pump()
    inputs = job.folder / "inputs"
    inputs.mkdir(parents=True)
    (inputs / "model.cif").write_text("data_model\n")
    (inputs / "map.mrc").write_bytes(b"")
    spec = '{"version": 1, "kind": "refine", "device": "cpu", "map": "inputs/map.mrc", "model": "inputs/model.cif", '
    (job.folder / "job.json").write_text(spec + '"output": "."}')
    again = bench.manager.reopen(job.folder, job.prepared_again())
    assert again is job, "one row of the table goes on"
    bench.start(again)
    frame = bench.frame(again)
    bench.manager.pump()
    assert live.views[again.id].best is best
    np.testing.assert_allclose(best.atoms.coords, frame[0].reshape(-1, 3), atol=1e-5)


def test_color_command(bench, live):
    from chimerax.adp3d.commands.color import adp3d_color
    from chimerax.core.errors import UserError

    job = bench.submit()
    adp3d_color(bench.session, "fit", job.id)
    assert job.colouring == "fit"
    waiting = bench.submit(layout=False)
    with pytest.raises(UserError, match="has no live models to colour"):
        adp3d_color(bench.session, "fit", waiting.id)
