"""Table and plot of scores choose models, in either."""

from __future__ import annotations

import importlib.util
import weakref

import pytest


class Opened:
    """What a scoreboard asks of a model."""

    deleted = False

    def __init__(self, number):
        self.id_string = str(number)


@pytest.fixture
def rows():
    from chimerax.adp3d.handover.scoreboard import ScoreRow

    models = [Opened(number) for number in (10, 2, 3)]
    given = [(5.0, 1.0), (-20.5, 2.0), (100.0, 0.5)]
    found = [
        ScoreRow(weakref.ref(model), f"model {model.id_string}", 1, 20, energy, energy + 20.5, None, away)
        for model, (energy, away) in zip(models, given, strict=True)
    ]
    yield found
    models.clear()


def test_the_table_is_sorted_by_numbers(area, rows):
    from chimerax.adp3d.panel.score_table import COLUMNS, ScoreTable
    from Qt.QtCore import Qt

    chosen = []
    table = ScoreTable(chosen.append, area)
    table.show_rows(rows)
    assert table.order() == [1, 0, 2], "the lowest energy first"
    assert [table.item(line, 0).text() for line in range(3)] == ["#2", "#10", "#3"]
    assert table.isColumnHidden(COLUMNS.index("Group")) and not table.isColumnHidden(COLUMNS.index("CA RMSD"))
    table.sortByColumn(COLUMNS.index("Model"), Qt.SortOrder.AscendingOrder)
    assert table.order() == [1, 2, 0]
    table.sortByColumn(COLUMNS.index("CA RMSD"), Qt.SortOrder.DescendingOrder)
    assert table.order() == [1, 0, 2]
    table.select([2])
    table.select([0], beside=True)
    table.select([2], beside=True)
    assert chosen == [[2], [0, 2], [0]]
    table.selectRow(0)
    assert chosen[-1] == [1]
    assert table.isColumnHidden(COLUMNS.index("Std. error")), "nothing is known of it"
    area.resize(360, 300)
    table.resize(360, 300)
    last = COLUMNS.index("Above lowest")
    assert table.columnViewportPosition(last) + table.columnWidth(last) <= 360, "seen in a narrow window"
    table.show_rows(rows[:1])
    assert table.order() == [0] and table.rowCount() == 1


def test_points_are_found_where_they_are_drawn(area):
    from chimerax.adp3d.panel.scatter import Dot, Scatter
    from Qt.QtCore import QEvent, QPointF, Qt
    from Qt.QtGui import QMouseEvent

    chosen = []
    plot = Scatter(lambda number, beside: chosen.append((number, beside)), area)
    plot.resize(300, 200)
    assert plot.item_at(QPointF(10, 10)) is None
    plot.grab()  # paints nothing but a sentence
    plot.show_dots([Dot(1.0, 5.0, 0, "a"), Dot(2.0, -20.0, 0, "b"), Dot(float("nan"), 0.0, 1, "c")], "x", "y")
    places = plot.positions()
    frame = plot._frame()
    assert all(frame.adjusted(5, 5, -5, -5).contains(place) for place in places[:2]), "no point lies on the frame"
    assert places[0].x() < places[1].x() and places[0].y() < places[1].y(), "higher is further up"
    assert plot.item_at(places[1] + QPointF(3, -3)) == 1 and plot.item_at(places[1] + QPointF(9, 9)) is None
    none = Qt.KeyboardModifier.NoModifier
    for keys in (none, Qt.KeyboardModifier.ControlModifier):
        left = Qt.MouseButton.LeftButton
        plot.mousePressEvent(QMouseEvent(QEvent.Type.MouseButtonPress, places[0], places[0], left, left, keys))
    assert chosen == [(0, False), (0, True)]
    plain = plot.grab().toImage()
    plot.mark([0])
    ringed = plot.grab().toImage()
    assert plain != ringed
    x, y = round(places[1].x()), round(places[1].y())
    assert plain.pixelColor(x, y) == ringed.pixelColor(x, y), "the other point is as it was"
    assert plain.pixelColor(x, y).name() == "#0072b2"


def test_the_tool_shows_the_latest_scores_and_selects_their_models(session, application, rows, monkeypatch):
    real = importlib.util.find_spec("chimerax.ui.statusbar") is not None
    if real and not session.ui.is_gui:
        pytest.skip("windows of tools need ChimeraX with its main window")
    from chimerax.adp3d.handover.scoreboard import SCORED, scoreboard
    from chimerax.adp3d.panel.score_tool import ScoresTool
    from chimerax.core import commands

    given = []
    monkeypatch.setattr(commands, "run", lambda session, text, **kw: given.append(text))
    board = scoreboard(session)
    tool = ScoresTool(session, "ADP-3D Scores")
    assert tool.table.rowCount() == 0
    board.rows, board.title = tuple(rows), "Energy (nats)"
    board.triggers.activate_trigger(SCORED, board)
    assert tool.table.rowCount() == 3
    tool._chosen_in_plot(1, False)
    tool._chosen_in_plot(2, True)
    rows[1].model.deleted = True
    tool._chosen_in_plot(1, False)
    assert given == ["select #2", "select #2,3"], "what is closed is not selected"
    tool.delete()
    board.rows = ()
    board.triggers.activate_trigger(SCORED, board)
    assert tool.table.rowCount() == 3, "a closed window is not filled"
