"""Plot of a figure along the chains, painted with Qt alone; a click on it means the residue there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from Qt.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from Qt.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from Qt.QtWidgets import QSizePolicy, QToolTip, QWidget

from .plot import tidy_range

__all__ = ["ResiduePlot"]

_LIGHT, _DARK = "#0072b2", "#56b4e9"
_SHADE, _MARKED = 40, 110
"""Opacity, of 255, of what lies behind stretches, and behind the one that is shown."""
_STRETCH = "#e69f00"
_FAINT = 165


class ResiduePlot(QWidget):
    """One figure of N residues, with stretches shaded.

    Parameters
    ----------
    chosen : callable
        Called with the row of the residue that is clicked.
    parent : QWidget
    """

    def __init__(self, chosen: Callable[[int], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen = chosen
        self._values: NDArray[np.float64] = np.zeros(0)
        self._names: Sequence[str] = ()
        self._breaks: NDArray[np.bool_] = np.zeros(0, bool)
        self._stretches: list[tuple[int, int]] = []
        self._marked = -1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMaximumHeight(12 * self.fontMetrics().height())
        self.setMouseTracking(True)
        self.setAccessibleName("A figure of each residue")

    def sizeHint(self) -> QSize:
        """Size that the plot would like to have."""
        return QSize(320, 6 * self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:
        """Size below which nothing can be read."""
        return QSize(160, 4 * self.fontMetrics().height())

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

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the residue that is clicked."""
        row = self.row_at(event.position().x())
        if row is not None and event.button() == Qt.MouseButton.LeftButton:
            self._chosen(row)

    def event(self, event: QEvent) -> bool:
        """Say which residue the mouse rests on, and its value."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row = self.row_at(event.pos().x())
            text = "" if row is None else f"{self._names[row]}: {self._values[row]:.3g}"
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return bool(super().event(event))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint axes, stretches and the figure."""
        painter = QPainter(self)
        try:
            self._paint(painter)
        finally:
            painter.end()

    def _frame(self) -> QRectF:
        height = self.fontMetrics().height()
        wide = self.fontMetrics().horizontalAdvance("-00.0") + 6
        return QRectF(self.rect()).adjusted(wide, 4, -4, -height - 4)

    def _paint(self, painter: QPainter) -> None:
        palette = self.palette()
        ink = palette.color(QPalette.ColorRole.Text)
        faint = QColor(ink)
        faint.setAlpha(_FAINT)
        base = palette.color(QPalette.ColorRole.Base)
        painter.fillRect(self.rect(), base)
        count = len(self._values)
        frame, height = self._frame(), self.fontMetrics().height()
        if not count:
            return
        step = frame.width() / count
        for number, (first, last) in enumerate(self._stretches):
            shade = QColor(_STRETCH)
            shade.setAlpha(_MARKED if number == self._marked else _SHADE)
            painter.fillRect(
                QRectF(frame.left() + first * step, frame.top(), (last - first + 1) * step, frame.height()), shade
            )
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
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(QColor(_DARK if base.lightness() < 128 else _LIGHT), 1.5))
        x = frame.left() + (np.arange(count) + 0.5) * step
        y = frame.bottom() - (self._values - low) / (high - low) * frame.height()
        ends = np.flatnonzero(self._breaks | np.isnan(y[1:]) | np.isnan(y[:-1])) + 1
        for rows in np.split(np.arange(count), ends):
            if np.isfinite(y[rows]).all():
                points = [QPointF(a, b) for a, b in zip(x[rows].tolist(), y[rows].tolist(), strict=True)]
                painter.drawPolyline(QPolygonF(points))
                if len(points) == 1:
                    painter.drawPoint(points[0])
