"""Running replicas: batches that fit in memory, checkpoints, stopping and resuming."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.kinds import Merit
from ..prior.evidence import NOTHING, Evidence, KnownAtoms
from ..prior.protocol import Prior
from ..solver.adp3d import initial_state, solve
from ..solver.noise import ReplicaNoise
from ..solver.pins import Pins
from ..solver.planned_run import PlannedRun, total_work
from ..solver.protocol import Level, SolverState, Update
from .events import Control, Events, Hold, NullEvents, shift_steps
from .folder import JobFolder
from .leader import Leader
from .memory import run_in_batches

__all__ = ["ResidueWatch", "Sampling", "Stage"]

_CHECKPOINT_SECONDS = 20.0
Watch = Callable[[Tensor, Level], dict[str, Tensor]]
"""Figures of the present estimates (replica, N, 4, 3) for the log, each of shape (replica,)."""
ResidueWatch = Callable[[Tensor, int], Mapping[str, NDArray[np.float64]]]
"""Figures of each residue for live display, shape (N,), of all replicas so far and the number of the best one."""


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
    merit : Merit or None
        Figure of the best replica; without it the first replica stands for all.
    """

    name: str
    times: NDArray[np.float64]
    replicas: int
    seed: int
    batch: int | None = None
    watch_interval: int = 5
    merit: Merit | None = None


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
    pins : Pins, optional
        Atoms held in place, which the user may change; those of a checkpoint replace them. Without them,
        residues cannot be held.
    plan : sequence of PlannedRun
        Stages that may come, in order, by which the progress of the whole job is told. Those before a stage
        that runs count no more.
    """

    def __init__(
        self,
        job: JobFolder,
        events: Events,
        control: Control,
        on_change: Callable[[dict[str, float]], None],
        pins: Pins | None = None,
        plan: Sequence[PlannedRun] = (),
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
        self._plan = list(plan)
        self._work_before = 0
        self._pins = pins
        self._leader = Leader(self._where.get("leader"))
        self._told_best: int | None = None
        self._earlier: Tensor | None = None
        self._live: tuple[Events, int] = (NullEvents(), 0)
        if pins is not None and "pins.mask" in self._tensors:
            pins.release(range(len(pins.mask)))
            pins.hold(self._tensors["pins.mask"].numpy(), self._tensors["pins.xyz"].numpy())

    def conclude(self, best: int) -> None:
        """Tell which replica of the last stage the result is made of."""
        self._leader.choose(best)
        self._tell_best(self._steps_before)

    def preview(self, x: Tensor) -> None:
        """Show replicas (replica, N, 4, 3) of the batch being computed on their way to the next step."""
        events, step = self._live
        events.preview(step, x.detach().cpu().numpy())

    def run(
        self,
        stage: Stage,
        prior: Prior,
        updates: Sequence[Update],
        origin: Tensor,
        watch: Watch,
        start: Tensor | None = None,
        watch_residues: ResidueWatch | None = None,
        evidence: Evidence = NOTHING,
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
        watch_residues : callable, optional
        evidence : Evidence
            Shown to the prior, as in `solve`.

        Raises
        ------
        Stopped
            If the user asked for it; a checkpoint is written.
        """
        finished = self._tensors.get(f"done.{stage.name}")
        first = 0 if finished is None else len(finished)
        steps = len(stage.times) - 1
        self._drop_plans_until(stage.name)
        finished = None if finished is None else finished.to(origin)

        def compute(replicas: range, events: Events) -> Tensor:
            nonlocal finished
            self._earlier = finished
            estimate = self._batch(
                stage, replicas, prior, updates, origin, watch, start, events, watch_residues, evidence
            )
            finished = estimate if finished is None else torch.cat([finished, estimate])
            self._tensors = self._finished_tensors() | {f"done.{stage.name}": finished}
            self._where = {}
            self._save({}, {})
            return estimate

        if first < stage.replicas:
            self._leader.enter(stage.name)
            if self._told_best is None:
                self._tell_best(self._steps_before)
            shifted = shift_steps(self._events, self._steps_before)
            run_in_batches(compute, stage.replicas, shifted, batch=stage.batch, first=first)
        self._steps_before += steps
        self._work_before += steps * stage.replicas
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
        events: Events,
        watch_residues: ResidueWatch | None,
        evidence: Evidence,
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
                told = watch(now.estimate, level)
                for name, values in told.items():
                    events.metric(name, [float(v) for v in values], step=now.step)
                    figures[name] = float(values.max())
                everyone = self._everyone(now.estimate)
                self._judge(stage, told, watch, everyone, level, now.step)
                if watch_residues is not None:
                    for name, row in watch_residues(everyone, self._leader.replica).items():
                        events.residue_metric(name, row.tolist(), now.step)
            self._live = events, now.step + 1
            events.frame(now.step, now.estimate.detach().cpu().numpy())
            work = self._work_before + total * replicas.start + now.step * len(replicas)
            events.overall(work, self._work_before + total * stage.replicas + total_work(self._plan))
            events.progress(stage.name, now.step, total, figures)
            if time.monotonic() - self._last_save > _CHECKPOINT_SECONDS:
                save(now)
            changes = self._control.poll(lambda: save(now))
            if changes:
                self._on_change(changes)
            if holds := self._control.take_holds():
                self._hold(holds, self._everyone(now.estimate)[self._leader.replica], events)
            return True

        self._live = events, state.step + 1
        return solve(prior, updates, stage.times, state, noise, observe, self._shown(evidence)).estimate

    def _everyone(self, present: Tensor) -> Tensor:
        """All replicas of the stage so far: those of earlier batches, then those being computed."""
        return present if self._earlier is None else torch.cat([self._earlier, present])

    def _judge(
        self, stage: Stage, told: Mapping[str, Tensor], watch: Watch, everyone: Tensor, level: Level, step: int
    ) -> None:
        """Decide which replica is the best by the figures just told, and tell it if that is another one."""
        if self._leader.replica >= len(everyone):
            self._leader.choose(0)  # the best one of the stage before is not there yet
        merit, first = stage.merit, 0 if self._earlier is None else len(self._earlier)
        if merit is not None and merit.relative and first:  # only those that have arrived can be compared
            told, first = watch(everyone, level) if step == len(stage.times) - 1 else {}, 0
        if merit is not None and merit.figure in told:
            self._leader.hear(merit, told[merit.figure].tolist(), first)
        if self._leader.replica != self._told_best:
            self._tell_best(self._steps_before + step)

    def _tell_best(self, step: int) -> None:
        self._told_best = self._leader.replica
        self._events.best(self._leader.replica, step)

    def _drop_plans_until(self, name: str) -> None:
        """Keep those stages of the plan that come after one."""
        names = [run.name for run in self._plan]
        if name in names:
            del self._plan[: names.index(name) + 1]

    def _shown(self, evidence: Evidence) -> Evidence:
        """Evidence with the pinned atoms over the known ones; what is pinned later acts through the updates only."""
        if evidence.known is None or self._pins is None:
            return evidence
        weights, target = self._pins.overlay(evidence.known.weights, evidence.known.target)
        return replace(evidence, known=KnownAtoms(target, weights))

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

    def _hold(self, holds: Sequence[Hold], estimate: Tensor, events: Events) -> None:
        """Pin residues where the best estimate (N, 4, 3) has them, or release them."""
        if self._pins is None:
            events.message("Residues cannot be held in this kind of job: nothing fixes its frame.", "warning")
            return
        xyz = estimate.detach().double().cpu().numpy()
        for hold in holds:
            residues = [r for r in hold.residues if 0 <= r < len(xyz)]
            if len(residues) < len(hold.residues):
                events.message(f"Some residues to hold or release do not exist: there are {len(xyz)}.", "warning")
            # what is held already stays where it is: the estimate is only near
            atoms = np.zeros(self._pins.mask.shape, dtype=bool)
            atoms[residues] = True
            if hold.fixed:
                self._pins.hold(atoms & ~self._pins.mask, xyz)
            else:
                self._pins.release(residues)
            events.message(f"{len(residues)} residues are {'held' if hold.fixed else 'free to move'} from now on.")

    def _finished_tensors(self) -> dict[str, Tensor]:
        return {name: value for name, value in self._tensors.items() if name.startswith("done.")}

    def _save(self, tensors: dict[str, Tensor], where: dict[str, object]) -> None:
        self._serial += 1
        state = {**where, "leader": self._leader.state}
        pins: dict[str, Tensor] = {}
        if self._pins is not None:
            pins = {"pins.mask": torch.from_numpy(self._pins.mask), "pins.xyz": torch.from_numpy(self._pins.xyz)}
        self._job.save_checkpoint(self._serial, {**self._finished_tensors(), **tensors, **pins}, state)
        self._last_save = time.monotonic()
