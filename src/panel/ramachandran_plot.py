"""Ramachandran plot, painted with Qt alone: contours of one kind of residue, and a point for each residue."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
from numpy.typing import NDArray
from Qt.QtCore import QEvent, QPointF, QRectF, Qt
from Qt.QtGui import QColor, QImage, QPainter, QPalette, QPen, QPolygonF
from Qt.QtWidgets import QWidget

from ..engine.contract.ramachandran import ALLOWED, FAVOURED, KINDS, OUTLIER, classify, load_contours
from ..handover.torsions import Torsions
from .chart import Chart

__all__ = ["RamachandranPlot"]

_COLOURS = {OUTLIER: "#d55e00", ALLOWED: "#e69f00"}
"""Of Okabe and Ito; favoured residues have the colour of faint text."""
_CLASSES = {OUTLIER: "outlier", ALLOWED: "allowed", FAVOURED: "favoured"}
_GROUND = "#0072b2"
_OPACITY = {ALLOWED: 40, FAVOURED: 95}
"""Of 255, of the regions over the ground."""
_RADII = {OUTLIER: 3.5, ALLOWED: 3.0, FAVOURED: 1.8}
_REACH = 8.0
"""Pixels from a point within which a click means it."""


class RamachandranPlot(Chart):
    """Points of N residues over the regions that 98 % and 99.8 % of residues in crystal structures lie in.

    Parameters
    ----------
    chosen : callable
        Called with the row of the residue that is clicked.
    parent : QWidget
    """

    WANTED, LEAST = (320, 15), (160, 14)

    def __init__(self, chosen: Callable[[int], None], parent: QWidget | None = None) -> None:
        super().__init__("Ramachandran plot", parent)
        self._chosen = chosen
        self._torsions = Torsions(np.zeros(0), np.zeros(0), np.zeros(0, np.int64))
        self._classes: NDArray[np.int8] = np.zeros(0, np.int8)
        self._names: Sequence[str] = ()
        self._marked: frozenset[int] = frozenset()
        self._kind = 0
        self._ground: tuple[int, QImage] | None = None

    def show_torsions(self, torsions: Torsions, names: Sequence[str]) -> None:
        """Show residues; those without torsions have no point.

        Parameters
        ----------
        torsions : Torsions
        names : sequence of str
            Of the residues, such as ``A 39``.
        """
        self._torsions, self._names = torsions, names
        self._classes = classify(torsions.phi, torsions.psi, torsions.kinds)
        self._marked, self._kind = frozenset(), 0
        self.update()

    def mark(self, rows: Collection[int]) -> None:
        """Ring the points of residues; the regions are those of the first one's kind."""
        known = [row for row in rows if row < len(self._classes)]
        self._marked = frozenset(known)
        self._kind = int(self._torsions.kinds[min(known)]) if known else 0
        self.update()

    def counts(self) -> dict[str, int]:
        """How many residues are favoured, allowed and outliers."""
        return {name: int((self._classes == label).sum()) for label, name in _CLASSES.items()}

    def caption(self, width: float) -> str:
        """How many residues are what, and which regions are shown, as long as there is room for it.

        Parameters
        ----------
        width : float
            Pixels.
        """
        if not len(self._classes):
            return "No residues to be shown"
        counted, regions = self.counts(), KINDS[self._kind]
        outliers = f"{counted['outlier']} outlier{'' if counted['outlier'] == 1 else 's'}"
        counts = f"{outliers}, {counted['allowed']} allowed, {counted['favoured']} favoured"
        wordings = (f"{counts}; regions: {regions}", f"{counts}; {regions}", f"{outliers}; {regions}", outliers)
        fitting = (one for one in wordings if self.fontMetrics().horizontalAdvance(one) <= width)
        return next(fitting, outliers)

    def place(self, row: int) -> QPointF:
        """Where the point of a residue is in the widget; not a number for those without."""
        x, y = self._places()
        return QPointF(float(x[row]), float(y[row]))

    def _places(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of all points."""
        frame = self._frame()
        x = frame.left() + (self._torsions.phi + 180.0) / 360.0 * frame.width()
        y = frame.bottom() - (self._torsions.psi + 180.0) / 360.0 * frame.height()
        return x, y

    def item_at(self, place: QPointF) -> int | None:
        """Residue whose point is at a place; None if there is none."""
        if not len(self._classes):
            return None
        x, y = self._places()
        away = np.nan_to_num(np.hypot(x - place.x(), y - place.y()), nan=np.inf)
        row = int(away.argmin())
        return row if away[row] <= _REACH else None

    def choose(self, number: int, several: bool) -> None:
        """Show the residue that is clicked."""
        self._chosen(number)

    def tip(self, number: int) -> str:
        """A residue in words."""
        row = number
        phi, psi = self._torsions.phi[row], self._torsions.psi[row]
        kind, label = KINDS[self._torsions.kinds[row]], _CLASSES.get(int(self._classes[row]), "")
        return f"{self._names[row]}: {label}, \u03c6 {phi:.0f}\u00b0, \u03c8 {psi:.0f}\u00b0 ({kind})"

    def changeEvent(self, event: QEvent) -> None:
        """Paint anew in other colours."""
        self._ground = None
        super().changeEvent(event)

    def _frame(self) -> QRectF:
        """A square: both angles have one scale."""
        height = self.fontMetrics().height()
        wide = self.fontMetrics().horizontalAdvance("-180") + 6
        inner = QRectF(self.rect()).adjusted(wide, 1.5 * height + 4, -6, -height - 4)  # the caption, and half a label
        side = max(10.0, min(inner.width(), inner.height()))
        return QRectF(inner.left() + (inner.width() - side) / 2, inner.top() + (inner.height() - side) / 2, side, side)

    def paint(self, painter: QPainter) -> None:
        """Paint regions, axes and points."""
        palette = self.palette()
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.Base))
        ink = palette.color(QPalette.ColorRole.Text)
        faint = self.faint()
        frame, height = self._frame(), self.fontMetrics().height()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
        painter.drawImage(frame, self._regions())
        painter.setPen(QPen(faint, 1))
        painter.drawRect(frame)
        below = QRectF(frame.left(), frame.bottom() + 1, frame.width(), height)
        for text, side in (
            ("-180", Qt.AlignmentFlag.AlignLeft),
            ("\u03c6", Qt.AlignmentFlag.AlignHCenter),
            ("180", Qt.AlignmentFlag.AlignRight),
        ):
            painter.drawText(below, int(side.value), text)
        beside = QRectF(frame.left() - 6 * height, 0, 6 * height - 4, height)
        for text, middle in (("180", frame.top()), ("\u03c8", frame.center().y()), ("-180", frame.bottom())):
            beside.moveTop(middle - height / 2)
            painter.drawText(beside, int(Qt.AlignmentFlag.AlignRight.value), text)
        caption = self.caption(self.width() - 8)
        painter.drawText(QRectF(self.rect()).adjusted(4, 1, -4, 0), int(Qt.AlignmentFlag.AlignHCenter.value), caption)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        x, y = self._places()
        points = [QPointF(*place) for place in zip(x.tolist(), y.tolist(), strict=True)]
        for label in (FAVOURED, ALLOWED, OUTLIER):
            colour = QColor(_COLOURS[label]) if label in _COLOURS else faint
            # A round pen draws a disc at each point, all of them in one call.
            pen = QPen(colour, 2 * _RADII[label], Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawPoints(QPolygonF([points[row] for row in np.flatnonzero(self._classes == label).tolist()]))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(ink, 2))
        for row in sorted(self._marked):
            if self._classes[row] in _CLASSES:
                painter.drawEllipse(points[row], 6.0, 6.0)

    def _regions(self) -> QImage:
        """Regions of a kind of residue, one pixel for each point of the table; kept until they change."""
        if self._ground is None or self._ground[0] != self._kind:
            contours = load_contours()
            table = contours.log_density[self._kind].T[::-1]  # psi upwards
            alpha = np.where(table >= contours.allowed[self._kind], _OPACITY[ALLOWED], 0)
            alpha = np.where(table >= contours.favoured[self._kind], _OPACITY[FAVOURED], alpha)
            colour = QColor(_GROUND)
            rgba = np.zeros((*table.shape, 4), np.uint8)
            rgba[..., 0], rgba[..., 1], rgba[..., 2] = colour.red(), colour.green(), colour.blue()
            rgba[..., 3] = alpha
            image = QImage(rgba.tobytes(), table.shape[1], table.shape[0], QImage.Format.Format_RGBA8888).copy()
            self._ground = (self._kind, image)
        return self._ground[1]
