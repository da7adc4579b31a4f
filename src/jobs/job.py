"""One job on the client's side: what the engine told about it, and how to steer it."""

from __future__ import annotations

import time
import weakref
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..engine.contract import messages
from .state import JobState, Layout, PreparedJob

if TYPE_CHECKING:
    import numpy as np
    from chimerax.atomic import AtomicStructure
    from chimerax.map import Volume
    from numpy.typing import NDArray

__all__ = ["Job", "Steering"]

_MAX_LOG_LINES = 5000
_MAX_RECORDS = 20_000

_Kind = TypeVar("_Kind")


class Steering(Protocol):
    """What a job asks of whoever runs it; `JobManager` is one."""

    def stop(self, job: Job) -> None:
        """End the job, by force after a while."""

    def steer(self, job: Job, message: messages.Message) -> None:
        """Pass a wish on to the engine that runs the job."""

    def wait(self, job: Job, timeout: float | None) -> bool:
        """Work until the job has ended; False if the time was over first."""


class Job:
    """A job from its submission to its end.

    Only the main thread reads and writes it.

    Attributes
    ----------
    id : int
        Number that the user sees, from 1.
    prepared : PreparedJob
        What was handed over, without `model` and `map`, which the job refers to weakly.
    state : JobState
    folder : Path
        Job folder.
    waiting_for : str
        What a waiting job waits for besides earlier jobs of its device, such as the installation of the engine.
    stage : str
        What the engine is doing.
    step, total : int
        Step of the stage.
    taken_up : bool
        Whether it had finished already when it came to this session: from its folder, or with a restored session.
    without_models : bool
        Whether it came without open models: from its folder.
    done : float or None
        Part of the whole job that is done, 0 to 1; None if the engine does not tell.
    eta_seconds, stage_eta_seconds : float or None
        Seconds left of the whole job, and of the stage.
    metrics : dict
        Figures by name: list of (step or None, values). Of figures for each residue (``residue_...``) only
        the newest is kept.
    log : list of str
        What the engine said, oldest first.
    layout : Layout or None
        Known soon after the job has started.
    frame : tuple or None
        Newest (step, coordinates), float32 (replica, N, 4, 3) in angstrom in the frame of the job's files.
    frame_serial : int
        Goes up by one with every new frame.
    best_replica : int
        The best replica so far, as the engine says.
    colouring : str
        What its models are coloured by: ``confidence``, ``fit`` or ``none``.
    held : set of int or None
        Positions in the layout of the residues that are held; None before the user has fixed or released any.
    tugged : int or None
        Position in the layout of the residue that is being tugged.
    paths : dict
        Files of a finished job by role (``result``, ``metrics``, ``trajectory`` ...).
    result_metrics : dict
        Figures of merit of a finished job.
    error, advice : str
        What went wrong, and what to do about it.
    submitted, started, finished : float or None
        Times (seconds since the epoch).
    """

    def __init__(self, number: int, prepared: PreparedJob, steering: Steering) -> None:
        self.id = number
        self.prepared = replace(prepared, model=None, map=None)
        self._steering = weakref.ref(steering)
        self._model = None if prepared.model is None else weakref.ref(prepared.model)
        self._map = None if prepared.map is None else weakref.ref(prepared.map)
        self.without_models = self._model is None and self._map is None
        self.state = JobState.WAITING
        self.folder = Path(prepared.folder)
        self.waiting_for = ""
        self.stage = ""
        self.step = 0
        self.total = 0
        self.taken_up = False
        self.done: float | None = None
        self.eta_seconds: float | None = None
        self.stage_eta_seconds: float | None = None
        self.metrics: dict[str, list[tuple[int | None, list[float]]]] = {}
        self.log: list[str] = []
        self.layout: Layout | None = None
        self.frame: tuple[int, NDArray[np.float32]] | None = None
        self.frame_serial = 0
        self.best_replica = 0
        self.colouring = "confidence"
        self.held: set[int] | None = None
        self.tugged: int | None = None
        self.paths: dict[str, str] = {}
        self.result_metrics: dict[str, Any] = {}
        self.error = ""
        self.advice = ""
        self.submitted = time.time()
        self.started: float | None = None
        self.finished: float | None = None

    def __repr__(self) -> str:
        return f"<Job {self.id}: {self.title}, {self.state}>"

    @property
    def title(self) -> str:
        """What the job does, for tables and the log."""
        return self.prepared.title

    @property
    def kind(self) -> str:
        """Name of its kind, as in `KINDS` of the contract."""
        return self.prepared.kind

    @property
    def key(self) -> str:
        """Name of the job in messages."""
        return f"job-{self.id}"

    @property
    def ended(self) -> bool:
        """Whether it has finished, was stopped or failed."""
        return self.state.ended

    @property
    def model(self) -> AtomicStructure | None:
        """Starting model; None once the user has closed it."""
        return _open_model(self._model)

    @property
    def map(self) -> Volume | None:
        """Map; None once the user has closed it."""
        return _open_model(self._map)

    def find_again(self, model: AtomicStructure | None, volume: Volume | None) -> None:
        """Take models of a session that was opened again, where the job's own were closed with the old one."""
        if model is not None and self.model is None:
            self._model = weakref.ref(model)
        if volume is not None and self.map is None:
            self._map = weakref.ref(volume)

    @property
    def result(self) -> Path | None:
        """The finished model on disk."""
        return Path(self.paths["result"]) if "result" in self.paths else None

    @property
    def seconds(self) -> float:
        """Seconds since the job was started, until its end; of one that finished earlier, those it has noted."""
        if self.started is None:
            noted = self.result_metrics.get("seconds")
            return float(noted) if isinstance(noted, int | float) else 0.0
        return (self.finished or time.time()) - self.started

    @property
    def fraction(self) -> float:
        """Part of the job that is done, 0 to 1; that of the present stage where no more is known."""
        if self.state is JobState.FINISHED:
            return 1.0
        if self.done is not None:
            return min(1.0, max(0.0, self.done))
        return min(1.0, self.step / self.total) if self.total else 0.0

    def pause(self) -> None:
        """Hold the job after its present step."""
        if self.state is JobState.RUNNING:
            self._steer(messages.Pause(self.key))
            self.state = JobState.PAUSED

    def resume(self) -> None:
        """Let a paused job go on."""
        if self.state is JobState.PAUSED:
            self._steer(messages.Resume(self.key))
            self.state = JobState.RUNNING

    def stop(self) -> None:
        """End the job; a checkpoint stays, from which it can be reopened."""
        steering = self._steering()
        if steering is not None and not self.ended:
            steering.stop(self)

    def set_weight(self, name: str, value: float) -> None:
        """Change a weight of the running job, such as ``density_weight``."""
        self._steer(messages.SetWeight(self.key, name, float(value)))

    def fix(self, residues: list[int], fixed: bool) -> None:
        """Hold residues (positions in the layout) where the best estimate has them, or release them."""
        self._steer(messages.Fix(self.key, [int(i) for i in residues], bool(fixed)))

    def tug(self, residue: int, target: list[float]) -> None:
        """Pull a residue (position in the layout) towards a place in the job's frame, in angstrom."""
        self._steer(messages.Tug(self.key, int(residue), target))
        self.tugged = int(residue)

    def let_go(self) -> None:
        """Let the residue go that is being tugged."""
        if self.tugged is not None:
            self._steer(messages.Tug(self.key, self.tugged, [0.0, 0.0, 0.0], on=False))
            self.tugged = None

    def begin_again(self, prepared: PreparedJob) -> None:
        """Wait for the engine once more, after a stop or a failure.

        Models, frames and figures stay: the engine goes on from its last checkpoint, and tells some of them anew.
        """
        self.prepared = replace(prepared, model=None, map=None)
        self.find_again(prepared.model, prepared.map)
        self.state = JobState.WAITING
        self.stage, self.step, self.total = "", 0, 0
        self.done = self.started = self.finished = self.tugged = None
        self.error = self.advice = ""
        self.log.clear()
        self.submitted = time.time()

    def prepared_again(self) -> PreparedJob:
        """What was handed over, with the models that are still open: to take the job up once more."""
        return replace(self.prepared, model=self.model, map=self.map)

    def wait(self, timeout: float | None = None) -> bool:
        """Work until the job has ended, at most ``timeout`` seconds; whether it has.

        The session keeps drawing meanwhile, so that live models move.
        """
        steering = self._steering()
        return self.ended if steering is None else steering.wait(self, timeout)

    def latest(self, name: str) -> list[float] | None:
        """Newest values of a figure, None before the first."""
        records = self.metrics.get(name)
        return records[-1][1] if records else None

    def status(self) -> dict[str, Any]:
        """Everything worth telling, as plain values that JSON can hold."""
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "command": self.prepared.command,
            "state": self.state.value,
            "waiting_for": self.waiting_for,
            "folder": str(self.folder),
            "device": self.prepared.device,
            "replicas": self.prepared.replicas,
            "stage": self.stage,
            "step": self.step,
            "total": self.total,
            "fraction": round(self.fraction, 4),
            "eta_seconds": _rounded(self.eta_seconds),
            "stage_eta_seconds": _rounded(self.stage_eta_seconds),
            "seconds": round(self.seconds, 1),
            "residues": None if self.layout is None else self.layout.n_residues,
            "best_replica": self.best_replica,
            "metrics": {
                name: [None if value != value else value for value in records[-1][1]]  # NaN is no JSON
                for name, records in self.metrics.items()
                if records and not name.startswith("residue_")
            },
            "paths": dict(self.paths),
            "result": dict(self.result_metrics),
            "error": self.error,
            "advice": self.advice,
        }

    def add_log(self, text: str) -> None:
        """Keep a sentence; of very many the oldest are dropped."""
        self.log.append(text)
        del self.log[:-_MAX_LOG_LINES]

    def add_metric(self, name: str, values: list[float], step: int | None, first_replica: int = 0) -> None:
        """Keep a figure; batches of replicas of one step are joined."""
        records = self.metrics.setdefault(name, [])
        if name.startswith("residue_"):
            records[:] = [(step, values)]
            return
        if first_replica:
            step_before, before = records[-1] if records else (None, [])
            if step_before == step and len(before) == first_replica:
                records[-1] = (step, before + values)
                return
            values = [float("nan")] * first_replica + values
        records.append((step, values))
        del records[:-_MAX_RECORDS]

    def add_frame(self, step: int, coordinates: NDArray[np.float32], first_replica: int) -> bool:
        """Take replicas ``first_replica``...; False if the frame does not fit the job.

        Replicas not seen yet stay where the layout has them.
        """
        import numpy as np

        count, n_residues = coordinates.shape[:2]
        if self.layout is not None and n_residues != self.layout.n_residues:
            return False
        total = max(self.prepared.replicas, first_replica + count)
        if self.frame is not None and self.frame[1].shape[1] == n_residues:
            total = max(total, len(self.frame[1]))
        if count == total:
            merged = coordinates
        else:
            merged = np.empty((total, n_residues, 4, 3), np.float32)
            merged[:] = coordinates[:1] if self.layout is None else self.layout.coordinates
            if self.frame is not None and self.frame[1].shape[1] == n_residues:
                merged[: len(self.frame[1])] = self.frame[1]
            merged[first_replica : first_replica + count] = coordinates
        self.frame = (step, merged)
        self.frame_serial += 1
        return True

    def _steer(self, message: messages.Message) -> None:
        steering = self._steering()
        if steering is not None:
            steering.steer(self, message)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _open_model(reference: weakref.ref[_Kind] | None) -> _Kind | None:
    model = None if reference is None else reference()
    return None if model is None or getattr(model, "deleted", False) else model
