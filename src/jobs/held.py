"""Jobs and checks that wait until the engine is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..engine.contract import messages
from ..process.installer import current_installer
from .device_queue import CheckDone, Question
from .job import Job

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = ["HeldQuestion", "HeldWork", "not_installed"]

HeldQuestion = tuple[dict[str, Any], CheckDone, Question]
"""Specification, who waits for the answer, and what is asked."""

_WHAT = "the installation of the engine"


class HeldWork:
    """What was submitted while an installation runs, in order.

    Parameters
    ----------
    release : callable
        Called when the installation has ended, with the jobs and their messages, the checks, and the reason why the
        installation failed ('' for success).
    """

    def __init__(
        self,
        release: Callable[[list[tuple[Job, messages.Message]], list[HeldQuestion], str], None],
    ) -> None:
        self._release = release
        self._jobs: list[tuple[Job, messages.Message]] = []
        self._checks: list[HeldQuestion] = []
        self._listening = False

    def add_job(self, session: Session, job: Job, message: messages.Message) -> bool:
        """Hold a job if an installation runs; whether it does."""
        if not self._listen(session):
            return False
        job.waiting_for = _WHAT
        self._jobs.append((job, message))
        return True

    def add_check(
        self, session: Session, spec: dict[str, Any], done: CheckDone, question: Question = messages.Check
    ) -> bool:
        """Hold a question if an installation runs; whether it does."""
        if not self._listen(session):
            return False
        self._checks.append((spec, done, question))
        return True

    def take_questions(self, question: Question) -> list[CheckDone]:
        """Hold questions of a kind no more; who waits for their answers."""
        taken = [done for _, done, kind in self._checks if kind is question]
        self._checks = [held for held in self._checks if held[2] is not question]
        return taken

    def remove(self, job: Job) -> bool:
        """Hold a job no more; whether it was held."""
        held = any(job is one for one, _ in self._jobs)
        self._jobs = [item for item in self._jobs if item[0] is not job]
        return held

    def _listen(self, session: Session) -> bool:
        installer = current_installer(session)
        if installer is not None and not self._listening:
            self._listening = True
            installer.when_ended(self._ended)
        return installer is not None

    def _ended(self, error: str) -> None:
        self._listening = False
        jobs, self._jobs = self._jobs, []
        checks, self._checks = self._checks, []
        for job, _ in jobs:
            job.waiting_for = ""
        self._release(jobs, checks, error)


def not_installed(reason: str) -> str:
    """Sentence for work that has waited for an installation in vain."""
    return f"The engine was not installed, so this was not started: {reason[:1].lower()}{reason[1:]}"
