"""Residues that are tugged: what the engine is sent, the arrow, and drags of the mouse."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def running(bench):
    """A running job with a frame; its view."""
    from chimerax.adp3d.live.models import live_models

    job = bench.submit()
    view = live_models(bench.session).views[job.id]
    bench.frame(job)
    bench.manager.pump()
    return job, view


def _sent(bench):
    from chimerax.adp3d.engine.contract import messages as wire

    return [one for one in bench.engine.sent if isinstance(one, wire.Tug)]


def _arrows(view):
    return [child for child in view.best.child_models() if child.name == "tug"]


def _arrow_ends(model):
    """Middle of the first ring of the shaft, and the tip."""
    vertices = np.asarray(model.vertices, dtype=float)
    return vertices[:12].mean(0), vertices[-1]


def test_a_residue_is_tugged_by_command_and_let_go(bench, running, messages):
    from chimerax.core.commands import run
    from chimerax.core.errors import UserError
    from chimerax.geometry import Place

    job, view = running
    view.best.position = Place(origin=(100.0, 0.0, 0.0))
    run(bench.session, f"adp3d tug #{view.best.id_string}/A:8 toward 101,2,3")
    (sent,) = _sent(bench)
    assert (sent.residue, sent.target, sent.on) == (3, pytest.approx([1.0, 2.0, 3.0]), True), "in the job's frame"
    (arrow,) = _arrows(view)
    start, tip = _arrow_ends(arrow)
    assert tip == pytest.approx([1.0, 2.0, 3.0], abs=1e-4)
    newest = bench.frame(job, seed=7)
    bench.manager.pump()
    start, _ = _arrow_ends(arrow)
    assert start == pytest.approx(newest[job.best_replica][3, 1], abs=1e-4), "the arrow follows the residue"
    assert any("A 8 is being tugged" in text for _, text in messages)
    run(bench.session, "adp3d tug off")
    assert [one.on for one in _sent(bench)] == [True, False] and job.tugged is None
    assert arrow.deleted and _arrows(view) == []
    with pytest.raises(UserError, match="No residue of ADP-3D job 1 is being tugged"):
        run(bench.session, "adp3d tug off")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/A:8", "Say where to tug"),
        ("/A:8-9 toward 1,2,3", "one can be tugged at a time"),
        ("/A:99 toward 1,2,3", "None of these residues"),
        ("/A:6 toward 1,2,3", "A 6 is held"),
    ],
)
def test_what_cannot_be_tugged_is_refused(bench, running, command, words):
    from chimerax.core.commands import run
    from chimerax.core.errors import UserError

    _, view = running
    run(bench.session, f"adp3d fix #{view.best.id_string}/A:6")
    with pytest.raises(UserError, match=words):
        run(bench.session, f"adp3d tug #{view.best.id_string}{command}")
    assert _sent(bench) == [] and _arrows(view) == []


@pytest.mark.parametrize("stage", ["placing side chains", "relaxing"])
@pytest.mark.parametrize("command", ["tug /A:8 toward 1,2,3", "fix /A:8", "release /A:8"])
def test_after_sampling_it_is_said_that_nothing_is_moved_by_hand_any_more(bench, running, stage, command):
    from chimerax.adp3d.live.steering import Tugging
    from chimerax.core.commands import run
    from chimerax.core.errors import UserError

    job, view = running
    job.stage = stage
    with pytest.raises(UserError, match=f"has sampled everything and is {stage}"):
        run(bench.session, f"adp3d {command.replace('/', f'#{view.best.id_string}/')}")
    Tugging(bench.session, job, 3).aim((1.0, 2.0, 3.0))  # a drag that goes on
    assert _sent(bench) == [] and _arrows(view) == []


def test_places_are_sent_ten_times_a_second_at_most_and_the_last_arrives(bench, running):
    from chimerax.adp3d.live.steering import Tugging

    job, _ = running
    now = [0.0]
    tugging = Tugging(bench.session, job, 3, clock=lambda: now[0])
    for i in range(20):
        now[0] = 0.03 * i
        tugging.aim((float(i), 0.0, 0.0))
    tugging.flush()
    assert [one.target[0] for one in _sent(bench)] == [0.0, 4.0, 8.0, 12.0, 16.0]
    now[0] += 0.1
    tugging.flush()
    tugging.flush()
    assert _sent(bench)[-1].target[0] == 19.0 and len(_sent(bench)) == 6


def test_the_arrow_goes_with_the_end_of_the_job(bench, running):
    from chimerax.adp3d.engine.contract import messages as wire
    from chimerax.adp3d.live.steering import Tugging

    job, view = running
    tugging = Tugging(bench.session, job, 3)
    tugging.aim((9.0, 9.0, 9.0))
    (arrow,) = _arrows(view)
    bench.engine.report(wire.Stopped(job.key, str(job.folder)))
    bench.manager.pump()
    assert arrow.deleted
    count = len(_sent(bench))
    tugging.aim((1.0, 1.0, 1.0))
    tugging.end()
    assert len(_sent(bench)) == count and _arrows(view) == []


class _Event:
    def __init__(self, place):
        self._place = place

    def position(self):
        return self._place


def test_a_drag_tugs_in_the_plane_of_the_window(bench, running, monkeypatch):
    """Seen along z: the window's pixels are the angstrom of x and y."""
    from types import SimpleNamespace

    from chimerax.adp3d.panel.tug_mode import TugMode

    session, (_, view) = bench.session, running
    residue = view.best.find_residue("A", 8)
    start = np.array(residue.find_atom("CA").scene_coord)
    camera = session.main_view
    monkeypatch.setattr(camera, "picked_object", lambda x, y, exclude: SimpleNamespace(residue=residue), raising=False)
    sight = lambda x, y: (np.array([x, y, 500.0]), np.array([x, y, -500.0]))  # noqa: E731
    monkeypatch.setattr(camera, "clip_plane_points", sight, raising=False)
    mode = TugMode(session)
    mode.mouse_down(_Event((0.0, 0.0)))
    assert _sent(bench) == [], "a click alone pulls nothing"
    mode.mouse_drag(_Event((30.0, -4.0)))
    assert _sent(bench)[-1].target == pytest.approx([30.0, -4.0, start[2]], abs=1e-3)
    assert len(_arrows(view)) == 1
    mode.mouse_up(_Event((30.0, -4.0)))
    assert not _sent(bench)[-1].on and _arrows(view) == []
    mode.mouse_drag(_Event((1.0, 1.0)))
    assert not _sent(bench)[-1].on
    monkeypatch.setattr(camera, "picked_object", lambda x, y, exclude: None, raising=False)
    mode.mouse_down(_Event((0.0, 0.0)))
    mode.mouse_drag(_Event((30.0, -4.0)))
    mode.mouse_up(_Event((30.0, -4.0)))
    assert len(_sent(bench)) == 2


def test_chains_that_are_called_otherwise_in_the_files(bench):
    """Chain 'A' of the files is 'Q' in the session: it is held and tugged by that name."""
    from chimerax.adp3d.handover.record import Handover
    from chimerax.adp3d.live.models import live_models
    from chimerax.adp3d.live.steering import rows_of
    from chimerax.core.commands import run

    job = bench.submit(extra=Handover(chain_names={"Q": "A"}).to_extra())
    view = live_models(bench.session).views[job.id]
    run(bench.session, f"adp3d fix #{view.best.id_string}/Q:6")
    assert job.held == {1}
    run(bench.session, f"adp3d tug #{view.best.id_string}/Q:8 toward 1,2,3")
    assert _sent(bench)[-1].residue == 3
    assert rows_of(job, view.best.residues) == list(range(24))
