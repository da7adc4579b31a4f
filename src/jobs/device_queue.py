"""The jobs of one device: one engine process, kept warm, and the jobs that wait for it."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..engine.contract import messages
from ..engine.contract.wording import in_keywords
from ..process.advice import advice_for_end, advice_without_environment
from ..process.connection import Connection, EngineEnded
from ..process.error_output import LOG_NAME
from ..process.hosts import Host
from .job import Job
from .news import CHANGED, ENDED
from .patience import Patience
from .reports import absorb, end_job
from .state import JobState
from .stored import is_job_folder

__all__ = ["QUESTION_STOPPED", "CheckDone", "DeviceQueue", "Question", "remove_if_empty"]

QUESTION_STOPPED = "It was stopped."
"""Problem of a question that was taken back."""
STOP_GRACE = 20.0
"""Seconds that a job has to leave a checkpoint after it was asked to stop."""

_PING_INTERVAL = 10.0
_SILENCE_IDLE, _SILENCE_START, _SILENCE_JOB = 60.0, 180.0, 600.0
_SENTENCES = ("lines", "problems", "advice")
"""What an answer tells in words."""
_NOT_RUNNING = re.compile(r"No job '.*' is running\.")

Question = type[messages.Check] | type[messages.Dock] | type[messages.Score]
"""What an engine is asked beside its jobs."""

CheckDone = Callable[[dict[str, Any] | None, str], None]
"""Called with the report that answers a question, or with None and a sentence about what went wrong."""


class DeviceQueue:
    """Runs the jobs of one device, one after the other.

    Parameters
    ----------
    device : str
        Device, as jobs name it.
    connect : callable
        Starts an engine; raises `EnvironmentProblem` or `OSError` where that is impossible.
    notify : callable
        Told what has changed: a trigger's name and the job.
    clock : callable
        Time in seconds.
    greeted : callable, optional
        Told what each engine says of itself when it has started.
    host : Host, optional
        The other computer that it runs on.
    """

    def __init__(
        self,
        device: str,
        connect: Callable[[], Connection],
        notify: Callable[[str, Job], None],
        clock: Callable[[], float] = time.monotonic,
        greeted: Callable[[messages.Welcome], None] = lambda _: None,
        host: Host | None = None,
    ) -> None:
        self.host = host
        self._patience = None if host is None else Patience(host, clock)
        self._message: messages.Message | None = None
        self.device = device
        self.connection: Connection | None = None
        self.current: Job | None = None
        self.engine_version = ""
        self._connect = connect
        self._notify = notify
        self._clock = clock
        self._greeted = greeted
        self._waiting: deque[tuple[Job, messages.Message]] = deque()
        self._checks: dict[str, CheckDone] = {}
        self._check_serial = 0
        self._stop_deadline: float | None = None
        self._ping_sent: float | None = None
        self._next_ping = 0.0
        self._welcomed = False

    @property
    def busy(self) -> bool:
        """Whether something is running, waiting or to be answered."""
        return self.current is not None or bool(self._waiting) or bool(self._checks)

    @property
    def waiting(self) -> list[Job]:
        """Jobs that wait for the engine."""
        return [job for job, _ in self._waiting]

    @property
    def jobs(self) -> list[Job]:
        """The job that runs and those that wait for it."""
        return [*([] if self.current is None else [self.current]), *self.waiting]

    def submit(self, job: Job, message: messages.Message) -> None:
        """Run a job when the engine is free; ``message`` starts it."""
        self._waiting.append((job, message))
        self._start_next()

    def check(self, spec: dict[str, Any], done: CheckDone, question: Question = messages.Check) -> None:
        """Ask the engine without running a job."""
        self._check_serial += 1
        key = f"{question.kind}-{self.device}-{self._check_serial}"
        self._checks[key] = done
        try:
            self._engine().send(question(key, spec))
        except Exception:
            del self._checks[key]
            raise

    def stop_questions(self, question: Question) -> int:
        """Take back what was asked of a kind and is not answered; how many."""
        keys = [key for key in self._checks if key.startswith(f"{question.kind}-")]
        if self.connection is not None:
            for key in keys:
                self.connection.send(messages.Stop(key))
        return len(keys)

    def steer(self, job: Job, message: messages.Message) -> bool:
        """Pass a wish to the engine; False if the job is not the one that runs."""
        if job is not self.current or self.connection is None:
            return False
        self.connection.send(message)
        return True

    def stop(self, job: Job) -> None:
        """End a job: at once if it waits, otherwise after its checkpoint or by force."""
        if job is self.current and self.connection is not None:
            if job.state is not JobState.STOPPING:
                job.state = JobState.STOPPING
                self._stop_deadline = self._clock() + STOP_GRACE
                self.connection.send(messages.Stop(job.key))
                self._notify(CHANGED, job)
        elif any(job is other for other in self.waiting):
            self._waiting = deque(item for item in self._waiting if item[0] is not job)
            end_job(job, JobState.STOPPED)
            if self._patience is not None and is_job_folder(job.folder):
                job.add_log(self._patience.left_behind(job))
            remove_if_empty(job.folder)
            self._notify(ENDED, job)

    def pump(self) -> None:
        """Take what the engine has reported, look after it, and start the next job."""
        if self.connection is not None:
            for message in self.connection.take():
                if isinstance(message, EngineEnded):
                    self._engine_ended(message)
                    break
                self._take(message)
        self._watch()
        self._start_next()

    def shut_down(self, grace: float) -> None:
        """End the engine, and with it a running job."""
        for job in self.waiting:
            self.stop(job)
        if self.connection is not None:
            self.connection.close(grace)

    def _engine(self) -> Connection:
        if self.connection is None:
            self.connection = self._connect()
            self._welcomed = False
            self._ping_sent = None
            self._next_ping = self._clock() + _PING_INTERVAL
            self.connection.send(messages.Hello(client="ChimeraX"))
        return self.connection

    def _start_next(self) -> None:
        if self._patience is not None and not self._patience.over:
            return
        while self.current is None and self._waiting:
            job, message = self._waiting.popleft()
            try:
                known = self.connection is not None
                connection = self._engine()
                if known:  # what a new one has said already may be why it ends
                    connection.errors.begin_job()
                connection.send(message)
            except Exception as error:
                # Whatever keeps the engine from starting is the job's failure, and its message the reason.
                end_job(job, JobState.FAILED, str(error))
                remove_if_empty(job.folder)
                self._notify(ENDED, job)
                continue
            self.current, self._message = job, message
            job.state = JobState.STARTING
            job.waiting_for = ""
            job.started = time.time()
            self._notify(CHANGED, job)

    def _take(self, message: messages.Message) -> None:
        if isinstance(message, messages.Pong):
            self._ping_sent = None
        elif isinstance(message, messages.Welcome):
            self._welcomed = True
            self.engine_version = message.engine
            self._greeted(message)
        elif isinstance(message, messages.Answer):
            self._answer(message.job_id, message.report, "")
        elif isinstance(message, messages.Error) and message.job_id in self._checks:
            if not _NOT_RUNNING.fullmatch(message.text):  # taken back when its answer was on its way
                self._answer(message.job_id, None, f"{message.text} {message.advice}".strip())
        elif isinstance(message, messages.Stopped) and message.job_id in self._checks:
            self._answer(message.job_id, None, QUESTION_STOPPED)
        elif self.current is not None and getattr(message, "job_id", "") == self.current.key:
            self._report(self.current, message)

    def _report(self, job: Job, message: messages.Message) -> None:
        if isinstance(message, messages.Error) and _NOT_RUNNING.fullmatch(message.text):
            return  # a wish crossed the job's last report, which is about to come
        if isinstance(message, messages.Started) and self.connection is not None:
            job.folder = Path(message.folder)
            if self._patience is not None:
                self._patience.begun()
            self.connection.errors.save_to(job.folder)
        environment_gone = self.connection is not None and self.connection.program_gone
        if isinstance(message, messages.Error) and message.advice and environment_gone:
            program = str(self.connection.program) if self.connection is not None else ""
            message = messages.Error(message.job_id, *advice_without_environment(program, _resume_command(job)))
        triggers = absorb(job, message)
        if job.ended:
            self._release(job)
            if environment_gone and self.connection is not None:
                self.connection.kill("its environment was removed")
        for trigger in triggers:
            self._notify(trigger, job)

    def _release(self, job: Job) -> None:
        """The running job has ended and the engine is free."""
        self.current = None
        self._stop_deadline = None
        if self.connection is None:
            return
        self.connection.errors.save_to(None)
        if job.state is JobState.FAILED:
            self.connection.errors.remove_if_alone(job.folder)
        if job.state is JobState.STOPPED and self.device != "cpu" and not self.busy:
            # Who stops a job wants the memory of the graphics card, which only the end of a process frees.
            self.connection.close(STOP_GRACE)
            self.connection = None

    def _engine_ended(self, ended: EngineEnded) -> None:
        connection, self.connection = self.connection, None
        errors = "" if connection is None else connection.errors.text
        text, advice = advice_for_end(ended.code, ended.reason, errors)
        if self._patience is not None and ended.code != 0:
            text, advice = self._patience.reason(ended, errors, text, advice)
        for key in list(self._checks):
            self._answer(key, None, f"{text} {advice}".strip())
        job = self.current
        if job is not None:
            if job.state is JobState.STOPPING:
                end_job(job, JobState.STOPPED)
                job.add_log("The job did not end in time; the engine was ended. The last checkpoint remains.")
            elif self._patience is not None and self._patience.waits(ended, errors):
                self._wait_for_host(job, text)
                return
            elif self._patience is not None:
                end_job(job, JobState.FAILED, text, f"{advice} {self._patience.left_behind(job)}".strip())
            else:
                log = (job.folder / LOG_NAME).is_file()
                text, advice = advice_for_end(ended.code, ended.reason, errors, log=log, resume=_resume_command(job))
                if connection is not None and connection.program_gone:
                    text, advice = advice_without_environment(str(connection.program), _resume_command(job))
                if ended.reason:
                    job.add_log(f"The engine was ended because {ended.reason}.")
                end_job(job, JobState.FAILED, text, advice)
            remove_if_empty(job.folder)
            self._release(job)
            self._notify(CHANGED, job)
            self._notify(ENDED, job)

    def _wait_for_host(self, job: Job, text: str) -> None:
        """Try a while later to take up the job again, which the broken connection has left there."""
        self._release(job)
        begun = is_job_folder(job.folder) and self._message is not None
        message = messages.Reopen(job.key, str(job.folder)) if begun else self._message
        if message is None or self._patience is None:
            raise RuntimeError("a job ran that was never started")
        job.state, job.waiting_for = JobState.WAITING, f"the connection to '{self.device}'"
        job.add_log(f"{text} {self._patience.sentence()}")
        self._waiting.appendleft((job, message))
        self._notify(CHANGED, job)

    def _answer(self, key: str, report: dict[str, Any] | None, problem: str) -> None:
        done = self._checks.pop(key, None)
        if done is not None:
            done(None if report is None else _reworded(report), in_keywords(problem))

    def _watch(self) -> None:
        """End an engine that does not stop or does not answer."""
        connection, now = self.connection, self._clock()
        if connection is None:
            return
        if self._stop_deadline is not None and now > self._stop_deadline:
            self._stop_deadline = None
            connection.kill("the job did not stop in time")
            return
        if self._ping_sent is None:
            if now >= self._next_ping:
                connection.send(messages.Ping())
                self._ping_sent, self._next_ping = now, now + _PING_INTERVAL
        elif connection.last_heard > self._ping_sent:
            self._ping_sent = None  # it is alive, if busy
        else:
            limit = _SILENCE_JOB if self.current is not None else _SILENCE_IDLE
            if not self._welcomed:
                limit = _SILENCE_START
            if now - self._ping_sent > limit:
                connection.kill(f"it did not answer for {limit:.0f} seconds")


def _resume_command(job: Job) -> str:
    """Command that goes on with a job that failed; empty if it has left nothing to go on with."""
    return f"adp3d resume {job.id}" if is_job_folder(job.folder) else ""


def remove_if_empty(folder: Path) -> None:
    """Remove the folder that was reserved for a job which has left nothing in it."""
    with suppress(OSError):  # there is none, or it holds something
        folder.rmdir()


def _reworded(report: Mapping[str, Any]) -> dict[str, Any]:
    """Answer to a question with the keywords of commands in its sentences."""
    sentences = {name: [in_keywords(str(text)) for text in report[name]] for name in _SENTENCES if name in report}
    return {**report, **sentences}
