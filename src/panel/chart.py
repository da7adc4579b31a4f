"""What the painted plots of the panels have in common: their size, what a click and a resting mouse mean, painting."""

from __future__ import annotations

from typing import ClassVar

from Qt.QtCore import QEvent, QPointF, QSize, Qt
from Qt.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPalette
from Qt.QtWidgets import QSizePolicy, QToolTip, QWidget

__all__ = ["Chart"]

_FAINT = 165
"""Opacity, of 255, of what is not data: text in it must be readable on light and dark grounds."""


class Chart(QWidget):
    """A plot painted with Qt alone, in the colours of the window, so that it is readable in dark and light schemes.

    Attributes
    ----------
    WANTED, LEAST : (int, int)
        Width in pixels and height in lines of text: what it would like to have, and below which nothing can be read.

    Parameters
    ----------
    name : str
        For those who do not see it.
    parent : QWidget
    """

    WANTED: ClassVar[tuple[int, int]] = (320, 6)
    LEAST: ClassVar[tuple[int, int]] = (160, 4)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.setAccessibleName(name)

    def sizeHint(self) -> QSize:
        """Size that the plot would like to have."""
        return self._size(self.WANTED)

    def minimumSizeHint(self) -> QSize:
        """Size below which nothing can be read."""
        return self._size(self.LEAST)

    def _size(self, size: tuple[int, int]) -> QSize:
        return QSize(size[0], size[1] * self.fontMetrics().height())

    def item_at(self, place: QPointF) -> int | None:
        """Number of what is drawn at a place; None if it is nothing that can be chosen."""
        return None

    def tip(self, number: int) -> str:
        """What is said of it when the mouse rests on it."""
        return ""

    def choose(self, number: int, several: bool) -> None:
        """Do what a click on it means; ``several`` with Ctrl or Shift held."""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose what is clicked."""
        number = self.item_at(event.position())
        if number is not None and event.button() == Qt.MouseButton.LeftButton:
            several = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
            self.choose(number, bool(several))

    def event(self, event: QEvent) -> bool:
        """Say what the mouse rests on."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            number = self.item_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), "" if number is None else self.tip(number), self)
            return True
        return bool(super().event(event))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint everything."""
        painter = QPainter(self)
        try:
            self.paint(painter)
        finally:
            painter.end()

    def paint(self, painter: QPainter) -> None:
        """Paint everything with a painter of this widget's size."""
        raise NotImplementedError

    def faint(self) -> QColor:
        """Colour of axes and labels."""
        colour = QColor(self.palette().color(QPalette.ColorRole.Text))
        colour.setAlpha(_FAINT)
        return colour
