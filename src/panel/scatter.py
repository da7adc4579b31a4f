"""Scatter plot whose points can be chosen, painted with Qt alone as the plot of a job is."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from Qt.QtCore import QPointF, QRectF, Qt
from Qt.QtGui import QColor, QPainter, QPalette, QPen
from Qt.QtWidgets import QWidget

from .chart import Chart
from .plot import tidy_range

__all__ = ["Dot", "Scatter"]

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Of groups, for all kinds of colour vision (Okabe and Ito); readable on light and dark grounds."""
_RADIUS = 4.0
_REACH = 10.0
"""Pixels from the middle of a point within which a click means it."""


@dataclass(frozen=True)
class Dot:
    """A point.

    Parameters
    ----------
    x, y : float
        A point whose x is not known, NaN, is not drawn.
    group : int
        Points of one group have one colour.
    tip : str
        What is said when the mouse rests on it.
    """

    x: float
    y: float
    group: int
    tip: str


class Scatter(Chart):
    """Points with two axes.

    Parameters
    ----------
    chosen : callable
        Called with the number of a point that is clicked, and whether it is chosen beside others.
    parent : QWidget
    """

    WANTED, LEAST = (360, 16), (200, 8)

    def __init__(self, chosen: Callable[[int, bool], None], parent: QWidget | None = None) -> None:
        super().__init__("Energies of models", parent)
        self._chosen = chosen
        self._dots: tuple[Dot, ...] = ()
        self._marked: frozenset[int] = frozenset()
        self._labels = ("", "")

    def show_dots(self, dots: Sequence[Dot], x_label: str, y_label: str) -> None:
        """Show other points."""
        self._dots = tuple(dots)
        self._marked = frozenset()
        self._labels = (x_label, y_label)
        self.update()

    def mark(self, numbers: Collection[int]) -> None:
        """Ring points."""
        self._marked = frozenset(numbers)
        self.update()

    def positions(self) -> list[QPointF]:
        """Where the points are in the widget."""
        if not self._dots:
            return []
        frame = self._axes()
        (left, right), (low, high) = self._ranges()
        return [
            QPointF(
                frame.left() + (dot.x - left) / (right - left) * frame.width(),
                frame.bottom() - (dot.y - low) / (high - low) * frame.height(),
            )
            for dot in self._dots
        ]

    def item_at(self, place: QPointF) -> int | None:
        """Number of the point at a place; None if there is none."""
        away = {
            number: (place - at).manhattanLength()
            for number, (dot, at) in enumerate(zip(self._dots, self.positions(), strict=True))
            if math.isfinite(dot.x)
        }
        found = min(away, key=away.__getitem__, default=None)
        return found if found is not None and away[found] <= _REACH else None

    def choose(self, number: int, several: bool) -> None:
        """Choose the point that is clicked, alone or beside others."""
        self._chosen(number, several)

    def tip(self, number: int) -> str:
        """What the point is."""
        return self._dots[number].tip

    def _ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        return (
            tidy_range(np.array([dot.x for dot in self._dots])),
            tidy_range(np.array([dot.y for dot in self._dots])),
        )

    def _frame(self) -> QRectF:
        height = self.fontMetrics().height()
        wide = self.fontMetrics().horizontalAdvance("-000000") + 6
        return QRectF(self.rect()).adjusted(wide, 1.5 * height + 4, -2 * _RADIUS - 4, -2 * height - 6)

    def _axes(self) -> QRectF:
        """Between the ends of the axes: no point lies on the frame."""
        inside = 2 * _RADIUS
        return self._frame().adjusted(inside, inside, -inside, -inside)

    def paint(self, painter: QPainter) -> None:
        """Paint axes and points."""
        palette = self.palette()
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.Base))
        ink = palette.color(QPalette.ColorRole.Text)
        faint = self.faint()
        if not self._dots:
            painter.setPen(faint)
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter.value), "No scores yet: 'adp3d score #1'")
            return
        frame, height = self._frame(), self.fontMetrics().height()
        painter.setPen(QPen(faint, 1))
        painter.drawRect(frame)
        (left, right), (low, high) = self._ranges()
        axes = self._axes()
        below = QRectF(axes.left(), frame.bottom() + 2, axes.width(), height)
        for text, side in ((f"{left:.4g}", Qt.AlignmentFlag.AlignLeft), (f"{right:.4g}", Qt.AlignmentFlag.AlignRight)):
            painter.drawText(below, int(side.value), text)
        painter.drawText(below.translated(0, height), int(Qt.AlignmentFlag.AlignHCenter.value), self._labels[0])
        beside = QRectF(2, 0, frame.left() - 6, height)
        for value, top in ((high, axes.top() - height / 2), (low, axes.bottom() - height / 2)):
            beside.moveTop(top)
            painter.drawText(beside, int(Qt.AlignmentFlag.AlignRight.value), f"{value:.4g}")
        painter.drawText(QRectF(self.rect()).adjusted(4, 2, -4, 0), 0, self._labels[1])
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for number, (dot, at) in enumerate(zip(self._dots, self.positions(), strict=True)):
            if not math.isfinite(dot.x):
                continue
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(_COLOURS[dot.group % len(_COLOURS)]))
            painter.drawEllipse(at, _RADIUS, _RADIUS)
            if number in self._marked:
                painter.setPen(QPen(ink, 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(at, _RADIUS + 3, _RADIUS + 3)
