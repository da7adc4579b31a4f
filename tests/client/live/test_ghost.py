"""Where the starting model was, beside the live model, for as long as the job runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest


def _ghosts(view):
    return [child for child in view.group.child_models() if child.name == "starting model"]


def test_the_ghost_stands_still_and_goes_with_the_job(bench):
    from chimerax.adp3d.engine.contract import messages
    from chimerax.adp3d.live.models import live_models
    from chimerax.geometry import translation

    job = bench.submit(frame_to_scene=translation((1.0, 2.0, 3.0)))
    view = live_models(bench.session).views[job.id]
    (ghost,) = _ghosts(view)
    assert ghost is view.group.child_models()[-1], "behind the replicas, whose numbers stay"
    start = np.array(ghost.vertices)
    assert start == pytest.approx(job.layout.coordinates[:, 1], abs=1e-5)
    np.testing.assert_allclose(ghost.scene_position.origin(), (1.0, 2.0, 3.0))
    bench.frame(job)
    bench.manager.pump()
    assert np.array_equal(ghost.vertices, start)
    bench.engine.report(messages.Stopped(job.key, str(job.folder)))
    bench.manager.pump()
    assert ghost.deleted and not view.best.deleted and not _ghosts(view)


def test_it_shows_what_there_was_only(bench):
    from chimerax.adp3d.live.ghost import new_ghost
    from chimerax.adp3d.live.models import live_models
    from chimerax.adp3d.live.traces import faint_colour

    job = bench.submit()
    view = live_models(bench.session).views[job.id]
    known = [i not in (3, 4) for i in range(24)]
    colour = faint_colour(np.zeros(4))
    ghost = new_ghost(bench.session, replace(job.layout, known=tuple(known)), colour)
    edges = [tuple(edge) for edge in ghost.triangles.tolist()]
    assert edges == [(i, i + 1) for i in range(23) if i != 11 and known[i] and known[i + 1]]
    ghost.delete()
    assert new_ghost(bench.session, replace(job.layout, known=(False,) * 24), colour) is None
    view.close()
    assert view.ghost.deleted


def test_closing_the_live_models_takes_it_along(bench):
    from chimerax.adp3d.live.models import live_models

    job = bench.submit()
    view = live_models(bench.session).views[job.id]
    (ghost,) = _ghosts(view)
    before = len(bench.session.models.list())
    bench.session.models.close([view.group])
    assert ghost.deleted and len(bench.session.models.list()) == before - 5  # group, three replicas, ghost
