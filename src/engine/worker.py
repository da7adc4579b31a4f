"""``adp3d worker``: the engine as a subprocess, messages in on standard input, reports out on its output.

One job at a time runs in a thread, so that stopping, pausing and pings are answered meanwhile. The end
of standard input ends the process and with it a running job.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from . import __version__
from .contract import messages, specification, wire
from .contract.errors import InputError
from .contract.kinds import KINDS
from .far.host import Host
from .job.client_events import WorkerEvents
from .job.events import Control, Stopped
from .job.execute import Pipeline, advice_for, execute, load_pipeline
from .job.folder import JobFolder
from .job.runtime import idle_cores, release_memory, set_threads
from .job.storage import plain_values

__all__ = ["Worker", "WorkerEvents", "serve_standard_streams"]

Examine = Callable[[Mapping[str, object], Callable[[], None]], dict[str, Any]]
"""Report on a specification as it arrives, without running a job; the second is called now and then, and what it raises
ends the work."""

_STOP_GRACE = 1.5
"""Seconds that a job gets for its checkpoint when the client is gone; the process ends within five,
also when a library that is being loaded keeps it from noticing at once. A running job writes one every 20 s anyway."""
_FAR_GRACE = 25.0
"""The same where the client is on another computer: nobody waits for the end of this process."""


class Elsewhere(Protocol):
    """What a worker does besides for a client on another computer; `adp3d.far.host.Host` is one."""

    @property
    def crowded(self) -> bool:
        """Whether the line to the client is behind."""
        ...

    def takes(self, message: messages.Message) -> bool:
        """Do what the client asks, if this is about files; whether it is."""
        ...

    def prepare(self, folder: str) -> None:
        """Before a job folder is made or opened; `InputError` if it may not be."""
        ...

    def begun(self, folder: Path) -> None:
        """A job begins."""
        ...

    def ended(self, folder: Path) -> None:
        """It has ended."""
        ...


@dataclass(frozen=True)
class _Reply:
    """How a kind of question is answered; one of a kind after the other."""

    compute: Examine
    answer: Callable[[str, dict[str, Any]], messages.Answer]
    lock: threading.Lock


class Worker:
    """Answers the messages of one client.

    Parameters
    ----------
    write : callable
        Writes bytes to the client and flushes.
    load : callable
        Gives the pipeline for a kind of job.
    warm_up : Thread, optional
        A job waits for its end: both load the same libraries.
    examine : callable, optional
        Answers `Check`; by default `adp3d.pipeline.check.check`.
    search : callable, optional
        Answers `Dock`; by default `adp3d.pipeline.dock_report.dock_report`.
    score : callable, optional
        Answers `Score`; by default `adp3d.pipeline.score_request.score_request`.
    elsewhere : Elsewhere, optional
        For a client on another computer.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        load: Callable[[str], Pipeline] = load_pipeline,
        warm_up: threading.Thread | None = None,
        examine: Examine | None = None,
        search: Examine | None = None,
        score: Examine | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._write = write
        self._load = load
        self._warm_up = warm_up
        self._elsewhere = elsewhere
        # a search or a score takes a minute, which a check does not wait for
        self._questions: Mapping[type[Any], _Reply] = {
            messages.Check: _Reply(examine or _examine, messages.Checked, threading.Lock()),
            messages.Dock: _Reply(search or _search, messages.Docked, threading.Lock()),
            messages.Score: _Reply(score or _score, messages.Scored, threading.Lock()),
        }
        self._write_lock = threading.Lock()
        self._job_lock = threading.Lock()
        self._job_id = ""
        self._control = Control()
        self._asked: dict[str, Control] = {}
        self._thread: threading.Thread | None = None

    def send(self, message: messages.Message) -> None:
        """Send one message; any thread may. A client that is gone ends the running job."""
        frame = wire.encode(message)
        try:
            with self._write_lock:
                self._write(frame)
        except OSError:
            # Not an error of the job, which is to leave a checkpoint; the end of input ends the process.
            self._control.stop()

    def handle(self, message: messages.Message) -> bool:
        """Do what the client asks; False if the two sides cannot work together."""
        if isinstance(message, messages.Hello):
            return self._greet(message)
        if isinstance(message, messages.Ping):
            self.send(messages.Pong(message.token, self._job_id, _resident_bytes()))
        elif isinstance(message, messages.Submit):
            submit = message
            folder = str(submit.spec.get("output", ""))
            self._start(submit.job_id, folder, lambda: _create(submit.spec, submit.overwrite))
        elif isinstance(message, messages.Reopen):
            folder = message.folder
            self._start(message.job_id, folder, lambda: JobFolder.open(folder))
        elif isinstance(message, messages.Question):
            control = Control()
            with self._job_lock:
                self._asked[message.job_id] = control
            threading.Thread(target=self._answer, args=(message, control), name=message.kind, daemon=True).start()
        elif isinstance(message, messages.Steering):
            self._steer(message)
        elif self._elsewhere is None or not self._elsewhere.takes(message):
            self.send(messages.Error("", f"A client does not send '{message.kind}' messages."))
        return True

    def shut_down(self, grace: float = _STOP_GRACE) -> None:
        """Stop a running job and wait a little for its checkpoint."""
        self._control.stop()
        if self._thread is not None:
            self._thread.join(grace)

    def _greet(self, hello: messages.Hello) -> bool:
        # names alone, from the records of installed packages: greeting must not wait for torch
        names = (list(domain.options) for domain in (specification.PRIOR_NAMES, specification.MEASUREMENT_NAMES))
        self.send(messages.Welcome(messages.PROTOCOL_VERSION, __version__, os.getpid(), *names))
        if hello.protocol == messages.PROTOCOL_VERSION:
            return True
        text = (
            f"The engine speaks version {messages.PROTOCOL_VERSION} of the protocol, "
            f"the client version {hello.protocol}."
        )
        self.send(messages.Error("", text, "Install the engine again, so that both have the same version."))
        return False

    def _answer(self, message: messages.Question, control: Control) -> None:
        """Answer a question; one of a kind after the other, and beside a running job."""
        answer: messages.Message
        try:
            reply = self._questions[type(message)]
            with reply.lock:
                if self._warm_up is not None:
                    self._warm_up.join()
                control.obey()  # it may have been taken back while it waited for another
                answer = reply.answer(message.job_id, plain_values(reply.compute(message.spec, control.obey)))
        except Stopped:
            answer = messages.Stopped(message.job_id, "")
        except Exception as error:
            # As in _outcome: the client waits for an answer, whatever happens.
            if not isinstance(error, InputError):
                traceback.print_exc()
            answer = messages.Error(message.job_id, *advice_for(error))
        with self._job_lock:
            self._asked.pop(message.job_id, None)
        self.send(answer)

    def _steer(self, message: messages.Steering) -> None:
        with self._job_lock:
            if isinstance(message, messages.Stop) and message.job_id in self._asked:
                self._asked[message.job_id].stop()
            elif message.job_id != self._job_id or not self._job_id:
                # It may just have ended: the client will have read, or soon reads, how.
                self.send(messages.Error(message.job_id, f"No job '{message.job_id}' is running."))
            elif isinstance(message, messages.Stop):
                self._control.stop()
            elif isinstance(message, messages.Pause):
                self._control.pause()
            elif isinstance(message, messages.Resume):
                self._control.resume()
            elif isinstance(message, messages.Fix):
                self._control.hold(message.residues, message.fixed)
            elif isinstance(message, messages.Tug) and message.on:
                x, y, z = map(float, message.target)
                self._control.tug(message.residue, (x, y, z))
            elif isinstance(message, messages.Tug):
                self._control.let_go()
            else:
                self._control.change(message.name, message.value)

    def _start(self, job_id: str, folder: str, make: Callable[[], JobFolder]) -> None:
        def prepare() -> JobFolder:
            if self._elsewhere is not None:
                self._elsewhere.prepare(folder)
            return make()

        with self._job_lock:
            if not job_id:  # the empty name means that no job is meant
                self.send(messages.Error("", "A job needs a name."))
                return
            if self._job_id:
                text = f"The engine is busy with job '{self._job_id}'."
                self.send(messages.Error(job_id, text, "Wait for it, or stop it first."))
                return
            self._job_id = job_id
            self._control = Control()
            self._thread = threading.Thread(
                target=self._run, args=(job_id, prepare, self._control), name="job", daemon=True
            )
            self._thread.start()

    def _run(self, job_id: str, prepare: Callable[[], JobFolder], control: Control) -> None:
        """Whole life of a job; its last message is sent when the worker is free for the next one."""
        last = self._outcome(job_id, prepare, control)
        try:
            release_memory()
        finally:
            with self._job_lock:
                self._job_id = ""
            self.send(last)

    def _outcome(self, job_id: str, prepare: Callable[[], JobFolder], control: Control) -> messages.Message:
        folder = ""
        try:
            if self._warm_up is not None:
                self._warm_up.join()
            job = prepare()
            folder = str(job.path)
            if self._elsewhere is not None:
                self._elsewhere.begun(job.path)
            self.send(messages.Started(job_id, folder))
            if job.finished:  # while its client was away
                metrics = job.read_metrics() or {}
            else:
                idle_cores.cache_clear()  # each job of a long-lived process looks anew
                metrics = execute(job, WorkerEvents(job_id, self.send, crowded=self._crowded), control, self._load)
            paths = {role: str(path) for role, path in job.outputs().items()}
            return messages.Result(job_id, paths, plain_values(metrics))
        except Stopped:
            return messages.Stopped(job_id, folder)
        except Exception as error:
            # The boundary of the process: every failure must reach the client as a sentence.
            if not isinstance(error, InputError):
                traceback.print_exc()
            text, advice = advice_for(error)
            return messages.Error(job_id, text, advice)
        finally:
            if folder and self._elsewhere is not None:
                self._elsewhere.ended(Path(folder))

    def _crowded(self) -> bool:
        return self._elsewhere is not None and self._elsewhere.crowded

    def wait_for_job(self) -> None:
        """Wait for the end of the running job, however long it takes; nobody is there any more who could tug."""
        self._control.let_go()
        if self._thread is not None:
            self._thread.join()


def serve_standard_streams(
    load: Callable[[str], Pipeline] = load_pipeline,
    warm_up: Callable[[], None] | None = None,
    store: Path | None = None,
    goes_on: bool = False,
) -> int:
    """Serve the client at the other end of standard input and output; exit code at the end.

    Standard output belongs to the protocol: whatever else writes there (libraries, C code) is sent to
    standard error instead, and child processes get no standard input.

    Parameters
    ----------
    load : callable
        Gives the pipeline for a kind of job.
    warm_up : callable, optional
        Done in the background after the start; by default the libraries of the pipelines are loaded, so
        that the first job starts quickly.
    store : Path, optional
        Folder for files and jobs of a client on another computer.
    goes_on : bool
        Whether a running job is brought to its end when such a client is gone; otherwise it leaves a checkpoint.
    """
    requests, reports = _take_standard_streams()

    def write(data: bytes) -> None:
        reports.write(data)
        reports.flush()

    host = None if store is None else Host(store, write)
    warm = threading.Thread(target=warm_up or (lambda: _warm_up(load)), name="warm-up", daemon=True)
    warm.start()
    worker = Worker(write if host is None else host.write, load, warm, elsewhere=host)
    if host is not None:
        host.answer_with(worker.send)
        host.hand_over_when_told(worker.shut_down)
    code = 0
    try:
        while (message := wire.read_message(requests.read)) is not None:
            if not worker.handle(message):
                code = 1
                break
    except (wire.ProtocolError, OSError) as error:
        print(f"adp3d worker: {error}", file=sys.stderr)
        code = 1
    if host is not None and code == 0:
        host.leave()
        reports = open(os.devnull, "wb")  # noqa: SIM115 - the end of the connection is told by closing the stream
        if goes_on:
            worker.wait_for_job()
    elif host is not None:
        host.drain(_STOP_GRACE)
    worker.shut_down(_STOP_GRACE if host is None else _FAR_GRACE)
    sys.stderr.flush()
    # Not a normal exit: a thread deep in a computation would keep the process (and its memory) alive.
    os._exit(code)


def _create(spec: Mapping[str, object], overwrite: bool) -> JobFolder:
    return JobFolder.create(specification.from_dict(spec), overwrite=overwrite)


def _examine(spec: Mapping[str, object], poll: Callable[[], None]) -> dict[str, Any]:
    from .pipeline.check import check  # heavy

    # a check makes no folder: any name will do
    return check(specification.from_dict({"output": "unused", **spec}), poll)


def _search(spec: Mapping[str, object], poll: Callable[[], None]) -> dict[str, Any]:
    from .pipeline.dock_report import dock_report  # heavy

    return dock_report(spec, poll)


def _score(spec: Mapping[str, object], poll: Callable[[], None]) -> dict[str, Any]:
    from .pipeline.score_request import score_request  # heavy

    return score_request(spec, poll)


def _warm_up(load: Callable[[str], Pipeline]) -> None:
    set_threads()
    for kind in KINDS:
        load(kind)


def _take_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep the two streams for the protocol and point the standard ones elsewhere."""
    sys.stdout.flush()
    requests, reports = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (requests, reports):
            msvcrt.setmode(descriptor, os.O_BINARY)
    return open(requests, "rb", buffering=0), open(reports, "wb")


def _resident_bytes() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)
