"""The tool of stretches: table, plot and buttons, which write commands."""

from __future__ import annotations

import importlib.util
import time

import numpy as np
import pytest

NUMBERS = [str(n) for n in range(1, 41)]


def _segment(first, last, kind="rebuilt", chain="A", **values):
    from chimerax.adp3d.engine.contract.segments import Segment

    return Segment(chain, tuple(str(n) for n in range(first, last + 1)), kind, **{"confidence": 90.0, **values})


@pytest.fixture
def segments():
    from chimerax.adp3d.engine.contract.segments import Alternative

    several = (Alternative(1, 0.7, 1.0, 0.0), Alternative(2, 0.6, 1.2, 0.8))
    return (
        _segment(
            11, 14, trouble=7.0, reasons=("1 chain break", "2 clashes"), fit=0.55, clashes=2, alternatives=several
        ),
        _segment(30, 30, "moved", trouble=2.0, displacement=1.4, clashes=0, reasons=("1 Ramachandran outlier",)),
        _segment(2, 3, "left", chain="B", fit=0.2, clashes=0),
    )


@pytest.fixture
def tool(session, application, make_job, segments, monkeypatch):
    """The tool with one finished job, and the commands that it gives."""
    real = importlib.util.find_spec("chimerax.ui.statusbar") is not None
    if real and not session.ui.is_gui:
        pytest.skip("windows of tools need ChimeraX with its main window")
    from chimerax.adp3d.engine.contract.segments import to_text
    from chimerax.adp3d.jobs.manager import job_manager
    from chimerax.adp3d.panel.segment_tool import SegmentsTool
    from chimerax.core import commands

    job = make_job(state="finished")
    (job.folder / "segments.json").write_text(to_text(segments))
    lines = [
        "chain,number,insertion_code,name,domain,confidence,displacement,displacement_in_domain,fit_before,fit_after"
    ]
    lines += [f"A,{n},,ALA,1,{50 + int(n)},{'' if 11 <= int(n) <= 14 else 0.1},,," for n in NUMBERS]
    lines += [f"B,{n},,ALA,1,80,0.2,,," for n in range(1, 6)]
    (job.folder / "residues.csv").write_text("\n".join(lines))
    job.paths |= {
        name: str(job.folder / file) for name, file in (("segments", "segments.json"), ("residues", "residues.csv"))
    }
    job_manager(session).jobs.append(job)
    given = []
    monkeypatch.setattr(commands, "run", lambda session, text, **kw: given.append(text))
    made = SegmentsTool(session, "ADP-3D Segments")
    made.tool_window.ui_area.resize(360, 600)
    made.given = given
    yield made
    made.delete()
    job_manager(session).jobs.remove(job)


def test_the_table_is_sorted_by_trouble_and_says_what_there_is(area, segments):
    from chimerax.adp3d.panel.segment_table import SegmentTable
    from Qt.QtCore import Qt

    chosen, ticks = [], []
    table = SegmentTable(chosen.append, lambda *_: ticks.append(table.ticked()), area)
    table.show_segments(segments)
    heads = {table.horizontalHeaderItem(i).text(): i for i in range(table.columnCount())}
    assert table.order() == [0, 1, 2]
    assert [table.item(line, 0).text() for line in range(3)] == ["A 11-14", "A 30", "B 2-3"]
    assert table.isColumnHidden(heads["Q"]) and not table.isColumnHidden(heads["CC"])
    assert table.item(0, heads["Clash"]).text() == "2"
    table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    assert table.order() == [2, 1, 0]
    table.sortByColumn(heads["CC"], Qt.SortOrder.AscendingOrder)
    assert table.order() == [1, 2, 0], "what has no fit comes before the worst"
    table.item(0, 0).setCheckState(Qt.CheckState.Checked)
    assert table.ticked() == [1] and ticks[-1] == [1] and chosen == []
    table.select([2])
    assert chosen == [[2]]
    table.show_segments(())
    assert table.rowCount() == 0 and table.ticked() == []


def test_the_plot_knows_the_residue_under_the_mouse(area):
    from chimerax.adp3d.panel.residue_plot import ResiduePlot

    rows = []
    plot = ResiduePlot(rows.append, area)
    plot.resize(340, 100)
    assert plot.row_at(100.0) is None
    plot.grab()
    values = np.linspace(0.0, 1.0, 100)
    values[40:45] = np.nan
    names = [f"A {n}" for n in range(60)] + [f"B {n}" for n in range(40)]
    plot.show_values(values, names, [(40, 44), (99, 99)])
    frame = plot._frame()
    assert plot.row_at(frame.left() + 0.5) == 0 and plot.row_at(frame.right() - 0.5) == 99
    assert plot.row_at(frame.left() + 0.425 * frame.width()) == 42
    assert plot.row_at(frame.left() - 20) is None
    plain = plot.grab().toImage()
    plot.mark(0)
    assert plot.grab().toImage() != plain


def test_clicks_become_commands(tool):
    from chimerax.adp3d.live.segment_walk import segment_walk
    from Qt.QtCore import Qt

    given, walk = tool.given, segment_walk(tool.session)
    assert tool.table.rowCount() == 3 and tool.line.text().startswith("3 stretches: 1 rebuilt")
    assert [tool.figure.itemText(i) for i in range(tool.figure.count())] == ["Confidence", "Displacement (\u00c5)"]
    assert not tool.accept.isEnabled() and not tool.back.isEnabled() and not tool.alternatives.isEnabled()
    tool.table.selectRow(1)
    tool.next.click()
    tool._clicked_in_plot(41)  # B 2
    assert given == ["adp3d segments 1 show 2", "adp3d segments 1 show 1", "adp3d segments 1 show 3"]
    walk._at(1, 1)  # as the command would
    assert tool.line.text() == "A 11-14: 1 chain break, 2 clashes."
    assert tool.alternatives.isEnabled() and tool.back.isEnabled()
    del given[:]
    tool.next.click()
    tool.previous.click()
    assert given == ["adp3d segments 1 show 2", "adp3d segments 1 show 3"], "behind the last comes the first"
    tool.alternatives.click()
    for line in (0, 2):
        tool.table.item(line, 0).setCheckState(Qt.CheckState.Checked)
    tool.accept.click()
    tool.back.click()
    tool.report.click()
    assert given[2:] == [
        "adp3d segments 1 alternatives 1",
        "adp3d accept 1 segments 1,3",
        "adp3d segments restore",
        "adp3d report 1",
    ]
    assert tool.table.ticked() == []


def test_a_list_that_cannot_be_read_is_told(tool):
    from pathlib import Path

    from chimerax.adp3d.jobs.manager import job_manager

    job = job_manager(tool.session).get(1)
    Path(job.paths["segments"]).write_text("{}")
    tool.note.show_text("")
    tool._guarded(tool._show_job)()
    assert "cannot be read" in tool.note.text()
    assert tool.table.rowCount() == 0 and not tool.next.isEnabled()


def test_nothing_is_cut_at_360_pixels(tool, application):
    area = tool.tool_window.ui_area
    application.processEvents()
    assert area.minimumSizeHint().width() <= 360
    for button in (tool.previous, tool.next, tool.alternatives, tool.accept, tool.back, tool.report):
        assert button.width() >= button.fontMetrics().horizontalAdvance(button.text()) + 8, button.text()
        assert button.geometry().right() <= area.width()


def test_a_click_takes_little_time(area):
    """1,000 residues in 100 stretches: what the tool itself does for one click."""
    from chimerax.adp3d.panel.residue_plot import ResiduePlot
    from chimerax.adp3d.panel.segment_table import SegmentTable

    many = [_segment(10 * i + 1, 10 * i + 5, trouble=float(i % 7)) for i in range(100)]
    table = SegmentTable(lambda _: None, lambda *_: None, area)
    plot = ResiduePlot(lambda _: None, area)
    plot.resize(340, 120)
    table.show_segments(many)
    plot.show_values(np.random.default_rng(0).normal(size=1000), [f"A {n}" for n in range(1000)], [(1, 5)] * 100)
    plot.grab()
    took = []
    for number in range(10):
        start = time.process_time()
        table.mark([number])
        plot.mark(number)
        plot.grab()
        took.append(time.process_time() - start)
    print(f"table and plot: {1000 * float(np.median(took)):.1f} ms for each click")
    assert min(took) < 0.02


@pytest.mark.parametrize("width", [300, 344, 700])
def test_no_column_is_cut_where_the_window_ends(area, application, segments, width):
    from chimerax.adp3d.panel.segment_table import SegmentTable

    table = SegmentTable(lambda _: None, lambda *_: None, area)
    table.resize(width, 100)
    table.show()
    table.show_segments(segments)
    application.processEvents()
    shown = [place for place in range(table.columnCount()) if not table.isColumnHidden(place)]
    ends, edge = [], table.viewport().width()
    for place in shown:
        assert table.columnWidth(place) >= table.sizeHintForColumn(place)
        ends.append(table.columnViewportPosition(place) + table.columnWidth(place))
    assert edge in ends or ends[-1] < edge, "a column ends where the window does"
