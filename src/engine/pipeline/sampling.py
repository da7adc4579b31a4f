"""Running replicas: batches that fit in memory, checkpoints, stopping and resuming."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..events import Control, Events, shift_steps
from ..prior.conditioning import KnownAtoms
from ..prior.protocol import Prior
from ..solver.adp3d import initial_state, solve
from ..solver.noise import ReplicaNoise
from ..solver.protocol import Level, SolverState, Update
from .job import JobFolder
from .memory import run_in_batches

__all__ = ["Sampling", "Stage"]

_CHECKPOINT_SECONDS = 20.0
Watch = Callable[[Tensor, Level], dict[str, Tensor]]
"""Figures of the present estimates (replica, N, 4, 3) for the log, each of shape (replica,)."""


@dataclass(frozen=True)
class Stage:
    """One run of the solver over all replicas.

    Attributes
    ----------
    name : str
        For progress and checkpoints; unique within a job.
    times : ndarray, shape (K + 1,)
        Diffusion times.
    replicas : int
    seed : int
    batch : int or None
        Replicas to compute at once; all if None.
    watch_interval : int
        Steps between figures for the log.
    """

    name: str
    times: NDArray[np.float64]
    replicas: int
    seed: int
    batch: int | None = None
    watch_interval: int = 5


class Sampling:
    """The sampling stages of one job, which a checkpoint lets go on where they ended.

    Parameters
    ----------
    job : JobFolder
    events : Events
    control : Control
        Polled after each step.
    on_change : callable
        Gets the settings the user changed while the job runs, by name.
    """

    def __init__(
        self, job: JobFolder, events: Events, control: Control, on_change: Callable[[dict[str, float]], None]
    ) -> None:
        self._job = job
        self._events = events
        self._control = control
        self._on_change = on_change
        saved = job.load_checkpoint()
        self._serial = saved.step if saved else 0
        self._tensors = saved.tensors if saved else {}
        self._where = saved.state if saved else {}
        self._last_save = time.monotonic()
        self._steps_before = 0

    def run(
        self,
        stage: Stage,
        prior: Prior,
        updates: Sequence[Update],
        origin: Tensor,
        watch: Watch,
        start: Tensor | None = None,
        known: KnownAtoms | None = None,
    ) -> Tensor:
        """Estimates of all replicas of a stage, (replica, N, 4, 3) in angstrom, in the measurements' frame.

        Parameters
        ----------
        stage : Stage
        prior : Prior
        updates : sequence of Update
        origin : Tensor, shape (3,)
            Centre to start around.
        watch : callable
        start : Tensor, shape (replica, N, 4, 3), optional
            Structures to start from, as in `initial_state`.
        known : KnownAtoms, optional
            Atoms shown to the prior, as in `solve`.

        Raises
        ------
        Stopped
            If the user asked for it; a checkpoint is written.
        """
        finished = self._tensors.get(f"done.{stage.name}")
        first = 0 if finished is None else len(finished)
        finished = None if finished is None else finished.to(origin)

        def compute(replicas: range, events: Events) -> Tensor:
            nonlocal finished
            estimate = self._batch(stage, replicas, prior, updates, origin, watch, start, known, events)
            finished = estimate if finished is None else torch.cat([finished, estimate])
            self._tensors = self._finished_tensors() | {f"done.{stage.name}": finished}
            self._where = {}
            self._save({}, {})
            return estimate

        if first < stage.replicas:
            shifted = shift_steps(self._events, self._steps_before)
            run_in_batches(compute, stage.replicas, shifted, batch=stage.batch, first=first)
        self._steps_before += len(stage.times) - 1
        assert finished is not None  # at least one replica is always computed
        return finished

    def _batch(
        self,
        stage: Stage,
        replicas: range,
        prior: Prior,
        updates: Sequence[Update],
        origin: Tensor,
        watch: Watch,
        start: Tensor | None,
        known: KnownAtoms | None,
        events: Events,
    ) -> Tensor:
        noise = ReplicaNoise(stage.seed, replicas.start, len(replicas))
        state = self._saved_state(stage, replicas, len(updates), noise, origin)
        if state is None:
            chosen = None if start is None else start[replicas.start : replicas.stop]
            state = initial_state(prior, len(updates), noise, float(stage.times[0]), origin, chosen)
        total = len(stage.times) - 1

        def save(now: SolverState) -> None:
            tensors = {
                "z": now.z,
                "origin": now.origin,
                "estimate": now.estimate,
                "noise": noise.state(),
                **{f"velocity.{i}": v for i, v in enumerate(now.velocities)},
            }
            where = {"stage": stage.name, "first": replicas.start, "count": len(replicas), "step": now.step}
            self._save(tensors, where)

        def observe(now: SolverState, level: Level) -> bool:
            figures: dict[str, float] = {}
            if now.step % stage.watch_interval == 0 or now.step == total:
                events.metric("noise_level", level.sigma, step=now.step)
                for name, values in watch(now.estimate, level).items():
                    events.metric(name, [float(v) for v in values], step=now.step)
                    figures[name] = float(values.max())
            events.frame(now.step, now.estimate.detach().cpu().numpy())
            events.progress(stage.name, now.step, total, figures)
            if time.monotonic() - self._last_save > _CHECKPOINT_SECONDS:
                save(now)
            changes = self._control.poll(lambda: save(now))
            if changes:
                self._on_change(changes)
            return True

        return solve(prior, updates, stage.times, state, noise, observe, known).estimate

    def _saved_state(
        self, stage: Stage, replicas: range, updates: int, noise: ReplicaNoise, origin: Tensor
    ) -> SolverState | None:
        """State of this very batch in the checkpoint, with its random numbers; None otherwise."""
        where = self._where
        if (where.get("stage"), where.get("first")) != (stage.name, replicas.start):
            return None
        if where.get("count") != len(replicas):
            return None
        tensors = {name: self._tensors[name] for name in ("z", "origin", "estimate")}
        noise.restore(self._tensors["noise"])
        velocities = tuple(self._tensors[f"velocity.{i}"].to(origin) for i in range(updates))
        return SolverState(
            int(where["step"]),
            tensors["z"].to(origin),
            tensors["origin"].to(origin),
            velocities,
            tensors["estimate"].to(origin),
        )

    def _finished_tensors(self) -> dict[str, Tensor]:
        return {name: value for name, value in self._tensors.items() if name.startswith("done.")}

    def _save(self, tensors: dict[str, Tensor], where: dict[str, object]) -> None:
        self._serial += 1
        self._job.save_checkpoint(self._serial, {**self._finished_tensors(), **tensors}, where)
        self._last_save = time.monotonic()
