"""Work in the background as the session sees it: told in the log, or waited for."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from .install import Note

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = ["NoteLog", "Work", "wait_for"]

_POLL = 0.05
_STATUS_SECONDS = 0.5


class Work(Protocol):
    """What goes on in the background, and is told by the main thread."""

    @property
    def running(self) -> bool:
        """Whether it has not ended, or its end has not been told yet."""

    @property
    def error(self) -> str:
        """Why it failed; empty for success."""

    def session(self) -> Session | None:
        """The session, while there is one."""

    def pump(self) -> None:
        """Write what is new to the log."""

    def cancel(self) -> None:
        """End it."""


def wait_for(work: Work) -> None:
    """Work until it has ended; windows are drawn meanwhile, Ctrl-C ends it.

    Raises
    ------
    UserError
        If it failed or was cancelled.
    """
    from chimerax.core.errors import UserError

    try:
        while work.running:
            work.pump()
            session = work.session()
            if session is not None and session.ui.is_gui:
                from Qt.QtCore import QEventLoop

                session.ui.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
            time.sleep(_POLL)
    except KeyboardInterrupt:
        work.cancel()
        raise
    if work.error:
        raise UserError(work.error)


class NoteLog:
    """Notes of some work in the log, and the passing ones in the status line, not too often.

    Parameters
    ----------
    title : str
        What the notes begin with.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._last_status = 0.0

    def tell(self, session: Session, notes: Iterable[Note]) -> None:
        """Write notes."""
        for note in notes:
            text = f"{self._title}: {note.text}"
            if note.level == "info":
                session.logger.info(text)
            elif note.level == "warning":
                session.logger.warning(text)
            elif time.monotonic() - self._last_status > _STATUS_SECONDS:
                self._last_status = time.monotonic()
                session.logger.status(text)
