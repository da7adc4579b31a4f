"""The engine's installation in the panel: offered while there is none, shown and cancelled while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from Qt.QtCore import QTimer
from Qt.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from ..process.installer import current_installer, lacks_engine, when_started
from .message import wrapped_label

__all__ = ["InstallStrip"]

_REFRESH_MILLISECONDS = 300


class InstallStrip(QWidget):
    """Button that installs the engine; while that runs, what it does and a button that cancels it.

    Parameters
    ----------
    session : Session
    execute : callable
        Runs a command.
    report : callable
        Shows a sentence.
    guarded : callable
        Turns a function into a callback that never raises.
    """

    def __init__(
        self,
        session: Any,
        execute: Callable[[str], Any],
        report: Callable[[str], None],
        guarded: Callable[[Callable[[], None]], Callable[..., None]],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._session, self._report = session, report
        self._followed: Any = None
        self.install = QPushButton("Install the engine...", self)
        self.install.setToolTip("The engine computes outside of ChimeraX and is installed once, from the network.")
        self.install.clicked.connect(guarded(lambda: execute("adp3d install")))
        self.line = wrapped_label(self)
        self.progress = QProgressBar(self)
        self.progress.setRange(0, 0)  # pip does not tell how far a download is
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(8)
        self.cancel = QPushButton("Cancel", self)
        self.cancel.setToolTip("End the installation; it can be taken up again")
        self.cancel.clicked.connect(guarded(lambda: execute("adp3d install cancel true")))
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.progress, 1)
        row.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.install)
        layout.addWidget(self.line)
        layout.addLayout(row)
        self._timer = QTimer(self)
        self._timer.setInterval(_REFRESH_MILLISECONDS)
        self._timer.timeout.connect(guarded(self.refresh))
        self._handler = when_started(session, guarded(self.refresh))
        self.refresh()

    def refresh(self) -> None:
        """Follow the installation that runs, or offer one."""
        installer = current_installer(self._session)
        if installer is not None and installer is not self._followed:
            self._followed = installer
            installer.when_ended(self._ended)
        running = installer is not None
        for widget in (self.line, self.progress, self.cancel):
            widget.setVisible(running)
        if installer is not None:
            self.line.setText(installer.sentence())
            if not self._timer.isActive():
                self._timer.start()
        else:
            self._timer.stop()
        offered = not running and lacks_engine(self._session)
        self.install.setVisible(offered)
        self.setVisible(running or offered)

    def close_down(self) -> None:
        """Follow nothing any more."""
        self._timer.stop()
        self._handler.remove()
        self._report = lambda text: None

    def _ended(self, error: str) -> None:
        self._report(error or "The engine is ready.")
