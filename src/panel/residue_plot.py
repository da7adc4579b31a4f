"""Plot of a figure along the chains, painted with Qt alone; a click on it means the residue there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from Qt.QtCore import QEvent, QPointF, QRectF, Qt
from Qt.QtGui import (
    QColor,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
)
from Qt.QtWidgets import QWidget

from .chart import Chart
from .plot import tidy_range

__all__ = ["ResiduePlot"]

_LIGHT, _DARK = "#0072b2", "#56b4e9"
_SHADE, _MARKED = 40, 90
"""Opacity, of 255, of what lies over stretches, and once more over the one that is shown."""
_STRETCH = "#e69f00"
_SMOOTH = 300
"""Residues up to which the line is smoothed: of thousands that takes a tenth of a second."""


class ResiduePlot(Chart):
    """One figure of N residues, with stretches shaded.

    Parameters
    ----------
    chosen : callable
        Called with the row of the residue that is clicked.
    parent : QWidget
    """

    def __init__(self, chosen: Callable[[int], None], parent: QWidget | None = None) -> None:
        super().__init__("A figure of each residue", parent)
        self._chosen = chosen
        self._values: NDArray[np.float64] = np.zeros(0)
        self._names: Sequence[str] = ()
        self._breaks: NDArray[np.bool_] = np.zeros(0, bool)
        self._stretches: list[tuple[int, int]] = []
        self._marked = -1
        self._picture: QPixmap | None = None
        self.setMaximumHeight(12 * self.fontMetrics().height())

    def show_values(
        self, values: NDArray[np.float64], names: Sequence[str], stretches: Sequence[tuple[int, int]]
    ) -> None:
        """Show a figure.

        Parameters
        ----------
        values : ndarray, shape (N,)
            NaN leaves a gap.
        names : sequence of str
            Of the residues, such as ``A 39``; the chain comes first.
        stretches : sequence of (int, int)
            First and last row of each stretch, in the order of the list.
        """
        self._values, self._names, self._stretches = values, names, list(stretches)
        chains = [name.split(" ")[0] for name in names]
        self._breaks = np.array([a != b for a, b in pairwise(chains)], bool)
        self._picture = None
        self.update()

    def mark(self, stretch: int) -> None:
        """Shade one of the stretches more than the others; -1 for none."""
        self._marked = stretch
        self.update()

    def row_at(self, x: float) -> int | None:
        """Residue at a place of the widget; None without data or beside it."""
        frame = self._frame()
        if not len(self._values) or not frame.left() - 4 <= x <= frame.right() + 4:
            return None
        part = (x - frame.left()) / max(1.0, frame.width())
        return int(np.clip(part * len(self._values), 0, len(self._values) - 1))

    def item_at(self, place: QPointF) -> int | None:
        """Residue at a place."""
        return self.row_at(place.x())

    def choose(self, number: int, several: bool) -> None:
        """Show the residue that is clicked."""
        self._chosen(number)

    def tip(self, number: int) -> str:
        """A residue and its value."""
        return f"{self._names[number]}: {self._values[number]:.3g}"

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Paint anew in another size."""
        self._picture = None
        super().resizeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Paint anew in other colours or letters."""
        self._picture = None
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the figure, which is kept, and over it the stretch that is shown."""
        if self._picture is None:
            ratio = self.devicePixelRatioF()
            picture = QPixmap(self.size() * ratio)
            picture.setDevicePixelRatio(ratio)
            painter = QPainter(picture)
            try:
                self.paint(painter)
            finally:
                painter.end()
            self._picture = picture
        painter = QPainter(self)
        try:
            painter.drawPixmap(0, 0, self._picture)
            if 0 <= self._marked < len(self._stretches):
                self._shade(painter, self._stretches[self._marked], _MARKED)
        finally:
            painter.end()

    def _shade(self, painter: QPainter, stretch: tuple[int, int], opacity: int) -> None:
        frame, (first, last) = self._frame(), stretch
        step = frame.width() / max(1, len(self._values))
        colour = QColor(_STRETCH)
        colour.setAlpha(opacity)
        painter.fillRect(
            QRectF(frame.left() + first * step, frame.top(), (last - first + 1) * step, frame.height()), colour
        )

    def _frame(self) -> QRectF:
        height = self.fontMetrics().height()
        wide = self.fontMetrics().horizontalAdvance("-00.0") + 6
        return QRectF(self.rect()).adjusted(wide, 4, -4, -height - 4)

    def paint(self, painter: QPainter) -> None:
        """Paint the figure and the stretches."""
        palette = self.palette()
        faint = self.faint()
        base = palette.color(QPalette.ColorRole.Base)
        painter.fillRect(self.rect(), base)
        count = len(self._values)
        frame, height = self._frame(), self.fontMetrics().height()
        if not count:
            return
        step = frame.width() / count
        for stretch in self._stretches:
            self._shade(painter, stretch, _SHADE)
        painter.setPen(QPen(faint, 1))
        painter.drawRect(frame)
        for row in np.flatnonzero(self._breaks).tolist():
            border = frame.left() + (row + 1) * step
            painter.drawLine(QPointF(border, frame.top()), QPointF(border, frame.bottom()))
        low, high = tidy_range(self._values)
        beside = QRectF(2, 0, frame.left() - 5, height)
        for value, top in ((high, frame.top() - height / 4), (low, frame.bottom() - 3 * height / 4)):
            beside.moveTop(top)
            painter.drawText(beside, int(Qt.AlignmentFlag.AlignRight.value), f"{value:.3g}")
        below = QRectF(frame.left(), frame.bottom() + 2, frame.width(), height)
        painter.drawText(below, int(Qt.AlignmentFlag.AlignLeft.value), self._names[0])
        painter.drawText(below, int(Qt.AlignmentFlag.AlignRight.value), self._names[-1])
        smooth = count <= _SMOOTH
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, smooth)
        painter.setPen(QPen(QColor(_DARK if base.lightness() < 128 else _LIGHT), 1.5 if smooth else 1))
        x = frame.left() + (np.arange(count) + 0.5) * step
        y = frame.bottom() - (self._values - low) / (high - low) * frame.height()
        ends = np.flatnonzero(self._breaks | np.isnan(y[1:]) | np.isnan(y[:-1])) + 1
        for rows in np.split(np.arange(count), ends):
            if np.isfinite(y[rows]).all():
                points = [QPointF(a, b) for a, b in zip(x[rows].tolist(), y[rows].tolist(), strict=True)]
                painter.drawPolyline(QPolygonF(points))
                if len(points) == 1:
                    painter.drawPoint(points[0])
