"""Light plot of two figures against the step: one polyline each, painted with Qt alone.

matplotlib would take tens of milliseconds for each update, on the thread that also draws the models;
painting a few hundred points takes less than one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from Qt.QtCore import QPointF, QRectF, Qt
from Qt.QtGui import QColor, QPainter, QPalette, QPen, QPolygonF
from Qt.QtWidgets import QWidget

from .chart import Chart

__all__ = ["Curve", "Plot", "thinned", "tidy_range"]

_LIGHT, _DARK = ("#0072b2", "#d55e00"), ("#56b4e9", "#e69f00")
_MAX_POINTS = 400


@dataclass(frozen=True, eq=False)
class Curve:
    """One figure of a job.

    Parameters
    ----------
    label : str
        Its name, with the unit.
    steps, values : ndarray, shape (n,)
        Where and what; NaN leaves a gap.
    """

    label: str
    steps: NDArray[np.float64]
    values: NDArray[np.float64]


def thinned(curve: Curve, most: int = _MAX_POINTS) -> Curve:
    """At most ``most`` points of a curve, evenly chosen; the last one always stays."""
    n = len(curve.steps)
    if n <= most:
        return curve
    chosen = np.unique(np.linspace(0, n - 1, most).round().astype(int))
    return Curve(curve.label, curve.steps[chosen], curve.values[chosen])


def tidy_range(values: NDArray[np.float64]) -> tuple[float, float]:
    """Bounds of an axis: a little more than the finite values need, rounded to a tenth of their span."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    span = high - low or abs(high) or 1.0
    unit = 10.0 ** (math.floor(math.log10(span)) - 1)
    low, high = math.floor(low / unit) * unit, math.ceil(high / unit) * unit
    return (low, high) if high > low else (low - span / 2, high + span / 2)


class Plot(Chart):
    """Up to two curves, the first with its axis on the left, the second on the right.

    Parameters
    ----------
    parent : QWidget
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Fit and temperature of the job", parent)
        self._curves: tuple[Curve, ...] = ()
        self._last_step = 1.0
        self._message = ""

    def show_curves(self, curves: Sequence[Curve], last_step: float, message: str = "") -> None:
        """Show other data; painting follows with the next refresh of the window.

        Parameters
        ----------
        curves : sequence of Curve
            The first two are shown.
        last_step : float
            Right end of the plot unless a curve reaches further.
        message : str
            Shown in place of the curves if there are none.
        """
        self._curves = tuple(thinned(c) for c in curves[:2])
        ends = [float(c.steps[-1]) for c in self._curves if len(c.steps)]
        self._last_step = max([1.0, last_step, *ends])
        self._message = message
        self.update()

    def paint(self, painter: QPainter) -> None:
        """Paint axes, labels and curves."""
        palette = self.palette()
        faint = self.faint()
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.Base))
        height = self.fontMetrics().height()
        if not any(len(c.steps) for c in self._curves):
            painter.setPen(faint)
            area = QRectF(self.rect()).adjusted(6, 2, -6, -2)
            painter.drawText(area, _flags(Qt.AlignmentFlag.AlignCenter, Qt.TextFlag.TextWordWrap), self._message)
            return
        wide = self.fontMetrics().horizontalAdvance("00.00") + 6
        frame = QRectF(self.rect()).adjusted(wide, 1.25 * height + 6, -wide, -height - 4)
        painter.setPen(QPen(faint, 1))
        painter.drawRect(frame)
        below = QRectF(frame.left(), frame.bottom() + 1, frame.width(), height + 2)
        painter.setPen(faint)
        painter.drawText(below, _flags(Qt.AlignmentFlag.AlignLeft), "0")
        painter.drawText(below, _flags(Qt.AlignmentFlag.AlignHCenter), "step")
        painter.drawText(below, _flags(Qt.AlignmentFlag.AlignRight), f"{self._last_step:.0f}")
        colours = _DARK if palette.color(QPalette.ColorRole.Base).lightness() < 128 else _LIGHT
        sides = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight)
        for curve, colour, side in zip(self._curves, map(QColor, colours), sides, strict=False):
            self._paint_curve(painter, frame, curve, colour, side)

    def _paint_curve(
        self, painter: QPainter, frame: QRectF, curve: Curve, colour: QColor, side: Qt.AlignmentFlag
    ) -> None:
        height = self.fontMetrics().height()
        low, high = tidy_range(curve.values)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(colour)
        finite = curve.values[np.isfinite(curve.values)]
        now = f" {finite[-1]:.3g}" if len(finite) else ""
        heading = QRectF(self.rect()).adjusted(4, 2, -4, 0)
        painter.drawText(heading, _flags(side, Qt.AlignmentFlag.AlignTop), curve.label + now)
        left = side == Qt.AlignmentFlag.AlignLeft
        margin = QRectF(2 if left else frame.right() + 3, 0, frame.left() - 5, height)
        inner = Qt.AlignmentFlag.AlignRight if left else Qt.AlignmentFlag.AlignLeft
        for value, top in ((high, frame.top() - height / 3), (low, frame.bottom() - 2 * height / 3)):
            margin.moveTop(top)
            painter.drawText(margin, _flags(inner), f"{value:.3g}")
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(colour, 1.6))
        x = frame.left() + curve.steps / self._last_step * frame.width()
        y = frame.bottom() - (curve.values - low) / (high - low) * frame.height()
        for piece in _pieces(x, y):
            if len(piece) == 1:
                painter.drawEllipse(piece[0], 1.5, 1.5)
            else:
                painter.drawPolyline(QPolygonF(piece))


def _flags(*flags: Qt.AlignmentFlag | Qt.TextFlag) -> int:
    """Flags of different enumerations as the number that Qt takes; not every binding lets them be joined."""
    number = 0
    for flag in flags:
        number |= int(flag.value)
    return number


def _pieces(x: NDArray[np.float64], y: NDArray[np.float64]) -> list[list[QPointF]]:
    """Runs of points without gaps."""
    pieces: list[list[QPointF]] = [[]]
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        if math.isfinite(a) and math.isfinite(b):
            pieces[-1].append(QPointF(a, b))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]
