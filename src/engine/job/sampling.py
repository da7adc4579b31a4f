"""Running replicas: batches that fit in memory, checkpoints, stopping and resuming."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.kinds import Merit
from ..prior.protocol import Prior
from ..solver.adp3d import initial_state, solve
from ..solver.noise import ReplicaNoise
from ..solver.pins import Pins
from ..solver.planned_run import PlannedRun
from ..solver.posterior import Posterior
from ..solver.protocol import Level, SolverState
from .events import Control, Events, Hold, NullEvents, shift_steps
from .folder import JobFolder
from .interruptible import InterruptiblePrior
from .leader import Leader
from .memory import run_in_batches
from .overall import Overall
from .sampled_part import Numbering, SampledPart
from .sharing import NothingLeft, SharedReplicas
from .stage_states import StageStates
from .tugging import Tugging

__all__ = ["Running", "Sampling", "Stage", "Watch"]

_WATCH_INTERVAL = 5
"""Steps between figures for the log and live display: their curves are smooth, and each costs as much as a fifth of
a step with a map."""


@dataclass(frozen=True)
class Running:
    """How a job runs: who listens, who steers, and how much is computed at once.

    Attributes
    ----------
    events : Events
    control : Control
        Polled after each step.
    change : callable
        Gets the settings the user changed while the job runs, by name.
    batch : int or None
        Replicas to compute at once; all if None.
    part : SampledPart or None
        Residues that are sampled, if those are not all of the job.
    """

    events: Events
    control: Control
    change: Callable[[dict[str, float]], None] = lambda settings: None
    batch: int | None = None
    part: SampledPart | None = None

    @property
    def told(self) -> Events:
        """Listener to what is sampled."""
        return self.events if self.part is None else self.part.told_to(self.events)

    @property
    def numbering(self) -> Numbering:
        """Of the residues that are sampled."""
        return Numbering(self.part)


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
    start : Tensor, shape (replica, N, 4, 3), or None
        Structures to start from, as in `initial_state`.
    """

    name: str
    times: NDArray[np.float64]
    replicas: int
    seed: int
    start: Tensor | None = None

    @property
    def steps(self) -> int:
        """Denoising steps."""
        return len(self.times) - 1


@dataclass(frozen=True)
class Watch:
    """What is told of the present estimates.

    Attributes
    ----------
    figures : callable
        Figures of the estimates (replica, N, 4, 3) for the log, each of shape (replica,).
    residues : callable
        Figures of each residue for live display, shape (N,), of all replicas so far and the number of the best one.
    merit : Merit or None
        Figure of the best replica; without it the first replica stands for all.
    """

    figures: Callable[[Tensor, Level], dict[str, Tensor]]
    residues: Callable[[Tensor, int], Mapping[str, NDArray[np.float64]]] = lambda x, best: {}
    merit: Merit | None = None


class Sampling:
    """The sampling stages of one job, which a checkpoint lets go on where they ended.

    Parameters
    ----------
    job : JobFolder
    running : Running
    pins : Pins, optional
        Atoms held in place, which the user may change; those of a checkpoint replace them. Without them,
        residues cannot be held or pulled (`Tugging`).
    plan : sequence of PlannedRun
        Stages that may come, in order, by which the progress of the whole job is told (`Overall`).
    """

    def __init__(
        self,
        job: JobFolder,
        running: Running,
        pins: Pins | None = None,
        plan: Sequence[PlannedRun] = (),
    ) -> None:
        self._job = job
        self._running = running
        self._states = StageStates(job)
        self._steps_before = 0
        self._overall = Overall(plan)
        self._pins = pins
        self._leader = Leader(self._states.where.get("leader"))
        self._told_best: int | None = None
        self._earlier: Tensor | None = None
        self._group_begins = 0
        self._live: tuple[Events, int] = (NullEvents(), 0)
        held = self._states.tensors
        if pins is not None and "pins.mask" in held:
            pins.release(range(len(pins.mask)))
            pins.hold(held["pins.mask"].numpy(), held["pins.xyz"].numpy())
        self._tugging = Tugging(None if pins is None else pins.tug, running.numbering, self._states.where)
        self._tugging.tell_what_was(running.events)

    def interruptible(self, prior: Prior) -> InterruptiblePrior:
        """A prior for work between stages, which ends when the user asks for it."""
        return InterruptiblePrior(prior, self._running.control.obey)

    def obey(self) -> None:
        """Hold or end as the user asks, in work between stages.

        Raises
        ------
        Stopped
            If the user asked for it.
        """
        self._running.control.obey()

    @property
    def overall(self) -> Overall:
        """How far the job is, for what comes after the stages."""
        return self._overall

    @property
    def tugs(self) -> Mapping[int, int]:
        """How often the user has tugged residues, by their number in the job."""
        return self._tugging.counts

    def conclude(self, best: int) -> None:
        """Tell which replica of the last stage the result is made of."""
        self._leader.choose(best)
        self._tell_best(self._steps_before)

    def preview(self, x: Tensor) -> None:
        """Show replicas (replica, N, 4, 3) of the batch being computed on their way to the next step."""
        events, step = self._live
        events.preview(step, x.detach().cpu().numpy())

    def run(self, stage: Stage, posterior: Posterior, watch: Watch) -> Tensor:
        """Estimates of all replicas of a stage, (replica, N, 4, 3) in angstrom, in the measurements' frame.

        Raises
        ------
        Stopped
            If the user asked for it; a checkpoint is written.
        """
        self._overall.begin(PlannedRun(stage.name, stage.steps, stage.replicas))
        finished = self._states.finished(stage.name)
        if finished is None or len(finished) < stage.replicas:
            self._leader.enter(stage.name)
            if self._told_best is None:
                self._tell_best(self._steps_before)
            shifted = shift_steps(self._running.told, self._steps_before)
            if self._job.shared is None:
                finished = self._in_batches(stage, posterior, watch, range(stage.replicas), shifted)
            else:
                finished = self._together(self._job.shared, stage, posterior, watch, shifted)
        self._steps_before += stage.steps
        self._overall.end()
        return finished.to(posterior.origin)

    def _in_batches(self, stage: Stage, posterior: Posterior, watch: Watch, replicas: range, events: Events) -> Tensor:
        """Estimates of some replicas of a stage, as many at a time as fit; finished ones are not begun anew."""
        finished = self._states.finished(stage.name)
        parts = [] if finished is None else [finished.to(posterior.origin)]

        def compute(some: range, told: Events) -> Tensor:
            self._earlier = torch.cat(parts) if parts else None
            parts.append(self._batch(stage, posterior, watch, some, told))
            self._states.finish(stage.name, torch.cat(parts))
            self._save()
            return parts[-1]

        first = replicas.start + sum(map(len, parts))
        at_once = min(len(replicas), self._running.batch or len(replicas))
        if first < replicas.stop:
            run_in_batches(compute, replicas.stop, events, batch=at_once, first=first)
        return torch.cat(parts)

    def _together(
        self, shared: SharedReplicas, stage: Stage, posterior: Posterior, watch: Watch, events: Events
    ) -> Tensor:
        """Estimates of all replicas of a stage that other processes may compute as well.

        Raises
        ------
        NothingLeft
            If no stage comes after it, and the job is another process's.
        """
        # what others compute is not known on the way: the best replica is told at the end
        watch = replace(watch, merit=None)

        def compute(replicas: range, states: Path | None) -> Tensor:
            with self._states.group(states):
                self._group_begins = replicas.start
                self._leader.choose(0)
                self._tell_best(self._steps_before)
                return self._in_batches(stage, posterior, watch, replicas, events)

        groups = shared.compute(stage.name, stage.replicas, compute, self.obey)
        self._group_begins = 0
        if shared.helping and not self._overall.sampling_left:
            raise NothingLeft
        for group in groups:
            if not group.own:
                events.frame(stage.steps, group.estimate.numpy(), group.replicas.start)
        events.overall(*self._overall.at(stage.steps * stage.replicas))
        events.progress(stage.name, stage.steps, stage.steps)
        finished = torch.cat([group.estimate for group in groups])
        self._states.finish(stage.name, finished)
        self._save()
        return finished

    def _batch(self, stage: Stage, posterior: Posterior, watch: Watch, replicas: range, events: Events) -> Tensor:
        prior, updates, origin = posterior.prior, posterior.updates, posterior.origin
        noise = ReplicaNoise(stage.seed, replicas.start, len(replicas))
        state = self._states.state_of(stage.name, replicas, len(updates), noise, origin)
        if state is None:
            chosen = None if stage.start is None else stage.start[replicas.start : replicas.stop]
            state = initial_state(prior, len(updates), noise, float(stage.times[0]), origin, chosen)
        total = stage.steps

        def save(now: SolverState) -> None:
            self._states.save_state(stage.name, replicas, now, noise, self._held, self._said)

        def observe(now: SolverState, level: Level) -> bool:
            figures: dict[str, float] = {}
            if now.step % _WATCH_INTERVAL == 0 or now.step == total:
                events.metric("noise_level", level.sigma, step=now.step)
                told = watch.figures(now.estimate, level)
                for name, values in told.items():
                    events.metric(name, [float(v) for v in values], step=now.step)
                    figures[name] = float(values.max())
                everyone = self._everyone(now.estimate)
                self._judge(stage, told, watch, everyone, level, now.step)
                for name, row in watch.residues(everyone, self._leader.replica).items():
                    events.residue_metric(name, row.tolist(), now.step)
            self._live = events, now.step + 1
            events.frame(now.step, now.estimate.detach().cpu().numpy())
            events.overall(*self._overall.at(total * replicas.start + now.step * len(replicas)))
            events.progress(stage.name, now.step, total, figures)
            if self._states.due:
                save(now)
            control = self._running.control
            if changes := control.poll(lambda: save(now)):
                self._running.change(changes)
            if holds := control.take_holds():
                self._hold(holds, self._everyone(now.estimate)[self._leader.replica], events)
            if tugs := control.take_tugs():
                self._steered()
                self._tugging.obey(tugs, now.estimate.shape[1], events)
            if self._tugging.pulling:
                everyone = self._everyone(now.estimate)
                self._tugging.aim(everyone[min(self._leader.replica, len(everyone) - 1)])
            return True

        self._live = events, state.step + 1
        return solve(prior, updates, stage.times, state, noise, observe, posterior.evidence).estimate

    def _everyone(self, present: Tensor) -> Tensor:
        """All replicas of the stage so far: those of earlier batches, then those being computed."""
        return present if self._earlier is None else torch.cat([self._earlier, present])

    def _judge(
        self, stage: Stage, told: Mapping[str, Tensor], watch: Watch, everyone: Tensor, level: Level, step: int
    ) -> None:
        """Decide which replica is the best by the figures just told, and tell it if that is another one."""
        if self._leader.replica >= len(everyone):
            self._leader.choose(0)  # the best one of the stage before is not there yet
        merit, first = watch.merit, 0 if self._earlier is None else len(self._earlier)
        if merit is not None and merit.relative and first:  # only those that have arrived can be compared
            told, first = watch.figures(everyone, level) if step == len(stage.times) - 1 else {}, 0
        if merit is not None and merit.figure in told:
            self._leader.hear(merit, told[merit.figure].tolist(), first)
        if self._leader.replica != self._told_best:
            self._tell_best(self._steps_before + step)

    def _tell_best(self, step: int) -> None:
        self._told_best = self._leader.replica
        self._running.events.best(self._group_begins + self._leader.replica, step)

    def _steered(self) -> None:
        """The user takes a hand in it: other processes, which do not know of that, compute no more of the job."""
        if self._job.shared is not None:
            self._job.shared.close()

    def _hold(self, holds: Sequence[Hold], estimate: Tensor, events: Events) -> None:
        """Pin residues where the best estimate (N, 4, 3) has them, or release them."""
        self._steered()
        if self._pins is None:
            events.message("Residues cannot be held in this kind of job: nothing fixes its frame.", "warning")
            return
        xyz = estimate.detach().double().cpu().numpy()
        total = self._running.numbering.total(len(xyz))
        for hold in holds:
            residues = [r for r in hold.residues if 0 <= r < total]
            if len(residues) < len(hold.residues):
                events.message(f"Some residues to hold or release do not exist: there are {total}.", "warning")
            asked, residues = len(residues), self._running.numbering.own(residues)
            if len(residues) < asked:
                events.message(f"{asked - len(residues)} residues are not sampled: they stay in any case.")
            # what is held already stays where it is: the estimate is only near
            atoms = np.zeros(self._pins.mask.shape, dtype=bool)
            atoms[residues] = True
            if hold.fixed:
                self._pins.hold(atoms & ~self._pins.mask, xyz)
            else:
                self._pins.release(residues)
            events.message(f"{len(residues)} residues are {'held' if hold.fixed else 'free to move'} from now on.")

    @property
    def _held(self) -> dict[str, Tensor]:
        """Atoms held in place, for a checkpoint."""
        if self._pins is None:
            return {}
        return {"pins.mask": torch.from_numpy(self._pins.mask), "pins.xyz": torch.from_numpy(self._pins.xyz)}

    @property
    def _said(self) -> dict[str, object]:
        """Which replica leads, and what the user has tugged, for a checkpoint."""
        return {"leader": self._leader.state, **self._tugging.state}

    def _save(self) -> None:
        self._states.save(self._held, self._said)
