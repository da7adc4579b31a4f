"""What listeners are told of jobs: triggers that are noted while engines' reports are read, and fired once each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .job import Job

__all__ = ["ADDED", "CHANGED", "ENDED", "FRAME", "LAYOUT", "REMOVED", "TRIGGERS", "News"]

ADDED, REMOVED = "job added", "job removed"
LAYOUT, CHANGED, FRAME, ENDED = "job layout", "job changed", "job frame", "job ended"
TRIGGERS = (ADDED, LAYOUT, CHANGED, FRAME, ENDED, REMOVED)
"""Triggers of `JobManager.triggers`; their data is the job. Within one pump they fire in this order.

A job that was stopped or has failed is added once more when it is resumed.
"""


class News:
    """Triggers that are to fire, and answers that are to be given.

    Attributes
    ----------
    triggers : TriggerSet
        See `TRIGGERS`.
    """

    def __init__(self) -> None:
        from chimerax.core.triggerset import TriggerSet

        self.triggers = TriggerSet()
        for name in TRIGGERS:
            self.triggers.add_trigger(name)
        self._noted: dict[tuple[int, int], Job] = {}
        self._answers: list[Callable[[], None]] = []
        self._held = False

    def note(self, trigger: str, job: Job) -> None:
        """Note that a trigger is to fire; several notes until then make one."""
        self._noted[job.id, TRIGGERS.index(trigger)] = job

    def answer(self, give: Callable[[], None]) -> None:
        """Note that an answer is to be given."""
        self._answers.append(give)

    @property
    def held(self) -> bool:
        """Whether nothing is told at present."""
        return self._held

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Tell nothing while the reports of engines are read."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def tell(self) -> None:
        """Fire the triggers noted and give the answers, in the order of jobs and `TRIGGERS`; nothing while held."""
        while (self._noted or self._answers) and not self._held:
            noted, self._noted = self._noted, {}
            answers, self._answers = self._answers, []
            for (_, trigger), job in sorted(noted.items(), key=lambda item: item[0]):
                self.triggers.activate_trigger(TRIGGERS[trigger], job)
            for give in answers:
                give()
