"""What the sampling stages of a job have to go on from: finished replicas, and the state of those being computed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from ..solver.noise import ReplicaNoise
from ..solver.protocol import SolverState
from . import checkpoint
from .folder import JobFolder

__all__ = ["StageStates"]

_SECONDS = 20.0
"""Between checkpoints: what a crash may cost, while writing one takes well under a second."""


class StageStates:
    """Checkpoints of one job, or of a group of replicas of a stage that several processes share.

    Parameters
    ----------
    job : JobFolder
    """

    def __init__(self, job: JobFolder) -> None:
        self._job = job
        self._group: Path | None = None
        saved = job.load_checkpoint()
        self._serial = saved.step if saved else 0
        self._tensors = dict(saved.tensors) if saved else {}
        self._where = saved.state if saved else {}
        self._last_save = time.monotonic()

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """Of the last checkpoint."""
        return self._tensors

    @property
    def where(self) -> Mapping[str, Any]:
        """What it says of where the job was."""
        return self._where

    @property
    def due(self) -> bool:
        """Whether the last one is old enough for the next."""
        return time.monotonic() - self._last_save > _SECONDS

    def finished(self, stage: str) -> Tensor | None:
        """Finished replicas (replica, N, 4, 3) of a stage, in order from its first one (of the group), on the CPU."""
        return self._tensors.get(f"done.{stage}")

    def finish(self, stage: str, estimate: Tensor) -> None:
        """Keep finished replicas of a stage; what was noted of those being computed is past."""
        self._tensors = self._all_finished() | {f"done.{stage}": estimate}
        self._where = {}

    @contextmanager
    def group(self, folder: Path | None) -> Iterator[None]:
        """Keep the states of a group of replicas by themselves while the block runs, and go on with what is there.

        Parameters
        ----------
        folder : Path or None
            Of the group; None for one that starts anew, whose states are kept in the job's own checkpoints.
        """
        kept = self._all_finished()
        saved = None if folder is None else checkpoint.load_latest(folder)
        if saved is not None:
            self._serial = max(self._serial, saved.step)
        self._group = folder
        self._tensors, self._where = (dict(saved.tensors), saved.state) if saved else ({}, {})
        try:
            yield
        finally:
            self._group, self._tensors, self._where = None, kept, {}

    def state_of(
        self, stage: str, replicas: range, updates: int, noise: ReplicaNoise, origin: Tensor
    ) -> SolverState | None:
        """State of these very replicas, with their random numbers; None if it is not there."""
        where = self._where
        if (where.get("stage"), where.get("first"), where.get("count")) != (stage, replicas.start, len(replicas)):
            return None
        noise.restore(self._tensors["noise"])
        return SolverState(
            int(where["step"]),
            self._tensors["z"].to(origin),
            self._tensors["origin"].to(origin),
            tuple(self._tensors[f"velocity.{i}"].to(origin) for i in range(updates)),
            self._tensors["estimate"].to(origin),
        )

    def save_state(
        self, stage: str, replicas: range, now: SolverState, noise: ReplicaNoise, more: Mapping[str, Tensor],
        said: Mapping[str, object],
    ) -> None:  # fmt: skip
        """Write a checkpoint in the middle of a stage; ``more`` and ``said`` as for `save`."""
        tensors = {
            "z": now.z,
            "origin": now.origin,
            "estimate": now.estimate,
            "noise": noise.state(),
            **{f"velocity.{i}": v for i, v in enumerate(now.velocities)},
        }
        where = {"stage": stage, "first": replicas.start, "count": len(replicas), "step": now.step}
        self.save({**tensors, **more}, {**where, **said})

    def save(self, tensors: Mapping[str, Tensor], state: Mapping[str, object]) -> None:
        """Write a checkpoint of what is finished, with further tensors and plain values."""
        self._serial += 1
        everything = {**self._all_finished(), **tensors}
        if self._group is None:
            self._job.save_checkpoint(self._serial, everything, state)
        else:
            checkpoint.save(self._group, self._serial, everything, state)
        self._last_save = time.monotonic()

    def _all_finished(self) -> dict[str, Tensor]:
        return {name: value for name, value in self._tensors.items() if name.startswith("done.")}
