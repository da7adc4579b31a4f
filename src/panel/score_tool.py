"""The tool ADP-3D Scores: table and plot of the latest scores; what is chosen in either is selected in the scene."""

from __future__ import annotations

from typing import Any

from chimerax.core.tools import ToolInstance
from chimerax.ui import MainToolWindow
from Qt.QtCore import Qt
from Qt.QtWidgets import QSplitter, QVBoxLayout, QWidget

from ..handover.scoreboard import SCORED, Scoreboard, ScoreRow, scoreboard
from .guard import guard
from .scatter import Dot, Scatter
from .score_table import ScoreTable

__all__ = ["ScoresTool"]


class ScoresTool(ToolInstance):
    """Window with the scores.

    Parameters
    ----------
    session : Session
    tool_name : str
        Name of the tool in the description of the bundle.
    """

    SESSION_ENDURING = False
    SESSION_SAVE = False
    help = "help:user/commands/adp3d.html#score"

    def __init__(self, session: Any, tool_name: str) -> None:
        super().__init__(session, tool_name)
        self.display_name = tool_name
        self.tool_window = MainToolWindow(self)
        area: QWidget = self.tool_window.ui_area
        self.table = ScoreTable(self._chosen_in_table, area)
        self.plot = Scatter(self._chosen_in_plot, area)
        both = QSplitter(Qt.Orientation.Vertical, area)
        both.addWidget(self.plot)
        both.addWidget(self.table)
        layout = QVBoxLayout(area)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(both)
        area.setLayout(layout)
        self._rows: tuple[ScoreRow, ...] = ()
        board = scoreboard(session)
        self._handler = board.triggers.add_handler(SCORED, guard(session, lambda _: None, self.refresh))
        self.refresh()
        self.tool_window.manage(placement="side")

    def refresh(self) -> None:
        """Show the latest scores."""
        board = scoreboard(self.session)
        self._rows = board.rows
        self.plot.show_dots(*_dots(board))
        self.table.show_rows(board.rows)

    def delete(self) -> None:
        """Close the window; the scores stay."""
        self._handler.remove()
        super().delete()

    def _chosen_in_plot(self, number: int, beside: bool) -> None:
        self.table.select([number], beside)

    def _chosen_in_table(self, numbers: list[int]) -> None:
        from chimerax.core.commands import run

        self.plot.mark(numbers)
        specifiers = [self._rows[number].specifier[1:] for number in numbers if self._rows[number].specifier]
        if specifiers:
            run(self.session, f"select #{','.join(specifiers)}")


def _dots(board: Scoreboard) -> tuple[list[Dot], str, str]:
    """Points of the plot, against the RMSD where there is one, else in the order of the models; names of the axes."""
    rows = board.rows
    against = any(row.ca_rmsd is not None for row in rows)
    # a model of another molecule than the reference has no place in the plot of RMSDs but keeps its number
    places = [
        (float("nan") if row.ca_rmsd is None else row.ca_rmsd) if against else float(number)
        for number, row in enumerate(rows, 1)
    ]
    dots = [
        Dot(place, row.energy, row.group - 1, f"{row.specifier} {row.name}: {row.energy:.1f} nats".strip())
        for place, row in zip(places, rows, strict=True)
    ]
    return dots, "CA RMSD to the reference (\u00c5)" if against else "model, in the order given", board.title
