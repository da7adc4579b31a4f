"""What the panel tells the user: one sentence or a report, always in sight, until it is closed."""

from __future__ import annotations

from Qt.QtCore import Qt
from Qt.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from .fitting import FittingScrollArea

__all__ = ["MessageBar", "wrapped_label"]

_LEAST_LINES, _MOST_LINES = 3, 9


class MessageBar(QWidget):
    """Text with a button that closes it; hidden while there is none. Long reports scroll."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._label = wrapped_label(self)
        self._label.setAlignment(Qt.AlignmentFlag.AlignTop)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        policy.setHeightForWidth(True)  # else it would be as high as in a narrower place
        self._label.setSizePolicy(policy)
        line = self.fontMetrics().lineSpacing()
        self._scroll = FittingScrollArea(self._label, self, _LEAST_LINES * line, _MOST_LINES * line, greedy=True)
        close = QToolButton(self)
        close.setText("\u00d7")
        close.setAutoRaise(True)
        close.setToolTip("Close this message")
        close.clicked.connect(lambda *_: self.show_text(""))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._scroll, 1)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.hide()

    def text(self) -> str:
        """What is shown."""
        return str(self._label.text())

    def show_text(self, text: str) -> None:
        """Show another text, from its beginning; the empty one hides the bar."""
        self._label.setText(text)
        self._scroll.verticalScrollBar().setValue(0)
        self.setVisible(bool(text))


def wrapped_label(parent: QWidget) -> QLabel:
    """Label that breaks its text into lines, and lets it be selected."""
    label = QLabel(parent)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label
