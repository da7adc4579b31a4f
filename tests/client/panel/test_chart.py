"""What all painted plots do with the mouse."""

from __future__ import annotations

import pytest


@pytest.fixture
def chart(area):
    """A plot of two points, and what was chosen."""
    from chimerax.adp3d.panel.chart import Chart
    from Qt.QtCore import QPointF

    class TwoPoints(Chart):
        WANTED, LEAST = (300, 9), (150, 3)
        chosen: list = []  # noqa: RUF012  (of the one instance)

        def item_at(self, place):
            near = [n for n, x in enumerate((20.0, 80.0)) if (place - QPointF(x, 30.0)).manhattanLength() < 5]
            return near[0] if near else None

        def tip(self, number):
            return f"point {number}"

        def choose(self, number, several):
            self.chosen.append((number, several))

    made = TwoPoints("Two points", area)
    made.resize(120, 60)
    return made


def test_a_click_chooses_what_it_hits(chart):
    from Qt.QtCore import QEvent, QPointF, Qt
    from Qt.QtGui import QMouseEvent

    def click(x, button=Qt.MouseButton.LeftButton, keys=Qt.KeyboardModifier.NoModifier):
        at = QPointF(x, 31.0)
        chart.mousePressEvent(QMouseEvent(QEvent.Type.MouseButtonPress, at, at, button, button, keys))

    click(21)
    click(50)
    click(80, Qt.MouseButton.RightButton)
    click(80, keys=Qt.KeyboardModifier.ControlModifier)
    assert chart.chosen == [(0, False), (1, True)]


def test_a_resting_mouse_is_told_what_is_there(chart, monkeypatch):
    from chimerax.adp3d.panel import chart as module
    from Qt.QtCore import QEvent, QPoint
    from Qt.QtGui import QHelpEvent

    told = []
    monkeypatch.setattr(module.QToolTip, "showText", lambda place, text, widget: told.append(text))
    for x in (80, 50):
        assert chart.event(QHelpEvent(QEvent.Type.ToolTip, QPoint(x, 30), QPoint(x, 30)))
    assert told == ["point 1", ""]


def test_sizes_follow_the_letters(chart):
    line = chart.fontMetrics().height()
    assert (chart.sizeHint().width(), chart.sizeHint().height()) == (300, 9 * line)
    assert (chart.minimumSizeHint().width(), chart.minimumSizeHint().height()) == (150, 3 * line)
    assert chart.accessibleName() == "Two points"
