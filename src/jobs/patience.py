"""How long a lost connection to an engine elsewhere is made again, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable

from ..process.connection import EngineEnded
from ..process.hosts import Host
from ..process.ssh import MISSING_ENGINE, explain_ssh, ssh_failed, temporary
from .job import Job
from .stored import is_job_folder

__all__ = ["Patience"]

_DELAYS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 60.0, 60.0, 60.0, 120.0, 120.0)
"""Seconds before each attempt: nine minutes in all, in which a laptop changes its network or a router starts again."""

_STEADY_SECONDS = 60.0
"""A connection that has lasted so long with a running job is no part of the trouble before it."""


class Patience:
    """Counts attempts at one host.

    Parameters
    ----------
    host : Host
    clock : callable
        Time in seconds.
    """

    def __init__(self, host: Host, clock: Callable[[], float]) -> None:
        self._host = host
        self._clock = clock
        self._attempts = 0
        self._not_before = 0.0
        self._began: float | None = None

    @property
    def over(self) -> bool:
        """Whether the next attempt may be made."""
        return self._clock() >= self._not_before

    def begun(self) -> None:
        """A job has begun, or goes on: the connection works."""
        self._began = self._clock()

    def waits(self, ended: EngineEnded, errors: str) -> bool:
        """Note that the connection of a running job has ended; whether another attempt is worth while."""
        if self._began is not None and self._clock() - self._began > _STEADY_SECONDS:
            self._attempts = 0
        worked, self._began = self._began is not None, None
        # the first connection tells at once what is wrong with it
        if not temporary(ended.code, errors) or (not worked and self._attempts == 0) or self._attempts >= len(_DELAYS):
            self._attempts = 0
            return False
        self._not_before = self._clock() + _DELAYS[self._attempts]
        self._attempts += 1
        return True

    def sentence(self) -> str:
        """What happens next."""
        wait = _DELAYS[self._attempts - 1]
        goes = "goes on there" if self._host.lost == "continue" else "stops there with a checkpoint"
        return f"The job {goes}; the connection is made again in {wait:.0f} s."

    def left_behind(self, job: Job) -> str:
        """What became of a job whose connection is given up."""
        if not is_job_folder(job.folder):
            return ""
        goes = "goes on there" if self._host.lost == "continue" else "has stopped there with a checkpoint"
        return f"What was begun on '{self._host.name}' {goes}; 'adp3d resume {job.id}' takes it up again."

    def reason(self, ended: EngineEnded, errors: str, text: str, advice: str) -> tuple[str, str]:
        """Sentence and advice for the end of an engine: the connection's, where that is what ended."""
        if ended.code == MISSING_ENGINE or ended.code in (126, 127) or ssh_failed(ended.code):
            silent = not errors.strip() and ended.reason
            said = explain_ssh(self._host, ended.code, errors)
            return (f"The connection to '{self._host.name}' was ended because {ended.reason}." if silent else said), ""
        return text, advice.replace("'adp3d install'", f"'adp3d engine add {self._host.name} ssh ...'")
