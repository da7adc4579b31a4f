from __future__ import annotations

import numpy as np


def test_models_follow_a_real_job_to_its_result(session, tiny_job, wait_until):
    from chimerax.adp3d.jobs.manager import job_manager
    from chimerax.adp3d.jobs.state import JobState
    from chimerax.adp3d.live.models import live_models
    from chimerax.adp3d.live.plot_data import fit_series, temperature_series
    from chimerax.adp3d.live.trajectory import open_trajectory

    live = live_models(session)
    job = job_manager(session).submit(tiny_job(steps=8, trajectory_interval=2))
    wait_until(lambda: job.ended or job.id in live.views, 90)
    view = live.views[job.id]
    start = view.best.atoms.coords
    wait_until(lambda: job.ended, 90)
    assert job.state is JobState.FINISHED, job.error
    assert view.best.num_residues == 20
    assert np.abs(view.best.atoms.coords - start).max() > 0.01
    known = [i for i in range(20) if i not in range(7, 12)]
    now = view.best.atoms.coords.reshape(20, 4, 3)
    np.testing.assert_allclose(now[known], start.reshape(20, 4, 3)[known], atol=1.5)
    assert ((view.confidence >= 0) & (view.confidence <= 100)).all()
    assert view.best.residues[0].adp3d_confidence > 0
    trace = view.traces[0]
    assert trace.display
    assert not np.array_equal(trace.vertices, now[:, 1])
    assert fit_series(job).values.shape[0] == 2
    # it falls, twice: the second descent starts from what the replicas agree on
    assert (np.diff(temperature_series(job).of(0)) > 0).sum() <= 1
    assert open_trajectory(session, job).num_coordsets >= 3
