"""Jobs in ChimeraX's task manager, so that they are seen and can be ended there."""

from __future__ import annotations

import datetime
import weakref
from typing import TYPE_CHECKING

from .job import Job
from .news import ENDED
from .state import JobState

if TYPE_CHECKING:
    from chimerax.core.session import Session
    from chimerax.core.tasks import Task
    from chimerax.core.triggerset import TriggerSet

__all__ = ["JobTasks"]


class JobTasks:
    """Listener that keeps one task for each job."""

    def __init__(self, session: Session, triggers: TriggerSet) -> None:
        self._session = weakref.ref(session)
        self._tasks: dict[int, Task] = {}
        triggers.add_handler("job added", self._added)
        triggers.add_handler(ENDED, self._ended)
        triggers.add_handler("job removed", self._removed)

    def _added(self, _: str, job: Job) -> None:
        session = self._session()
        if session is not None:
            self._removed("", job)  # of one that begins again the task has ended
            self._tasks[job.id] = _make_task(session, job)

    def _ended(self, _: str, job: Job) -> None:
        from chimerax.core.tasks import TaskState

        session = self._session()
        task = self._tasks.get(job.id)
        if session is None or task is None:
            return
        task.end_time = datetime.datetime.now()
        if _is_listed(session, task):
            # As there is no thread behind the task, these are set here, on the main thread.
            task.state = TaskState.FAILED if job.state is JobState.FAILED else TaskState.FINISHED

    def _removed(self, _: str, job: Job) -> None:
        session = self._session()
        task = self._tasks.pop(job.id, None)
        if session is not None and task is not None and _is_listed(session, task):
            session.tasks.remove(task)


def _is_listed(session: Session, task: Task) -> bool:
    """Whether the task is still in the task manager's list: users can clear it."""
    return task.id in session.tasks and session.tasks[task.id] is task


def _make_task(session: Session, job: Job) -> Task:
    """Task that shows a job; the class is made here because its base is heavy to import."""
    from chimerax.core.tasks import Task, TaskState

    class JobTask(Task):
        """A job in the task manager. It has no thread: the job's own state is the truth."""

        SESSION_ENDURING = True
        SESSION_SAVE = False

        def run(self) -> None:
            """Nothing: the engine does the work."""

        def terminate(self) -> None:
            """Stop the job."""
            job.stop()
            super().terminate()

        def __str__(self) -> str:
            return f"ADP-3D job {job.id}: {job.title}"

    task = JobTask(session)
    task.start_time = datetime.datetime.now()
    task.state = TaskState.RUNNING
    return task
