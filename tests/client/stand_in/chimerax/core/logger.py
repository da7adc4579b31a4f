"""core/src/logger.py."""

from __future__ import annotations

import sys
import threading
import traceback
from typing import Any


class PlainTextLog:
    """A log that gets every message as (level, text)."""

    excludes_other_logs = False
    LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR, LEVEL_BUG = range(4)
    LEVEL_DESCRIPTS = ("note", "warning", "error", "bug")

    def log(self, level: int, msg: str) -> bool:
        raise NotImplementedError

    def status(self, msg: str, color: str, secondary: bool) -> bool:
        return False


class Logger:
    """Messages go to the newest log first, then to the others unless it excludes them."""

    def __init__(self, session):
        self.session = session
        self.logs: list[PlainTextLog] = []
        self.messages: list[tuple[str, str]] = []  # not in ChimeraX: what the tests read

    def add_log(self, log: PlainTextLog) -> None:
        if not isinstance(log, PlainTextLog):
            raise ValueError("Cannot add log that is not instance of HtmlLog or PlainTextLog")
        self.logs.append(log)

    def remove_log(self, log: PlainTextLog) -> None:
        self.logs.remove(log)

    def info(self, msg: str, add_newline: bool = True, image: Any = None, is_html: bool = False) -> None:
        self._log(PlainTextLog.LEVEL_INFO, msg)

    def warning(self, msg: str, add_newline: bool = True, image: Any = None, is_html: bool = False) -> None:
        self._log(PlainTextLog.LEVEL_WARNING, msg)

    def error(self, msg: str, add_newline: bool = True, image: Any = None, is_html: bool = False) -> None:
        self._log(PlainTextLog.LEVEL_ERROR, msg)

    def bug(self, msg: str, add_newline: bool = True, image: Any = None, is_html: bool = False) -> None:
        self._log(PlainTextLog.LEVEL_BUG, msg)

    def report_exception(
        self, preface: str | None = None, error_description: str | None = None, exc_info: Any = None
    ) -> None:
        from .errors import NotABug

        error = sys.exc_info()[1]
        text = f"{preface}:\n{error}" if preface else str(error)
        if isinstance(error, NotABug):
            self.error(text)
        else:
            self.bug(text + "\n" + traceback.format_exc())

    def status(self, msg: str, **kw: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("status messages come from the main thread only")
        if kw.get("log"):
            self.info(msg)
        for log in self.logs:
            log.status(msg, kw.get("color"), kw.get("secondary", False))

    def clear(self) -> None:
        """Timers of status messages are not imitated."""

    def _log(self, level, msg):
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the GUI's log can be written by the main thread only")
        self.messages.append((PlainTextLog.LEVEL_DESCRIPTS[level], msg))
        for log in reversed(self.logs):
            if log.log(level, msg) and log.excludes_other_logs:
                break
