"""Workers that no job of a batch waits for: they compute replicas of those that run."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.errors import InputError
from ..contract.kinds import KINDS
from ..contract.specification import CommonSpec
from ..job.folder import JobFolder
from ..job.shared_folder import share
from .attempts import outcome_of
from .task import checkpoints_of, help_job_folder

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["Helpers"]

_LOSSES = 10
"""Helpers of one job whose workers may die before no more are sent: on a cluster their time is over now and then."""


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
        self._lost: Counter[Path] = Counter()
        self._served: set[Path] = set()

    @property
    def futures(self) -> list[Future[Any]]:
        """What they are at."""
        return list(self._out)

    def prepare(self, job: JobFolder) -> None:
        """Let a job be shared that begins, if it has replicas to share.

        One that has come further alone stays so: what it has computed would not be the same in groups, to the last bit.

        Raises
        ------
        InputError
            If that cannot be written.
        """
        spec = job.spec
        if job.shared is None and (self._most == 1 or checkpoints_of(job.path)):
            return
        if isinstance(spec, CommonSpec) and KINDS[spec.kind].samples_backbones and spec.replicas > 1:
            share(job, math.ceil(spec.replicas / self._most))

    def balance(self, jobs: Sequence[JobFolder], room: int) -> None:
        """Send workers that nobody else needs to jobs that run, and call them back when there are too few.

        Parameters
        ----------
        jobs : sequence of JobFolder
            Those that run.
        room : int
            Workers that are left beside the jobs that run or wait; negative if some of these wait for one.
        """
        spare = room - len(self._out)
        if spare < 0:
            for job in jobs:
                if self._count(job):
                    self.dismiss(job)
            return
        open_to_help = [job for job in jobs if job.shared is not None and job.path not in self._served]
        while spare > 0 and open_to_help:
            job = min(open_to_help, key=self._count)
            if self._count(job) >= self._most - 1:
                open_to_help.remove(job)
                continue
            self._send(job)
            spare -= 1

    def collect(self) -> None:
        """Take note of helpers that have ended."""
        for future in [future for future in self._out if future.done()]:
            folder = self._out.pop(future)
            outcome = outcome_of(future)
            if outcome.state == "helped":
                self._served.add(folder)  # there is nothing left, until the job is at its end
            if outcome.state != "failed" or folder in self._served:
                continue
            self._lost[folder] += 1
            if not outcome.died or self._lost[folder] >= _LOSSES:
                self._served.add(folder)
            where = f" (worker {outcome.worker})" if outcome.worker else ""
            self._say(f"{folder.name}: a helper failed{where}: {outcome.error}")

    def dismiss(self, job: JobFolder) -> None:
        """Tell the helpers of a job to leave."""
        if job.shared is None:
            return
        try:
            job.shared.end()
        except InputError as error:
            self._say(f"{job.path.name}: its helpers could not be told to leave. {error}")

    def done_with(self, job: JobFolder) -> None:
        """Send nobody to a job any more, which has ended, and tell its helpers."""
        self._served.add(job.path)
        self.dismiss(job)

    def _send(self, job: JobFolder) -> None:
        if job.shared is not None:
            job.shared.reopen()
        key = f"{job.path.name}-helper-{time.time_ns()}"
        folder, stop_file = str(job.path), str(self._stop_file)
        self._out[self._client.submit(help_job_folder, folder, stop_file, key=key, pure=False)] = job.path

    def _count(self, job: JobFolder) -> int:
        return sum(folder == job.path for folder in self._out.values())
