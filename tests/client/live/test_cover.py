"""Of models in one place the newest is shown; the others come back when it is closed."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def open_model(session):
    def make(name):
        from chimerax.atomic import AtomicStructure
        from chimerax.atomic.struct_edit import add_atom

        structure = AtomicStructure(session, name=name, auto_style=False)
        add_atom("CA", "C", structure.new_residue("GLY", "A", 1), np.zeros(3))
        session.models.add([structure])
        return structure

    return make


def test_what_was_hidden_comes_back(session, open_model):
    from chimerax.adp3d.live.cover import covers, hidden_sentence

    start, other, result = open_model("start"), open_model("other"), open_model("result")
    other.display = False  # by the user
    hidden = covers(session).cover(result, [start, other, result])
    assert hidden == [start]
    assert (start.display, other.display, result.display) == (False, False, True)
    assert hidden_sentence(hidden) == f" #{start.id_string}, in the same place, is hidden."
    assert hidden_sentence([]) == ""
    session.models.close([result])
    assert (start.display, other.display) == (True, False)


def test_two_layers(session, open_model):
    from chimerax.adp3d.live.cover import covers

    start, result, trajectory = open_model("start"), open_model("result"), open_model("trajectory")
    covers(session).cover(result, [start])
    assert covers(session).cover(trajectory, [start, result]) == [result]
    session.models.close([trajectory])
    assert (start.display, result.display) == (False, True)
    covers(session).cover(open_model("another trajectory"), [start, result])
    session.models.close([start])
    session.models.close([result])
    session.models.close(session.models.list())


@pytest.fixture
def finished(bench):
    """A job of an open model that has finished, with a trajectory."""
    from chimerax.adp3d.engine.contract import messages
    from chimerax.adp3d.engine.contract.trajectory_format import pack_header, pack_record
    from chimerax.adp3d.handover.record import Handover
    from chimerax.adp3d.live.backbone import build_backbone
    from chimerax.adp3d.live.watch import watch_results

    other = bench.submit()
    model = build_backbone(bench.session, other.layout, "mine")
    bench.session.models.add([model])
    bench.engine.report(messages.Stopped(other.key, str(other.folder)))
    bench.manager.pump()
    bench.manager.remove(other)
    watch_results(bench.session)
    job = bench.submit(model=model, extra=Handover(model_name="mine").to_extra())
    inputs = job.folder / "inputs"
    inputs.mkdir(parents=True)
    start = np.asarray(model.atoms.coords).reshape(1, 24, 4, 3)
    (inputs / "model.cif").write_text(bench.mmcif(start, job.layout, np.full(24, 20.0)))
    result = bench.mmcif(bench.helix(24).round(3)[None] + 0.5, job.layout, np.full(24, 88.0))
    (job.folder / "result.cif").write_text(result)
    data = pack_header(24)
    for step in (5, 10):
        data += pack_record(step, 0, bench.helix(24)[None].repeat(3, 0).astype(np.float32))
    (job.folder / "trajectory.bin").write_bytes(data)
    bench.frame(job)
    bench.manager.pump()
    bench.session.update_loop.draw_new_frame()
    bench.engine.report(messages.Result(job.key, {"result": str(job.folder / "result.cif")}, {}))
    bench.manager.pump()
    yield job, model
    watch_results(bench.session).close()
    del bench.session._adp3d_result_watch


def test_start_result_trajectory_and_accepted_model_are_never_drawn_together(bench, session, finished):
    from chimerax.adp3d.commands.accept import adp3d_accept
    from chimerax.adp3d.commands.trajectory import adp3d_trajectory
    from chimerax.adp3d.handover.results import result_model
    from chimerax.adp3d.live.models import live_models

    job, model = finished
    before = np.array(model.atoms.coords)
    result = result_model(session, job)
    view = live_models(session).views[job.id]

    def shown():
        models = (model, view.best, result, trajectory)
        return [one for one in models if one is not None and not one.deleted and one.display]

    trajectory = None
    assert shown() == [result]
    session.models.close([view.best])
    assert shown() == [result], "the result hides the starting model now"
    trajectory = adp3d_trajectory(session, job.id, slider=False)
    assert shown() == [trajectory]
    session.models.close([trajectory])
    trajectory = None
    assert shown() == [result]
    trajectory = adp3d_trajectory(session, job.id, slider=False)
    assert view.group.display and any(trace.display for trace in view.traces)
    adp3d_accept(session, job.id)
    assert model.display and not result.display and not trajectory.display
    assert not view.group.display, "the other replicas are hidden with it"
    assert not any(one.deleted for one in (result, trajectory, view.group))
    for number in [1, 2] * 8:
        trajectory.active_coordset_id = number
        session.update_loop.draw_new_frame()
    session.models.close([trajectory])
    assert [step.name for step in session.undo.undo_stack] == [f"accept ADP-3D job {job.id}"]
    assert np.abs(np.asarray(model.atoms.coords) - before).max() > 0.4
    session.undo.undo()
    assert np.array_equal(model.atoms.coords, before)


def test_the_starting_model_is_hidden_while_its_job_is_shown(bench, session):
    from chimerax.adp3d.engine.contract import messages
    from chimerax.adp3d.live.backbone import build_backbone
    from chimerax.adp3d.live.models import live_models

    other = bench.submit()
    model = build_backbone(session, other.layout, "mine")
    session.models.add([model])
    bench.engine.report(messages.Stopped(other.key, str(other.folder)))
    bench.manager.pump()
    job = bench.submit(model=model)
    view = live_models(session).views[job.id]
    assert view.best.display and not model.display
    session.models.close([view.group])
    assert model.display


def test_a_restored_session_knows_what_hides_the_model(bench, session, finished):
    from chimerax.adp3d.handover.results import result_model
    from chimerax.adp3d.live.cover import cover_again, covers

    job, model = finished
    covers(session).close()
    del session._adp3d_covers
    assert not model.display
    cover_again(session, job)
    session.models.close([result_model(session, job)])
    assert model.display


def test_a_closed_result_shows_the_starting_model(bench, session, finished):
    from chimerax.adp3d.handover.results import result_model

    job, model = finished
    assert not model.display
    session.models.close([result_model(session, job)])
    assert model.display
