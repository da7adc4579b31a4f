"""Workers that no job of a batch waits for: they compute replicas of those that run."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.kinds import KINDS
from ..contract.specification import CommonSpec
from ..job.folder import JobFolder
from ..job.shared_folder import end_sharing, share
from .task import Outcome, checkpoints_of, help_job_folder

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["Helpers"]


class Helpers:
    """Who helps with which job.

    Parameters
    ----------
    client : Client
        Of the cluster.
    most : int
        Workers that compute one job, the one that leads it included.
    stop_file : Path
        That all workers stop at.
    say : callable
        Told what happens, a sentence each.
    """

    def __init__(self, client: Client, most: int, stop_file: Path, say: Callable[[str], None]) -> None:
        self._client = client
        self._most = most
        self._stop_file = stop_file
        self._say = say
        self._out: dict[Future[Any], Path] = {}
        self._failed: Counter[Path] = Counter()

    @property
    def futures(self) -> list[Future[Any]]:
        """What they are at."""
        return list(self._out)

    def prepare(self, job: JobFolder) -> None:
        """Let a job be shared that begins, if it has replicas to share.

        One that has come further alone stays so: what it has computed would not be the same in groups, to the last bit.
        """
        spec = job.spec
        if job.shared is None and (self._most == 1 or checkpoints_of(job.path)):
            return
        if isinstance(spec, CommonSpec) and KINDS[spec.kind].samples_backbones and spec.replicas > 1:
            share(job, math.ceil(spec.replicas / self._most))

    def join(self, jobs: Sequence[JobFolder], idle: int) -> None:
        """Send idle workers to jobs that run, to those with the fewest first."""
        shared = [job for job in jobs if job.shared is not None]
        while idle > 0 and shared:
            job = min(shared, key=self._count)
            # who failed is not replaced: the next one would fail at the same, and the job itself tells why
            if self._count(job) + self._failed[job.path] >= self._most - 1:
                shared.remove(job)
                continue
            key = f"{job.path.name}-helper-{time.time_ns()}"
            folder, stop_file = str(job.path), str(self._stop_file)
            self._out[self._client.submit(help_job_folder, folder, stop_file, key=key, pure=False)] = job.path
            idle -= 1

    def collect(self) -> None:
        """Take note of helpers that have ended."""
        for future in [future for future in self._out if future.done()]:
            folder = self._out.pop(future)
            result = future.result() if future.status == "finished" else None
            if isinstance(result, Outcome) and result.state == "helped":
                continue
            self._failed[folder] += 1
            why = result.error if isinstance(result, Outcome) else "its worker ended without a word"
            self._say(f"{folder.name}: a worker that helped has ended ({why.rstrip('.')}); the job goes on without it.")

    def dismiss(self, job: JobFolder) -> None:
        """Tell the helpers of a job that it needs them no more."""
        if job.shared is not None:
            job.shared.ended.touch()

    def tidy(self, job: JobFolder) -> None:
        """Remove what a finished job shared, unless somebody is still at it."""
        if job.shared is not None and not self._count(job):
            end_sharing(job)

    def _count(self, job: JobFolder) -> int:
        return sum(folder == job.path for folder in self._out.values())
