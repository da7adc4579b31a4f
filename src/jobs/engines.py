"""Engines of a session: which device's queue takes a job or a check, and starting and ending the processes."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..engine.contract import messages
from ..process import environment
from ..process.connection import Connection
from ..process.courier import Courier
from ..process.engine_note import noted_engine
from ..process.far_connection import connect_far
from ..process.hosts import Host, host_named
from ..process.plugins import remember
from .device_queue import CheckDone, DeviceQueue, Question
from .job import Job
from .state import PreparedJob

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = ["Engines"]

_AUTO = "auto"


class Engines:
    """One queue for each device in use, each with an engine of its own.

    Parameters
    ----------
    session : Session
    notify : callable
        Called with the name of a trigger and the job that it concerns.

    Attributes
    ----------
    queues : dict of str to DeviceQueue
        By device.
    """

    def __init__(self, session: Session, notify: Callable[[str, Job], None]) -> None:
        self._session = weakref.ref(session)
        self._notify = notify
        self.queues: dict[str, DeviceQueue] = {}
        self._homes: dict[int, DeviceQueue] = {}
        self._couriers: dict[Host, Courier] = {}

    @property
    def session(self) -> Session:
        """The session."""
        session = self._session()
        if session is None:
            raise RuntimeError("the session has ended")
        return session

    def submit(self, job: Job, message: messages.Message) -> None:
        """Queue a job for its device."""
        self._homes[job.id] = self._queue(job.prepared.device)
        self._homes[job.id].submit(job, message)

    def check(self, spec: dict[str, Any], answer: CheckDone, question: Question = messages.Check) -> None:
        """Ask the engine of a device, such as what would become of a job.

        Raises
        ------
        OSError, EnvironmentProblem
            If no engine can be started.
        """
        self._queue(str(spec.get("device", _AUTO))).check(spec, answer, question)

    def stop_questions(self, question: Question) -> int:
        """Take back what engines were asked of a kind and have not answered; how many."""
        return sum(queue.stop_questions(question) for queue in self.queues.values())

    def stop(self, job: Job) -> bool:
        """End a job; whether it was queued here."""
        queue = self._homes.get(job.id)
        if queue is not None:
            queue.stop(job)
        return queue is not None

    def steer(self, job: Job, message: messages.Message) -> bool:
        """Pass a wish on to the engine that runs a job; whether one does."""
        queue = self._homes.get(job.id)
        return queue is not None and queue.steer(job, message)

    def forget(self, job: Job) -> None:
        """Know a job no more that is taken out of the list."""
        self._homes.pop(job.id, None)

    def pump(self) -> None:
        """Bring what the engines reported to the jobs."""
        for queue in list(self.queues.values()):
            queue.pump()

    def describe(self) -> list[dict[str, Any]]:
        """What runs at present: device, process number, version, job, jobs waiting."""
        return [
            {
                "device": queue.device,
                "process": None if queue.connection is None else queue.connection.pid,
                "version": queue.engine_version,
                "job": None if queue.current is None else queue.current.id,
                "waiting": [job.id for job in queue.waiting],
            }
            for queue in self.queues.values()
        ]

    def end_idle(self, grace: float) -> None:
        """End engines that have nothing to do, within ``grace`` seconds."""
        for device, queue in list(self.queues.items()):
            if not queue.busy:
                queue.shut_down(grace)
                del self.queues[device]

    def shut_down(self, grace: float) -> None:
        """End all engines; running jobs leave a checkpoint if that takes them less than ``grace`` seconds."""
        for queue in self.queues.values():
            queue.shut_down(grace)

    def connect(self) -> Connection:
        """Start an engine.

        Raises
        ------
        OSError, EnvironmentProblem
            If that is not possible.
        """
        command, variables = environment.worker_command(self.session)
        return Connection(command, variables)

    def connect_far(self, host: Host) -> Connection:
        """Start the engine of a host; its courier knows what it has carried through earlier connections.

        Raises
        ------
        OSError, EnvironmentProblem
            If that is not possible.
        """
        courier = self._couriers.setdefault(host, Courier(host.name, host.device))
        return connect_far(host, courier)

    def is_elsewhere(self, device: str) -> bool:
        """Whether a device is an engine on another computer."""
        return host_named(self.session, device) is not None

    def at_home(self, prepared: PreparedJob) -> PreparedJob:
        """Job of a folder with the engine on which it is computed, where that is known here."""
        name = noted_engine(prepared.folder)
        if not name or not self.is_elsewhere(name):
            return prepared
        return replace(prepared, spec={**prepared.spec, "device": name})

    def _queue(self, device: str) -> DeviceQueue:
        """Queue in which jobs of a device wait for each other.

        As long as it is not known which device ``auto`` is, such a job waits for whatever runs, and all others
        wait for it: two jobs on one device would take each other's cores and memory.
        """
        host = host_named(self.session, device)
        if host is not None:
            return self._far_queue(host)
        device = environment.known_device(self.session, device)
        busy = {queue: self._devices(queue) for queue in self._here() if queue.busy}
        shared = [queue for queue, used in busy.items() if device in used or _AUTO in (device, *used)]
        if shared:
            return max(shared, key=lambda queue: "cpu" not in busy[queue])  # 'auto' is a graphics card if there is one
        if device not in self.queues:
            self.queues[device] = DeviceQueue(
                device, self.connect, self._notify, greeted=lambda welcome: remember(self.session, welcome)
            )
        return self.queues[device]

    def _far_queue(self, host: Host) -> DeviceQueue:
        """Queue of an engine elsewhere; one that was changed since is another one, once the old one is idle."""
        queue = self.queues.get(host.name)
        if queue is None or (queue.host != host and not queue.busy):
            if queue is not None:
                queue.shut_down(0.0)
            queue = DeviceQueue(host.name, lambda: self.connect_far(host), self._notify, host=host)
            self.queues[host.name] = queue
        return queue

    def _here(self) -> list[DeviceQueue]:
        """Queues of this computer's devices."""
        return [queue for queue in self.queues.values() if queue.host is None]

    def _devices(self, queue: DeviceQueue) -> set[str]:
        """Devices that the jobs of a queue use, as far as they are known."""
        names = {queue.device, *(job.prepared.device for job in queue.jobs)}
        return {environment.known_device(self.session, name) for name in names}
