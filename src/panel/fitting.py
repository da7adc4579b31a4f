"""Scroll area that takes the height of its content, but can do with much less."""

from __future__ import annotations

from Qt.QtCore import QEvent, QObject, QSize, Qt
from Qt.QtWidgets import QFrame, QScrollArea, QSizePolicy, QWidget

__all__ = ["FittingScrollArea"]

_UNBOUNDED = 16_777_215
"""Qt's own bound of sizes, in pixels."""


class FittingScrollArea(QScrollArea):
    """Vertical scroll area for panels that share a column with others.

    Parameters
    ----------
    content : QWidget
    least, most : int
        Pixels of height: what it needs, and what it never exceeds; it never takes more than its content has.
    greedy : bool
        Whether it asks for the most; otherwise it asks for the least, and takes what is left by others.
    """

    def __init__(
        self, content: QWidget, parent: QWidget, least: int, most: int = _UNBOUNDED, *, greedy: bool = False
    ) -> None:
        super().__init__(parent)
        self._least, self._most, self._greedy = least, most, greedy
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setWidget(content)
        content.installEventFilter(self)
        self._fit()

    def sizeHint(self) -> QSize:
        """Width of the content, and the height to ask for."""
        wanted = self._most if self._greedy else self._least
        return QSize(super().sizeHint().width(), min(wanted, self._content_height()))

    def minimumSizeHint(self) -> QSize:
        """The least height; the width may become that of a narrow panel."""
        return QSize(super().minimumSizeHint().width(), min(self._least, self._content_height()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the content when it is laid out anew."""
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Resize, QEvent.Type.Show):
            self._fit()
        return bool(super().eventFilter(watched, event))

    def _fit(self) -> None:
        height = min(self._most, self._content_height())
        if height != self.maximumHeight():
            self.setMaximumHeight(height)
            self.updateGeometry()

    def _content_height(self) -> int:
        content = self.widget()
        if content is None:
            return self._least
        if content.hasHeightForWidth():
            return max(0, int(content.heightForWidth(max(1, self.viewport().width()))))
        return int(content.sizeHint().height())
