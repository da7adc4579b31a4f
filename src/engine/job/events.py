"""How long computations tell what they do, and how they are told to stop, pause or change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..contract.messages import Layout

__all__ = [
    "Control",
    "Eta",
    "Events",
    "Hold",
    "NullEvents",
    "Passed",
    "Stopped",
    "Tug",
    "fan_out",
    "reword_messages",
    "shift_replicas",
    "shift_steps",
]


class Events(Protocol):
    """Listener to a running job: the log, a progress bar, the worker's stream, ...; see `NullEvents`.

    All methods are called from the thread that computes and should return quickly. A ``step`` of a frame
    or metric counts over the whole job: where one is told again (a batch repeated, a job resumed), the
    later report replaces the earlier.
    """

    def progress(self, stage: str, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """Tell that ``step`` of ``total`` steps of a stage are done; ``metrics`` (such as ``fit``) are for display."""

    def overall(self, done: int, total: int) -> None:
        """Tell how much of all stages is done, in steps of single replicas, before the `progress` at that step.

        ``total`` is positive; it falls when a stage turns out not to be needed.
        """

    def layout(self, layout: Layout) -> None:
        """Take the residues of the job, told once before the first frame; its ``job_id`` is empty."""

    def frame(self, step: int, coordinates: NDArray[np.floating], first_replica: int = 0) -> None:
        """Show the replicas ``first_replica``... at ``step``: (replica, N, 4, 3) in angstrom."""

    def preview(self, step: int, coordinates: NDArray[np.floating], first_replica: int = 0) -> None:
        """Show replicas on their way to ``step``: for live display only, never stored."""

    def metric(
        self, name: str, value: float | Sequence[float], step: int | None = None, first_replica: int = 0
    ) -> None:
        """Keep a named figure: one value, or one for each replica from ``first_replica`` on."""

    def best(self, replica: int, step: int) -> None:
        """Take ``replica`` for the best: told at the start, when that changes, and when the result is chosen."""

    def residue_metric(self, name: str, values: Sequence[float], step: int) -> None:
        """Show a named figure of each residue, in the order of the layout: for live display only."""

    def message(self, text: str, level: str = "info") -> None:
        """Tell the user a sentence; ``level`` is ``info`` or ``warning``."""


class NullEvents:
    """Listener that hears nothing; base of listeners that hear only some of it."""

    def progress(self, stage: str, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """Ignore."""

    def overall(self, done: int, total: int) -> None:
        """Ignore."""

    def layout(self, layout: Layout) -> None:
        """Ignore."""

    def frame(self, step: int, coordinates: NDArray[np.floating], first_replica: int = 0) -> None:
        """Ignore."""

    def preview(self, step: int, coordinates: NDArray[np.floating], first_replica: int = 0) -> None:
        """Ignore."""

    def metric(
        self, name: str, value: float | Sequence[float], step: int | None = None, first_replica: int = 0
    ) -> None:
        """Ignore."""

    def best(self, replica: int, step: int) -> None:
        """Ignore."""

    def residue_metric(self, name: str, values: Sequence[float], step: int) -> None:
        """Ignore."""

    def message(self, text: str, level: str = "info") -> None:
        """Ignore."""


def fan_out(*listeners: Events) -> Events:
    """Repeat everything to each of ``listeners``, in order."""
    return _FanOut(listeners)


def shift_replicas(events: Events, first_replica: int) -> Events:
    """Give the replicas of a batch the numbers from ``first_replica`` on that they have in the whole job."""
    return Passed(events, first_replica, 0)


def shift_steps(events: Events, steps_before: int) -> Events:
    """Count the steps of frames and metrics from ``steps_before`` on: those of earlier stages of a job.

    Progress is left alone, since it tells the step within its stage.
    """
    return Passed(events, 0, steps_before)


def reword_messages(events: Events, reword: Callable[[str], str]) -> Events:
    """Say each message in other words; everything else goes on as it is."""
    return _Reworded(events, reword)


class _FanOut:
    def __init__(self, listeners: tuple[Events, ...]) -> None:
        self._listeners = listeners

    def progress(self, stage: str, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        for listener in self._listeners:
            listener.progress(stage, step, total, metrics)

    def overall(self, done: int, total: int) -> None:
        for listener in self._listeners:
            listener.overall(done, total)

    def layout(self, layout: Layout) -> None:
        for listener in self._listeners:
            listener.layout(layout)

    def frame(self, step: int, coordinates: NDArray[np.floating], first_replica: int = 0) -> None:
        for listener in self._listeners:
            listener.frame(step, coordinates, first_replica)

    def preview(self, step: int, coordinates: NDArray[np.floating], first_replica: int = 0) -> None:
        for listener in self._listeners:
            listener.preview(step, coordinates, first_replica)

    def metric(
        self, name: str, value: float | Sequence[float], step: int | None = None, first_replica: int = 0
    ) -> None:
        for listener in self._listeners:
            listener.metric(name, value, step, first_replica)

    def best(self, replica: int, step: int) -> None:
        for listener in self._listeners:
            listener.best(replica, step)

    def residue_metric(self, name: str, values: Sequence[float], step: int) -> None:
        for listener in self._listeners:
            listener.residue_metric(name, values, step)

    def message(self, text: str, level: str = "info") -> None:
        for listener in self._listeners:
            listener.message(text, level)


class Passed:
    """Repeats everything to a listener, with other numbers of replicas and steps; base of those that change more.

    Parameters
    ----------
    events : Events
    replicas, steps : int
        Added to the numbers of replicas, and of steps but for those of `progress`.
    """

    def __init__(self, events: Events, replicas: int = 0, steps: int = 0) -> None:
        self._events = events
        self._replicas = replicas
        self._steps = steps

    def progress(self, stage: str, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """Pass on."""
        self._events.progress(stage, step, total, metrics)

    def overall(self, done: int, total: int) -> None:
        """Pass on."""
        self._events.overall(done, total)

    def layout(self, layout: Layout) -> None:
        """Pass on."""
        self._events.layout(layout)

    def frame(self, step: int, coordinates: NDArray[np.floating], first_replica: int = 0) -> None:
        """Pass on."""
        self._events.frame(step + self._steps, coordinates, first_replica + self._replicas)

    def preview(self, step: int, coordinates: NDArray[np.floating], first_replica: int = 0) -> None:
        """Pass on."""
        self._events.preview(step + self._steps, coordinates, first_replica + self._replicas)

    def metric(
        self, name: str, value: float | Sequence[float], step: int | None = None, first_replica: int = 0
    ) -> None:
        """Pass on."""
        shifted = None if step is None else step + self._steps
        self._events.metric(name, value, shifted, first_replica + self._replicas)

    def best(self, replica: int, step: int) -> None:
        """Pass on."""
        self._events.best(replica + self._replicas, step + self._steps)

    def residue_metric(self, name: str, values: Sequence[float], step: int) -> None:
        """Pass on."""
        self._events.residue_metric(name, values, step + self._steps)

    def message(self, text: str, level: str = "info") -> None:
        """Pass on."""
        self._events.message(text, level)


class _Reworded(Passed):
    def __init__(self, events: Events, reword: Callable[[str], str]) -> None:
        super().__init__(events)
        self._reword = reword

    def message(self, text: str, level: str = "info") -> None:
        self._events.message(self._reword(text), level)


class Eta:
    """Seconds left of a stage, from the mean duration of its steps so far.

    Parameters
    ----------
    clock : callable
        Time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stage: str | None = None
        self._start = (0.0, 0)
        self._last_step = 0

    def update(self, stage: str, step: int, total: int) -> float | None:
        """Note that ``step`` is done and estimate the seconds left; ``None`` before a step was timed."""
        now = self._clock()
        if stage != self._stage or step < self._last_step:
            self._stage, self._start = stage, (now, step)
        self._last_step = step
        start_time, start_step = self._start
        if step <= start_step:
            return None
        return max(0, total - step) * (now - start_time) / (step - start_step)


class Stopped(Exception):
    """The job was asked to stop and has left a checkpoint; not an error."""


@dataclass(frozen=True)
class Hold:
    """Wish to hold residues (by their position in the layout) where they are, or to release them."""

    residues: tuple[int, ...]
    fixed: bool


@dataclass(frozen=True)
class Tug:
    """Wish to pull the CA atom of a residue (by its position in the layout) towards a place in angstrom."""

    residue: int
    target: tuple[float, float, float]


class Control:
    """Wishes of the user to a running job; any thread (or signal handler) may write them.

    The solver calls `poll` once each step; long work between solver runs calls `obey` now and then.
    """

    def __init__(self) -> None:
        # The re-entrant lock matters: a signal handler may call stop() inside poll() of the same thread.
        self._condition = threading.Condition(threading.RLock())
        self._stop = False
        self._paused = False
        self._changes: dict[str, float] = {}
        self._holds: list[Hold] = []
        self._tugs: list[Tug | None] = []

    def stop(self) -> None:
        """Ask the job to leave a checkpoint and end."""
        with self._condition:
            self._stop = True
            self._condition.notify_all()

    def pause(self) -> None:
        """Ask the job to hold after the present step."""
        with self._condition:
            self._paused = True

    def resume(self) -> None:
        """Let a paused job go on."""
        with self._condition:
            self._paused = False
            self._condition.notify_all()

    def change(self, name: str, value: float) -> None:
        """Change a setting of the running job, such as ``density_weight``."""
        with self._condition:
            self._changes[name] = value

    def hold(self, residues: Sequence[int], fixed: bool = True) -> None:
        """Hold residues where the best estimate has them, or release them (``fixed`` False)."""
        with self._condition:
            self._holds.append(Hold(tuple(residues), fixed))

    def take_holds(self) -> list[Hold]:
        """Hand over what `hold` asked for since the last call, in order."""
        with self._condition:
            holds, self._holds = self._holds, []
        return holds

    def tug(self, residue: int, target: tuple[float, float, float]) -> None:
        """Pull a residue towards a place in angstrom, instead of what is pulled so far."""
        with self._condition:
            self._tugs = [Tug(residue, target)]

    def let_go(self) -> None:
        """Pull no residue any more."""
        with self._condition:
            self._tugs = [None]

    def take_tugs(self) -> list[Tug | None]:
        """Hand over the newest wish of `tug` or `let_go` (None) since the last call; nothing if there is none."""
        with self._condition:
            tugs, self._tugs = self._tugs, []
        return tugs

    @property
    def stop_requested(self) -> bool:
        """Whether the job was asked to stop."""
        return self._stop

    @property
    def paused(self) -> bool:
        """Whether the job was asked to hold."""
        return self._paused

    def poll(self, checkpoint: Callable[[], None] | None = None) -> dict[str, float]:
        """Obey: hold while paused, end if asked to, and hand over the changed settings.

        Parameters
        ----------
        checkpoint : callable, optional
            Saves the state of the job; called before ending.

        Returns
        -------
        dict
            Settings changed since the last call, by name.

        Raises
        ------
        Stopped
            If the job was asked to stop; the checkpoint is written by then.
        """
        self.obey(checkpoint)
        with self._condition:
            changes, self._changes = self._changes, {}
        return changes

    def obey(self, checkpoint: Callable[[], None] | None = None) -> None:
        """Hold while paused and end if asked to, as `poll`, but leave changed settings for the solver.

        Raises
        ------
        Stopped
            If the job was asked to stop; the checkpoint is written by then.
        """
        with self._condition:
            while self._paused and not self._stop:
                # The timeout lets signal handlers run on platforms where waiting blocks them.
                self._condition.wait(timeout=0.5)
            stop = self._stop
        if stop:
            if checkpoint is not None:
                checkpoint()
            raise Stopped
