from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from chimerax.adp3d.engine.contract.kinds import COMPLETE, KINDS, REFINE, Figure

X = Figure("x", "An axis", "X")


def job_with(kind=REFINE.name, **metrics):
    return SimpleNamespace(kind=kind, metrics=metrics)


def test_series_in_order_of_steps(session):
    from chimerax.adp3d.live.plot_data import series_of

    job = job_with(x=[(10, [0.5, 0.6]), (5, [0.1, 0.2]), (None, [9.0])])
    series = series_of(job, X)
    np.testing.assert_array_equal(series.steps, [5, 10])
    np.testing.assert_allclose(series.values, [[0.1, 0.5], [0.2, 0.6]])
    np.testing.assert_allclose(series.of(1), [0.2, 0.6])
    np.testing.assert_allclose(series.of(7), [0.2, 0.6])


def test_a_step_told_twice(session):
    from chimerax.adp3d.live.plot_data import series_of

    nan = float("nan")
    job = job_with(x=[(1, [1.0, 2.0]), (1, [3.0, nan, 4.0])])
    np.testing.assert_allclose(series_of(job, X).values[:, 0], [3.0, 2.0, 4.0])


def test_gaps_are_nan(session):
    from chimerax.adp3d.live.plot_data import series_of

    values = series_of(job_with(x=[(1, [1.0]), (2, [1.0, 2.0])]), X).values
    assert np.isnan(values[1, 0])
    assert values[1, 1] == 2.0


def test_fit_and_temperature(session):
    from chimerax.adp3d.live.plot_data import fit_series, temperature_series

    job = job_with(correlation=[(1, [0.3])], noise_level=[(1, [20.0]), (2, [10.0])], known_rmsd=[(1, [2.0])])
    assert fit_series(job).figure.name == "correlation"
    np.testing.assert_allclose(temperature_series(job).values, [[20.0, 10.0]])
    spread = job_with(COMPLETE.name, known_rmsd=[(1, [2.0])], missing_spread=[(1, [7.0])])
    assert fit_series(spread).figure.name == "missing_spread"
    assert fit_series(job_with(COMPLETE.name, known_rmsd=[(1, [2.0])])).figure.name == "known_rmsd"
    assert fit_series(job_with()) is None
    assert temperature_series(job_with()) is None


def test_the_most_telling_figure_of_each_kind_is_plotted(session):
    from chimerax.adp3d.live.plot_data import fit_series

    for kind in (each for each in KINDS.values() if each.samples_backbones):
        told = {figure.name: [(1, [1.0])] for figure in reversed(kind.curves)}
        assert fit_series(job_with(kind.name, **told)).figure is kind.curves[0]
        (*_, last) = kind.curves
        assert fit_series(job_with(kind.name, **{last.name: [(1, [1.0])]})).figure is last
