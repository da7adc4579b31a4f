"""Table whose lines are sorted by any column, each line known by a number that sorting does not change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import accumulate

from Qt.QtCore import QItemSelectionModel, Qt
from Qt.QtGui import QResizeEvent
from Qt.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

__all__ = ["Cell", "SortedTable"]

_NUMBER = int(Qt.ItemDataRole.UserRole.value)
_KEY = _NUMBER + 1

Cell = tuple[str, float | str]
"""Text, and what it is sorted by."""


class _Item(QTableWidgetItem):
    """Text that is sorted by a key."""

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return bool(self.data(_KEY) < other.data(_KEY))


class SortedTable(QTableWidget):
    """Table that can be sorted.

    Parameters
    ----------
    headings : sequence of str
    name : str
        For readers of the screen.
    chosen : callable
        Called with the numbers of the lines that the user has selected, in rising order.
    parent : QWidget
    texts : collection of int
        Columns that hold text; all others are aligned to the right.
    """

    def __init__(
        self,
        headings: Sequence[str],
        name: str,
        chosen: Callable[[list[int]], None],
        parent: QWidget | None = None,
        texts: Collection[int] = (0,),
    ) -> None:
        super().__init__(0, len(headings), parent)
        self._chosen, self._texts = chosen, texts
        self.setHorizontalHeaderLabels(list(headings))
        self.verticalHeader().hide()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.horizontalHeader().setHighlightSections(False)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.setAccessibleName(name)
        self.itemSelectionChanged.connect(self._selected)

    def show_cells(self, lines: Sequence[Sequence[Cell]], column: int, descending: bool = False) -> None:
        """Show other lines, sorted by a column, whatever they were sorted by before."""
        self.blockSignals(True)
        self.setSortingEnabled(False)
        self.setRowCount(len(lines))
        for number, cells in enumerate(lines):
            for place, (text, key) in enumerate(cells):
                item = _Item(text)
                item.setData(_KEY, key)
                item.setData(_NUMBER, number)
                if place not in self._texts:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(number, place, item)
        self.setSortingEnabled(True)
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        self.sortByColumn(column, order)
        self.clearSelection()
        self.blockSignals(False)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the columns to the new width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Columns as wide as their texts; those that the window shows in full fill it, so that no text is cut."""
        header = self.horizontalHeader()
        shown = [place for place in range(self.columnCount()) if not self.isColumnHidden(place)]
        widths = [max(self.sizeHintForColumn(place), header.sectionSizeHint(place)) for place in shown]
        ends = list(accumulate(widths))
        fitting = sum(end <= self.viewport().width() for end in ends)
        spare = self.viewport().width() - ends[fitting - 1] if fitting else 0
        for i, (place, width) in enumerate(zip(shown, widths, strict=True)):
            share = spare // fitting + (i < spare % fitting) if i < fitting else 0
            self.setColumnWidth(place, width + share)

    def order(self) -> list[int]:
        """Numbers of the lines from top to bottom."""
        return [self._number(line) for line in range(self.rowCount())]

    def select(self, numbers: Iterable[int], beside: bool = False) -> None:
        """Select lines, in place of those that are or beside them; `chosen` hears of it as of a click."""
        self.mark(numbers, beside)
        self._selected()

    def mark(self, numbers: Iterable[int], beside: bool = False) -> None:
        """Select lines as `select` does, without a word to anybody."""
        wanted = set(numbers)
        flags = QItemSelectionModel.SelectionFlag
        model = self.selectionModel()
        self.blockSignals(True)
        if not beside:
            self.clearSelection()
        for line, number in enumerate(self.order()):
            if number in wanted:
                index = self.model().index(line, 0)
                model.select(index, flags.Toggle | flags.Rows)
                model.setCurrentIndex(index, flags.NoUpdate)
                self.scrollTo(index)
        self.blockSignals(False)

    def _selected(self) -> None:
        lines = {index.row() for index in self.selectionModel().selectedRows()}
        self._chosen(sorted(map(self._number, lines)))

    def _number(self, line: int) -> int:
        return int(self.model().index(line, 0).data(_NUMBER))
