"""Table of the jobs, newest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from Qt.QtCore import QSize, Qt
from Qt.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableWidget, QTableWidgetItem, QWidget

from .rows import COLUMNS, JobRow

__all__ = ["JobTable"]

_MOST_ROWS_SHOWN = 5


class JobTable(QTableWidget):
    """One line for each job; the selected one is what the buttons act on.

    Parameters
    ----------
    chosen : callable
        Called when the user selects another job.
    """

    def __init__(self, chosen: Callable[..., None], parent: QWidget) -> None:
        super().__init__(0, len(COLUMNS), parent)
        self._rows: list[JobRow] = []
        self.setHorizontalHeaderLabels(list(COLUMNS))
        self.verticalHeader().hide()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(30)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.setAccessibleName("Jobs")
        self.updateGeometry()
        self.itemSelectionChanged.connect(chosen)

    def show_rows(self, rows: Sequence[JobRow]) -> None:
        """Show the jobs; only cells that changed are touched. A job that is new becomes the selected one."""
        rows = list(reversed(rows))
        if rows == self._rows:
            return
        selected = self.selected_job
        known = {row.job_id for row in self._rows}
        fresh = [row.job_id for row in rows if row.job_id not in known]
        self._rows = rows
        self.blockSignals(True)
        self.setRowCount(len(rows))
        for i, row in enumerate(rows):
            for j, text in enumerate(row.cells):
                self._set_cell(i, j, text, row.tip)
        self.blockSignals(False)
        self.updateGeometry()
        self.select_job(fresh[0] if fresh else selected)

    @property
    def selected_job(self) -> int | None:
        """Number of the selected job; the newest if none is selected, None if there are none."""
        row = self.selected_row
        return None if row is None else row.job_id

    @property
    def selected_row(self) -> JobRow | None:
        """Row of the selected job."""
        if not self._rows:
            return None
        index = self.currentRow()
        return self._rows[index] if 0 <= index < len(self._rows) else self._rows[0]

    def select_job(self, job_id: int | None) -> None:
        """Select a job; the newest if there is none of that number."""
        numbers = [row.job_id for row in self._rows]
        if numbers:
            self.selectRow(numbers.index(job_id) if job_id in numbers else 0)

    def _set_cell(self, i: int, j: int, text: str, tip: str) -> None:
        item = self.item(i, j)
        if item is None:
            item = QTableWidgetItem()
            self.setItem(i, j, item)
        if item.text() != text:
            item.setText(text)
        if item.toolTip() != tip:
            item.setToolTip(tip)

    def sizeHint(self) -> QSize:
        """Room for a few jobs."""
        return QSize(super().sizeHint().width(), self._height(min(max(len(self._rows), 2), _MOST_ROWS_SHOWN)))

    def minimumSizeHint(self) -> QSize:
        """Room for one job; others are scrolled to."""
        return QSize(super().minimumSizeHint().width(), self._height(1))

    def _height(self, lines: int) -> int:
        head = int(self.horizontalHeader().sizeHint().height())
        return lines * int(self.verticalHeader().defaultSectionSize()) + head + 2 * int(self.frameWidth())
