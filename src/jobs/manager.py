"""All jobs of a session: takes them in, lets what the engines report happen on the main thread, tells who listens."""

from __future__ import annotations

import atexit
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.contract import messages
from ..process import environment
from ..process.installer import current_installer
from .device_queue import QUESTION_STOPPED, CheckDone, Question, remove_if_empty
from .engines import Engines
from .held import HeldQuestion, HeldWork, not_installed
from .job import Job
from .news import ADDED, CHANGED, ENDED, REMOVED, News
from .reports import end_job, take_course, take_result
from .state import JobState, PreparedJob
from .stored import prepared_from_folder, read_course, read_finished

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = ["JobManager", "job_manager"]

_ATTRIBUTE = "_adp3d_job_manager"
_POLL = 0.02
_QUIT_GRACE = 3.0
_TOO_LONG: dict[Question, str] = {
    messages.Check: "The check took longer than {}; try it with a smaller map.",
    messages.Dock: "The search took longer than {}; try it with a smaller map.",
    messages.Score: "Scoring took longer than {}; name fewer models, or fewer 'steps', or a longer 'timeout'.",
}


def job_manager(session: Session) -> JobManager:
    """The job manager of the session, made at its first use."""
    manager: JobManager | None = getattr(session, _ATTRIBUTE, None)
    if manager is None:
        manager = JobManager(session)
        setattr(session, _ATTRIBUTE, manager)
    return manager


class JobManager:
    """Jobs of a session, in the order of their submission.

    Only the main thread may use it. With a GUI it works whenever a frame is drawn; without one it works
    inside of `Job.wait` and `check`, and whenever `pump` is called.

    Attributes
    ----------
    jobs : list of Job
    triggers : TriggerSet
        See `adp3d.jobs.news.TRIGGERS`.
    """

    def __init__(self, session: Session) -> None:
        from .log import JobLog
        from .task import JobTasks

        self._session = weakref.ref(session)
        self.jobs: list[Job] = []
        self._news = News()
        self.triggers = self._news.triggers
        self._next_id = 1
        self._engines = Engines(session, self._news.note)
        self._held = HeldWork(self._installed)
        self._log = JobLog(session, self.triggers)
        self._tasks = JobTasks(session, self.triggers)
        self._handlers = [
            session.triggers.add_handler("new frame", self._new_frame),
            session.triggers.add_handler("app quit", self._quit),
        ]
        atexit.register(_shut_down_at_exit, weakref.ref(self))

    @property
    def session(self) -> Session:
        """The session."""
        session = self._session()
        if session is None:
            raise RuntimeError("the session has ended")
        return session

    def submit(self, prepared: PreparedJob, *, overwrite: bool = False) -> Job:
        """Queue a new job; while the engine is being installed, it waits for that.

        Raises
        ------
        UserError
            If there is no usable environment for the engine.
        """
        self._require(prepared.device)
        job = self._add(prepared)
        self._enqueue(job, messages.Submit(job.key, prepared.spec, overwrite))
        self._news.tell()
        return job

    def reopen(self, folder: Path | str, prepared: PreparedJob | None = None) -> Job:
        """Take up the job of a folder: list a finished one, go on with an unfinished one.

        A job of the folder that is listed as stopped or failed goes on as itself, under its number.

        Parameters
        ----------
        folder : Path or str
            Job folder.
        prepared : PreparedJob, optional
            Title, command, models and frame of the job; by default the folder's own specification.

        Raises
        ------
        UserError
            If the folder holds no readable job, or there is no usable environment.
        """
        folder = Path(folder)
        known = self._engines.at_home(prepared_from_folder(folder))
        prepared = known if prepared is None else replace(prepared, spec=known.spec, folder=folder, kind=known.kind)
        finished = read_finished(folder)
        if finished is None:
            self._require(prepared.device)
        job = self._again(folder, prepared) or self._add(prepared)
        if finished is None:
            job.taken_up = False
            self._enqueue(job, messages.Reopen(job.key, str(folder)))
        else:
            job.taken_up = True
            take_course(job, read_course(job.folder))
            take_result(job, *finished)
            end_job(job, JobState.FINISHED)
            self._news.note(ENDED, job)
        self._news.tell()
        return job

    def get(self, job_id: int | None = None) -> Job:
        """Job by its number; by default the one that runs, else the latest.

        Raises
        ------
        UserError
            If there is no such job.
        """
        from chimerax.core.errors import UserError

        if job_id is None:
            running = [job for job in self.jobs if job.state.active]
            chosen = running or self.jobs[-1:]
        else:
            chosen = [job for job in self.jobs if job.id == job_id]
        if not chosen:
            raise UserError(
                "There are no ADP-3D jobs; start one with 'adp3d refine' or 'adp3d complete'."
                if job_id is None
                else f"There is no ADP-3D job {job_id}; 'adp3d jobs' lists them."
            )
        return chosen[0]

    def remove(self, job: Job) -> None:
        """Take a job that has ended out of the list; its folder stays.

        Raises
        ------
        UserError
            If it has not ended.
        """
        from chimerax.core.errors import UserError

        if not job.ended:
            raise UserError(f"ADP-3D job {job.id} has not ended; stop it first with 'adp3d stop {job.id}'.")
        self.jobs.remove(job)
        self._engines.forget(job)
        self._news.note(REMOVED, job)
        self._news.tell()

    def begin_check(self, spec: dict[str, Any], done: CheckDone, question: Question = messages.Check) -> None:
        """Ask an engine, by default what would become of a job; ``done`` is called from a later `pump`.

        While the engine is being installed, the question waits for that.

        Raises
        ------
        UserError
            If there is no usable environment.
        """
        from chimerax.core.errors import UserError

        device = str(spec.get("device", "auto"))
        self._require(device)
        if not self._engines.is_elsewhere(device) and self._held.add_check(self.session, spec, done, question):
            return

        def answer(report: dict[str, Any] | None, problem: str) -> None:
            self._news.answer(lambda: done(report, problem))

        try:
            self._engines.check(spec, answer, question)
        except (OSError, environment.EnvironmentProblem) as error:
            raise UserError(str(error)) from error

    def check(
        self, spec: dict[str, Any], timeout: float = 300.0, question: Question = messages.Check
    ) -> dict[str, Any]:
        """Ask an engine and wait for its report, by default that of what would become of a job.

        Raises
        ------
        UserError
            If the input cannot be used, the engine fails, or it takes longer than ``timeout`` seconds.
        """
        from chimerax.core.errors import UserError

        installer = current_installer(self.session)
        if installer is not None:
            self._work_until(lambda: not installer.running, None)
            if installer.error:
                raise UserError(not_installed(installer.error))
        answers: list[tuple[dict[str, Any] | None, str]] = []
        self.begin_check(spec, lambda report, problem: answers.append((report, problem)), question)
        try:
            answered = self._work_until(lambda: bool(answers), timeout)
        except KeyboardInterrupt:
            self._engines.stop_questions(question)
            raise
        if not answered:
            self._engines.stop_questions(question)
            raise UserError(_TOO_LONG[question].format(f"{timeout:.0f} seconds"))
        report, problem = answers[0]
        if report is None:
            raise UserError(problem)
        return report

    def stop_questions(self, question: Question) -> int:
        """Take back all questions of a kind that are not answered; how many. Who asked is told from a `pump`."""
        held = self._held.take_questions(question)
        for done in held:
            self._news.answer(partial(done, None, QUESTION_STOPPED))
        self._news.tell()
        return len(held) + self._engines.stop_questions(question)

    def stop(self, job: Job) -> None:
        """End a job; see `Job.stop`."""
        if not self._engines.stop(job) and self._held.remove(job):
            self._end_unstarted(job, JobState.STOPPED)
        self._news.tell()

    def steer(self, job: Job, message: messages.Message) -> None:
        """Pass a wish on to the engine that runs the job.

        Raises
        ------
        UserError
            If the job does not run.
        """
        from chimerax.core.errors import UserError

        if not self._engines.steer(job, message):
            raise UserError(f"ADP-3D job {job.id} does not run (it is {job.state}).")
        self._news.note(CHANGED, job)

    def wait(self, job: Job, timeout: float | None = None) -> bool:
        """Work until a job has ended; see `Job.wait`."""
        try:
            return self._work_until(lambda: job.ended, timeout)
        except KeyboardInterrupt:
            job.stop()
            raise

    def pump(self) -> None:
        """Bring what the engines reported to the jobs, and fire triggers; main thread only."""
        if self._news.held:
            return
        installer = current_installer(self.session)
        if installer is not None:
            installer.pump()  # without a window nobody else does
        with self._news.hold():
            self._engines.pump()
        self._news.tell()

    def engines(self) -> list[dict[str, Any]]:
        """What runs at present, for `adp3d status`: device, process number, job, jobs waiting."""
        return self._engines.describe()

    def end_idle_engines(self) -> None:
        """End engines that have nothing to do, so that the next job starts a new one."""
        self._engines.end_idle(_QUIT_GRACE)

    def shutdown(self, grace: float = _QUIT_GRACE) -> None:
        """End all engines; running jobs leave a checkpoint if they are quick enough. Returns at once."""
        self._engines.shut_down(grace)
        for handler in self._handlers:
            handler.remove()
        self._handlers.clear()

    def _add(self, prepared: PreparedJob) -> Job:
        job = Job(self._next_id, prepared, self)
        self._next_id += 1
        self.jobs.append(job)
        self._news.note(ADDED, job)
        return job

    def _again(self, folder: Path, prepared: PreparedJob) -> Job | None:
        """Let the listed job of a folder begin again; None if there is none that was stopped or has failed."""
        broken = (JobState.STOPPED, JobState.FAILED)
        for job in reversed(self.jobs):
            if job.folder == folder and job.state in broken:
                job.begin_again(prepared)
                self._news.note(ADDED, job)
                return job
        return None

    def waits_for_installation(self) -> bool:
        """Whether jobs that are submitted now wait until the engine is installed."""
        return current_installer(self.session) is not None

    def _require(self, device: str) -> None:
        """Refuse work without an engine, unless one is on its way; one elsewhere is seen when it is connected to."""
        if not self._engines.is_elsewhere(device) and not self.waits_for_installation():
            environment.require(self.session)

    def _installed(self, jobs: list[tuple[Job, messages.Message]], checks: list[HeldQuestion], error: str) -> None:
        """The installation has ended: what has waited for it starts, or is told why it cannot."""
        from chimerax.core.errors import UserError

        try:
            if not error:
                environment.require(self.session)
        except UserError as problem:
            error = str(problem)
        for job, message in jobs:
            if error:
                self._end_unstarted(job, JobState.FAILED, not_installed(error))
            else:
                self._enqueue(job, message)
                self._news.note(CHANGED, job)
        for spec, done, question in checks:
            if error:
                done(None, not_installed(error))
            else:
                self.begin_check(spec, done, question)
        self._news.tell()

    def _end_unstarted(self, job: Job, state: JobState, error: str = "") -> None:
        job.waiting_for = ""
        end_job(job, state, error)
        remove_if_empty(job.folder)
        self._news.note(ENDED, job)

    def _enqueue(self, job: Job, message: messages.Message) -> None:
        elsewhere = self._engines.is_elsewhere(job.prepared.device)
        if not elsewhere and self._held.add_job(self.session, job, message):
            self._news.note(CHANGED, job)
            return
        self._engines.submit(job, message)

    def _work_until(self, done: Callable[[], bool], timeout: float | None) -> bool:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            self.pump()
            if done():
                return True
            if deadline is not None and time.monotonic() > deadline:
                return False
            self._rest()

    def _rest(self) -> None:
        """Let a moment pass; with a GUI, draw meanwhile."""
        session = self.session
        if session.ui.is_gui:
            from Qt.QtCore import QEventLoop

            session.update_loop.draw_new_frame()
            # Windows are redrawn, but no command can start inside of this one.
            session.ui.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
        time.sleep(_POLL)

    def _new_frame(self, *_: object) -> None:
        try:
            self.pump()
        except Exception:
            # An exception would end the handler, or open a dialog at every frame.
            self.session.logger.report_exception(preface="ADP-3D could not read what its engine reports")

    def _quit(self, *_: object) -> None:
        self.shutdown()


def _shut_down_at_exit(reference: weakref.ref[JobManager]) -> None:
    manager = reference()
    if manager is not None:
        manager.shutdown()
