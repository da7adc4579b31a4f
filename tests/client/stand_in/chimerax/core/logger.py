"""core/src/logger.py."""

import sys
import threading
import traceback


class PlainTextLog:
    """A log that gets every message as (level, text)."""

    excludes_other_logs = False
    LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR, LEVEL_BUG = range(4)
    LEVEL_DESCRIPTS = ("note", "warning", "error", "bug")

    def log(self, level, msg):
        raise NotImplementedError

    def status(self, msg, color, secondary):
        return False


class Logger:
    """Messages go to the newest log first, then to the others unless it excludes them."""

    def __init__(self, session):
        self.logs = []
        self.messages = []  # not in ChimeraX: what the tests read

    def add_log(self, log):
        if not isinstance(log, PlainTextLog):
            raise ValueError("Cannot add log that is not instance of HtmlLog or PlainTextLog")
        self.logs.append(log)

    def remove_log(self, log):
        self.logs.remove(log)

    def info(self, msg, add_newline=True, image=None, is_html=False):
        self._log(PlainTextLog.LEVEL_INFO, msg)

    def warning(self, msg, add_newline=True, image=None, is_html=False):
        self._log(PlainTextLog.LEVEL_WARNING, msg)

    def error(self, msg, add_newline=True, image=None, is_html=False):
        self._log(PlainTextLog.LEVEL_ERROR, msg)

    def bug(self, msg, add_newline=True, image=None, is_html=False):
        self._log(PlainTextLog.LEVEL_BUG, msg)

    def report_exception(self, preface=None, error_description=None, exc_info=None):
        from .errors import NotABug

        error = sys.exc_info()[1]
        text = f"{preface}:\n{error}" if preface else str(error)
        if isinstance(error, NotABug):
            self.error(text)
        else:
            self.bug(text + "\n" + traceback.format_exc())

    def status(self, msg, **kw):
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("status messages come from the main thread only")
        for log in self.logs:
            log.status(msg, kw.get("color"), kw.get("secondary", False))

    def clear(self):
        """Timers of status messages are not imitated."""

    def _log(self, level, msg):
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the GUI's log can be written by the main thread only")
        self.messages.append((PlainTextLog.LEVEL_DESCRIPTS[level], msg))
        for log in reversed(self.logs):
            if log.log(level, msg) and log.excludes_other_logs:
                break
