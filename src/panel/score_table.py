"""Table of scores that can be sorted by each column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from Qt.QtWidgets import QAbstractItemView, QHeaderView, QWidget

from .sorted_table import Cell, SortedTable

if TYPE_CHECKING:
    from ..handover.scoreboard import ScoreRow

__all__ = ["COLUMNS", "ScoreTable"]

COLUMNS = ("Model", "Energy", "Above lowest", "Std. error", "CA RMSD", "Group", "Name")
"""What is looked for first; a narrow window shows the left ones."""


class ScoreTable(SortedTable):
    """One line for each model.

    Parameters
    ----------
    chosen : callable
        Called with the numbers of the rows that the user has selected, in the order of the scores.
    parent : QWidget
    """

    def __init__(self, chosen: Callable[[list[int]], None], parent: QWidget | None = None) -> None:
        super().__init__(COLUMNS, "Scores", chosen, parent, texts=(0, COLUMNS.index("Name")))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.horizontalHeader().setSectionResizeMode(COLUMNS.index("Name"), QHeaderView.ResizeMode.Stretch)

    def show_rows(self, rows: Sequence[ScoreRow]) -> None:
        """Show scores, the lowest energy first, whatever they were sorted by before."""
        self.setColumnHidden(COLUMNS.index("Group"), len({row.group for row in rows}) < 2)
        self.setColumnHidden(COLUMNS.index("Std. error"), all(row.standard_error is None for row in rows))
        self.setColumnHidden(COLUMNS.index("CA RMSD"), all(row.ca_rmsd is None for row in rows))
        self.show_cells([_cells(row) for row in rows], COLUMNS.index("Energy"))


def _cells(row: ScoreRow) -> list[Cell]:
    """Texts of a line, each with what it is sorted by."""
    model = tuple(f"{int(part):06d}" for part in row.specifier[1:].split(".") if part)
    infinity = float("inf")
    return [
        (row.specifier or "closed", ".".join(model)),
        (f"{row.energy:.1f}", row.energy),
        (f"{row.above_lowest:.1f}", row.above_lowest),
        *(
            ("", infinity) if value is None else (format(value, form), value)
            for value, form in ((row.standard_error, ".1f"), (row.ca_rmsd, ".2f"))
        ),
        (str(row.group), float(row.group)),
        (row.name, row.name),
    ]
