"""core/src/tasks.py."""

from __future__ import annotations

import builtins
import datetime
import itertools
import threading
import weakref
from enum import Enum
from typing import TYPE_CHECKING, Any

from .state import State, StateManager

if TYPE_CHECKING:
    from .session import Session

ADD_TASK, REMOVE_TASK, UPDATE_TASK, END_TASK = "add task", "remove task", "update task", "end task"
task_triggers = [ADD_TASK, REMOVE_TASK, UPDATE_TASK, END_TASK]


class TaskState(str, Enum):
    """States of a task; a StrEnum in ChimeraX."""

    PENDING = "pending"
    RUNNING = "running"
    TERMINATING = "terminating"
    TERMINATED = "terminated"
    FINISHED = "finished"
    FAILED = "failed"
    DELETED = "deleted"
    CANCELED = "canceled"
    UNDEFINED = "undefined"


class Task(State):
    """Work that the task manager shows."""

    SESSION_ENDURING = False
    SESSION_SAVE = False

    def __init__(self, session: Session, id: int | None = None) -> None:
        self.id = id
        self._session = weakref.ref(session)
        self._thread = None
        self._terminate = None
        self._state = TaskState.PENDING
        self.start_time: datetime.datetime | None = None
        self.end_time: datetime.datetime | None = None
        session.tasks.add(self)

    @property
    def session(self) -> Session | None:
        return self._session()

    @property
    def runtime(self):
        if self.state == TaskState.PENDING:
            return datetime.timedelta()
        ended = (TaskState.TERMINATED, TaskState.FINISHED, TaskState.UNDEFINED, TaskState.FAILED, TaskState.CANCELED)
        return (self.end_time if self.state in ended else datetime.datetime.now()) - self.start_time

    @property
    def state(self) -> TaskState:
        return self._state

    @state.setter
    def state(self, state: TaskState) -> None:
        self._state = TaskState(state)
        if self.terminated():
            self._thread = self._terminate = None
            self.session.triggers.activate_trigger(END_TASK, self)
        else:
            self.session.triggers.activate_trigger(UPDATE_TASK, self)

    def terminate(self) -> None:
        self.session.tasks.remove(self)
        self.end_time = datetime.datetime.now()
        if self._terminate is not None:
            self._terminate.set()
        self.state = TaskState.TERMINATING

    def terminating(self) -> bool:
        return self._terminate is not None and self._terminate.is_set()

    def terminated(self) -> bool:
        return self.state in (TaskState.TERMINATED, TaskState.FINISHED)

    def start(self, *args: Any, **kw: Any) -> None:
        if self.state != TaskState.PENDING:
            raise RuntimeError("starting task multiple times")
        self._thread = threading.Thread(target=self._run_function, args=(self.run, *args), kwargs=kw, daemon=True)
        self._thread.start()
        self.start_time = datetime.datetime.now()
        self.state = TaskState.RUNNING
        self._terminate = threading.Event()

    def run(self, *args: Any, **kw: Any) -> None:
        raise RuntimeError('base class "run" method called.')

    def on_finish(self) -> None:
        """Called after a thread that ended."""

    def _run_function(self, func, *args, **kw):
        func(*args, **kw)
        self.state = TaskState.TERMINATED if self.terminating() else TaskState.FINISHED
        self.session.ui.thread_safe(self.on_finish)


class Tasks(StateManager):
    """All tasks of a session."""

    def __init__(self, session):
        self._session = weakref.ref(session)
        self._counter = itertools.count(1)
        self._tasks: dict[int, Task] = {}

    def __len__(self):
        return len(self._tasks)

    def __contains__(self, item):
        return item in self._tasks

    def __getitem__(self, key):
        return self._tasks[key]

    def __delitem__(self, key):
        task = self._tasks.pop(key, None)
        if task is not None:
            self._session().triggers.activate_trigger(REMOVE_TASK, task)

    def items(self):
        return self._tasks.items()

    def values(self):
        return self._tasks.values()

    def list(self) -> builtins.list[Task]:
        return list(self._tasks.values())

    def add(self, task: Task) -> None:
        task.id = next(self._counter)
        self._tasks[task.id] = task
        self._session().triggers.activate_trigger(ADD_TASK, task)

    def remove(self, task: Task) -> None:
        del self[task.id]

    def reset_state(self, session):
        for task in self.list():
            if not task.SESSION_ENDURING and task.SESSION_SAVE:
                task.terminate()
