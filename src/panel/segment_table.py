"""Table of the stretches of a job, with boxes to tick."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from Qt.QtCore import Qt
from Qt.QtWidgets import QAbstractItemView, QTableWidgetItem, QWidget

from ..engine.contract.segments import COLUMNS, Segment, columns_shown
from .sorted_table import Cell, SortedTable

__all__ = ["SegmentTable"]

_OTHERS = tuple(column for column in COLUMNS if column.name not in ("chain", "residues"))
_ORDER = ("trouble", "kind", "confidence", "length")
"""Columns that come first, so that a narrow window shows them; the rest follows as in the list."""
_SHOWN = tuple(sorted(_OTHERS, key=lambda column: _ORDER.index(column.name) if column.name in _ORDER else len(_ORDER)))
_TROUBLE = 1 + [column.name for column in _SHOWN].index("trouble")


class SegmentTable(SortedTable):
    """One line for each stretch, known by its place in the list, from 0.

    Parameters
    ----------
    chosen : callable
        Called with the stretch that the user has selected, as a list of one.
    ticked : callable
        Called when a box was ticked or cleared.
    parent : QWidget
    """

    def __init__(
        self, chosen: Callable[[list[int]], None], ticked: Callable[..., None], parent: QWidget | None = None
    ) -> None:
        headings = ("Residues", *(column.heading for column in _SHOWN))
        super().__init__(headings, "Stretches", chosen, parent)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        tips = ("Chain and residues; tick those to be accepted", *(column.tip for column in _SHOWN))
        for place, tip in enumerate(tips):
            heading = self.horizontalHeaderItem(place)
            if heading is not None:
                heading.setToolTip(tip)
        self.itemChanged.connect(ticked)

    def show_segments(self, segments: Sequence[Segment]) -> None:
        """Show a list, the most trouble first; columns that say nothing are hidden."""
        names = {column.name for column in columns_shown(segments)}
        for place, column in enumerate(_SHOWN, 1):
            self.setColumnHidden(place, column.name not in names)
        self.show_cells([_cells(segment) for segment in segments], _TROUBLE, descending=True)
        self.blockSignals(True)
        for line, number in enumerate(self.order()):
            item = self._box(line)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Unchecked)
            item.setToolTip(", ".join(segments[number].reasons) or "nothing speaks against it")
        self.blockSignals(False)

    def ticked(self) -> list[int]:
        """Stretches whose boxes are ticked, in rising order."""
        lines = range(self.rowCount())
        found = [self._number(line) for line in lines if self._box(line).checkState() == Qt.CheckState.Checked]
        return sorted(found)

    def tick(self, numbers: Sequence[int]) -> None:
        """Tick the boxes of these stretches, and clear all others."""
        for line, number in enumerate(self.order()):
            self._box(line).setCheckState(Qt.CheckState.Checked if number in numbers else Qt.CheckState.Unchecked)

    def _box(self, line: int) -> QTableWidgetItem:
        item = self.item(line, 0)
        if item is None:
            raise IndexError(f"the table has no line {line}")
        return item


def _cells(segment: Segment) -> list[Cell]:
    """Texts of a line, each with what it is sorted by: residues along the chains, and what is not known last."""
    first = segment.residues[0].rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    cells: list[Cell] = [(segment.name, f"{segment.chain:>8}{int(first) + 100_000:09d}")]
    for column in _SHOWN:
        value = column.value(segment)
        known: float | str = float("-inf") if value is None else value
        cells.append((column.text(segment), known))
    return cells
