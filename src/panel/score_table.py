"""Table of scores that can be sorted by each column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from Qt.QtCore import QItemSelectionModel, Qt
from Qt.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

if TYPE_CHECKING:
    from ..handover.scoreboard import ScoreRow

__all__ = ["COLUMNS", "ScoreTable"]

COLUMNS = ("Model", "Name", "Group", "Energy", "Above lowest", "Std. error", "CA RMSD")
_NUMBER = int(Qt.ItemDataRole.UserRole.value)
_KEY = _NUMBER + 1


class _Cell(QTableWidgetItem):
    """Text that is sorted by a key."""

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return bool(self.data(_KEY) < other.data(_KEY))


class ScoreTable(QTableWidget):
    """One line for each model.

    Parameters
    ----------
    chosen : callable
        Called with the numbers of the rows that the user has selected, in the order of the scores.
    parent : QWidget
    """

    def __init__(self, chosen: Callable[[list[int]], None], parent: QWidget | None = None) -> None:
        super().__init__(0, len(COLUMNS), parent)
        self._chosen = chosen
        self.setHorizontalHeaderLabels(list(COLUMNS))
        self.verticalHeader().hide()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setWordWrap(False)
        self.setShowGrid(False)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.setAccessibleName("Scores")
        self.itemSelectionChanged.connect(self._selected)

    def show_rows(self, rows: Sequence[ScoreRow]) -> None:
        """Show scores, the lowest energy first, whatever they were sorted by before."""
        self.blockSignals(True)
        self.setSortingEnabled(False)
        self.setRowCount(len(rows))
        for number, row in enumerate(rows):
            for column, (text, key) in enumerate(_cells(row)):
                cell = _Cell(text)
                cell.setData(_KEY, key)
                cell.setData(_NUMBER, number)
                if column > 1:
                    cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(number, column, cell)
        self.setColumnHidden(COLUMNS.index("Group"), len({row.group for row in rows}) < 2)
        self.setColumnHidden(COLUMNS.index("CA RMSD"), all(row.ca_rmsd is None for row in rows))
        self.setSortingEnabled(True)
        self.sortByColumn(COLUMNS.index("Energy"), Qt.SortOrder.AscendingOrder)
        self.clearSelection()
        self.blockSignals(False)

    def order(self) -> list[int]:
        """Numbers of the rows from top to bottom."""
        return [self._number(line) for line in range(self.rowCount())]

    def select(self, numbers: Iterable[int], beside: bool = False) -> None:
        """Select rows, in place of those that are or beside them; `chosen` hears of it as of a click."""
        wanted = set(numbers)
        flags = QItemSelectionModel.SelectionFlag
        model = self.selectionModel()
        self.blockSignals(True)
        if not beside:
            self.clearSelection()
        for line, number in enumerate(self.order()):
            if number in wanted:
                model.select(self.model().index(line, 0), flags.Toggle | flags.Rows)
                self.scrollTo(self.model().index(line, 0))
        self.blockSignals(False)
        self._selected()

    def _selected(self) -> None:
        lines = {index.row() for index in self.selectionModel().selectedRows()}
        self._chosen(sorted(map(self._number, lines)))

    def _number(self, line: int) -> int:
        return int(self.model().index(line, 0).data(_NUMBER))


def _cells(row: ScoreRow) -> list[tuple[str, float | str]]:
    """Texts of a line, each with what it is sorted by."""
    model = tuple(f"{int(part):06d}" for part in row.specifier[1:].split(".") if part)
    infinity = float("inf")
    return [
        (row.specifier or "closed", ".".join(model)),
        (row.name, row.name),
        (str(row.group), float(row.group)),
        (f"{row.energy:.1f}", row.energy),
        (f"{row.above_lowest:.1f}", row.above_lowest),
        *(
            ("", infinity) if value is None else (format(value, form), value)
            for value, form in ((row.standard_error, ".1f"), (row.ca_rmsd, ".2f"))
        ),
    ]
