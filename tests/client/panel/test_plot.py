from __future__ import annotations

import time

import numpy as np
import pytest


def _curve(n, label="fit", gap=False):
    from chimerax.adp3d.panel.plot import Curve

    values = np.linspace(0.2, 0.9, n)
    if gap:
        values[n // 3 : n // 2] = np.nan
    return Curve(label, np.arange(n, dtype=float), values)


def test_thinning_keeps_both_ends(application):
    from chimerax.adp3d.panel.plot import thinned

    thin = thinned(_curve(10_000), 300)
    assert len(thin.steps) == len(thin.values) == 300
    assert (thin.steps[0], thin.steps[-1]) == (0, 9_999)
    few = _curve(7)
    assert thinned(few, 300) is few


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], (0.0, 1.0)),
        ([np.nan], (0.0, 1.0)),
        ([0.0, 160.0], (0.0, 160.0)),
        ([0.4512, 0.7039], (0.45, 0.71)),
        ([0.5], (0.45, 0.55)),
        ([0.0], (-0.1, 0.1)),
    ],
)
def test_axes_hold_their_values(application, values, expected):
    from chimerax.adp3d.panel.plot import tidy_range

    low, high = tidy_range(np.array(values))
    if len(values) != 1 or np.isnan(values[0]):
        assert (low, high) == pytest.approx(expected)
    assert low < high
    for value in values:
        assert np.isnan(value) or low <= value <= high


@pytest.mark.parametrize("dark", [False, True])
def test_curves_are_seen_on_the_background_of_the_scheme(area, application, dark):
    from chimerax.adp3d.panel.plot import Plot
    from Qt.QtGui import QColor, QPalette

    plot = Plot(area)
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Base, QColor(30, 30, 30) if dark else QColor(255, 255, 255))
    palette.setColor(QPalette.ColorRole.Text, QColor(255, 255, 255) if dark else QColor(0, 0, 0))
    plot.setPalette(palette)
    plot.resize(280, 140)
    plot.show_curves([_curve(50, "fit", gap=True), _curve(50, "noise")], 100)
    image = plot.grab().toImage()
    seen = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}
    background = palette.color(QPalette.ColorRole.Base).name()
    assert background in seen
    wanted = ("#56b4e9", "#e69f00") if dark else ("#0072b2", "#d55e00")
    assert set(wanted) <= seen


def test_message_without_data(area):
    from chimerax.adp3d.panel.plot import Plot

    plot = Plot(area)
    plot.resize(280, 140)
    plot.show_curves([], 1.0, "Nothing yet.")
    image = plot.grab().toImage()
    shades = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}
    assert len(shades) > 2  # letters, whatever their smoothing


def test_an_update_costs_little(area):
    from chimerax.adp3d.panel.plot import Plot

    plot = Plot(area)
    plot.resize(280, 140)
    curves = [_curve(5_000, "fit"), _curve(5_000, "noise")]
    costs = []
    for _ in range(20):
        start = time.thread_time()
        plot.show_curves(curves, 5_000)
        plot.grab()
        costs.append(time.thread_time() - start)
    assert sorted(costs)[len(costs) // 2] < 0.02  # about 2 ms; the rest is for slow and busy machines
