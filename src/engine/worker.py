"""``adp3d worker``: the engine as a subprocess, messages in on standard input, reports out on its output.

One job at a time runs in a thread, so that stopping, pausing and pings are answered meanwhile. The end
of standard input ends the process and with it a running job.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from . import __version__
from .contract import messages, specification, wire
from .contract.errors import InputError
from .contract.kinds import KINDS
from .job.events import Control, Eta, Stopped
from .job.execute import Pipeline, advice_for, execute, load_pipeline
from .job.folder import JobFolder
from .job.runtime import idle_cores, release_memory, set_threads
from .job.storage import plain_values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Worker", "WorkerEvents", "serve_standard_streams"]

Examine = Callable[[Mapping[str, object], Callable[[], None]], dict[str, Any]]
"""Report on a specification as it arrives, without running a job; the second is called now and then, and what it raises
ends the work."""

Steering = messages.Stop | messages.Pause | messages.Resume | messages.SetWeight | messages.Fix

_FRAME_INTERVAL = 0.1
_STOP_GRACE = 1.5
"""Seconds that a job gets for its checkpoint when the client is gone; the process ends within five,
also when a library that is being loaded keeps it from noticing at once. A running job writes one every 20 s anyway."""


class WorkerEvents:
    """Listener that sends what a job tells to the client.

    Progress and frames are thinned to ten a second: the client shows the newest and no more. Where steps
    take longer than that, previews of replicas on their way fill the time between their frames.

    Parameters
    ----------
    job_id : str
        The client's name of the job.
    send : callable
        Sends one message.
    clock : callable
        Time in seconds.
    """

    def __init__(
        self,
        job_id: str,
        send: Callable[[messages.Message], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._job_id = job_id
        self._send = send
        self._clock = clock
        self._eta, self._job_eta = Eta(clock), Eta(clock)
        self._done: float | None = None
        self._job_left: float | None = None
        self._last: dict[str, float] = {}

    def progress(self, stage: str, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """Send progress; the first and last of a stage always."""
        left = self._eta.update(stage, step, total)
        if step >= total or self._due(f"progress {stage}"):
            figures = {name: float(value) for name, value in (metrics or {}).items()}
            self._send(messages.Progress(self._job_id, stage, step, total, left, figures, self._done, self._job_left))

    def overall(self, done: int, total: int) -> None:
        """Keep how far the job is for the next progress."""
        self._done = done / total
        self._job_left = self._job_eta.update("", done, total)

    def layout(self, layout: messages.Layout) -> None:
        """Send the residues of the job."""
        self._send(replace(layout, job_id=self._job_id))

    def frame(self, step: int, coordinates: NDArray[np.floating], first_replica: int = 0) -> None:
        """Send a frame if the last one was some time ago, whatever previews came since."""
        if self._due(f"frame {first_replica}"):
            self._last[f"preview {first_replica}"] = self._clock()
            self._send(messages.Frame(self._job_id, step, coordinates.astype("f4"), first_replica))

    def preview(self, step: int, coordinates: NDArray[np.floating], first_replica: int = 0) -> None:
        """Send replicas on their way as a frame if nothing was shown for some time."""
        if self._due(f"preview {first_replica}"):
            self._send(messages.Frame(self._job_id, step, coordinates.astype("f4"), first_replica))

    def metric(
        self, name: str, value: float | Sequence[float], step: int | None = None, first_replica: int = 0
    ) -> None:
        """Send a figure; those of a step only if the last one was some time ago."""
        if step is None or self._due(f"metric {name}"):
            values = [float(value)] if isinstance(value, int | float) else [float(v) for v in value]
            self._send(messages.Metric(self._job_id, name, values, step, first_replica))

    def best(self, replica: int, step: int) -> None:
        """Send which replica is the best, always; figures of residues that refer to it follow in any case."""
        self._last = {what: when for what, when in self._last.items() if not what.startswith("residues ")}
        self._send(messages.Best(self._job_id, replica, step))

    def residue_metric(self, name: str, values: Sequence[float], step: int) -> None:
        """Send a figure of each residue if the last one was some time ago."""
        if self._due(f"residues {name}"):
            self._send(messages.Metric(self._job_id, name, [float(v) for v in values], step))

    def message(self, text: str, level: str = "info") -> None:
        """Send a sentence."""
        self._send(messages.Log(self._job_id, text, level))

    def _due(self, what: str) -> bool:
        now = self._clock()
        if now - self._last.get(what, -1e9) < _FRAME_INTERVAL:
            return False
        self._last[what] = now
        return True


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
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        load: Callable[[str], Pipeline] = load_pipeline,
        warm_up: threading.Thread | None = None,
        examine: Examine | None = None,
        search: Examine | None = None,
        score: Examine | None = None,
    ) -> None:
        self._write = write
        self._load = load
        self._warm_up = warm_up
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
            self._start(submit.job_id, lambda: _create(submit.spec, submit.overwrite))
        elif isinstance(message, messages.Reopen):
            folder = message.folder
            self._start(message.job_id, lambda: JobFolder.open(folder))
        elif isinstance(message, messages.Question):
            control = Control()
            with self._job_lock:
                self._asked[message.job_id] = control
            threading.Thread(target=self._answer, args=(message, control), name=message.kind, daemon=True).start()
        elif isinstance(message, Steering):
            self._steer(message)
        else:
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

    def _steer(self, message: Steering) -> None:
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
            else:
                self._control.change(message.name, message.value)

    def _start(self, job_id: str, prepare: Callable[[], JobFolder]) -> None:
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
            self.send(messages.Started(job_id, folder))
            idle_cores.cache_clear()  # each job of a long-lived process looks anew
            metrics = execute(job, WorkerEvents(job_id, self.send), control, self._load)
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


def serve_standard_streams(
    load: Callable[[str], Pipeline] = load_pipeline, warm_up: Callable[[], None] | None = None
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
    """
    requests, reports = _take_standard_streams()

    def write(data: bytes) -> None:
        reports.write(data)
        reports.flush()

    warm = threading.Thread(target=warm_up or (lambda: _warm_up(load)), name="warm-up", daemon=True)
    warm.start()
    worker = Worker(write, load, warm)
    code = 0
    try:
        while (message := wire.read_message(requests.read)) is not None:
            if not worker.handle(message):
                code = 1
                break
    except (wire.ProtocolError, OSError) as error:
        print(f"adp3d worker: {error}", file=sys.stderr)
        code = 1
    worker.shut_down()
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
