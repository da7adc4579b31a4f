"""Button that resumes jobs which were not finished when the session was saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from Qt.QtWidgets import QMenu, QPushButton, QSizePolicy, QWidget

__all__ = ["SavedJobsButton"]


class SavedJobsButton(QPushButton):
    """Shown only while there are such jobs; with several of them it opens a menu.

    Parameters
    ----------
    execute : callable
        Runs a command.
    guarded : callable
        Turns a function into a callback that never raises.
    """

    def __init__(
        self,
        execute: Callable[[str], Any],
        guarded: Callable[[Callable[[], None]], Callable[..., None]],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._execute, self._guarded = execute, guarded
        self._commands: tuple[tuple[str, str], ...] = ()
        # a long title must not make the panel wider
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setToolTip("Go on with a job of this session that was not finished when it was saved")
        self.clicked.connect(guarded(self._resume_only))
        self.hide()

    def offer(self, jobs: Sequence[Any]) -> None:
        """Show what can be resumed (`chimerax.adp3d.live.session.UnfinishedJob`)."""
        commands = tuple((str(job.title), str(job.command)) for job in jobs)
        if commands == self._commands:
            return
        self._commands = commands
        self.setMenu(self._make_menu() if len(commands) > 1 else None)  # type: ignore[arg-type]
        self.setText(f"Resume saved job: {commands[0][0]}" if len(commands) == 1 else "Resume saved jobs")
        self.setVisible(bool(commands))

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        for title, command in self._commands:
            menu.addAction(title).triggered.connect(self._guarded(lambda command=command: self._execute(command)))  # type: ignore[misc]
        return menu

    def _resume_only(self) -> None:
        if len(self._commands) == 1:
            self._execute(self._commands[0][1])
