"""Runs the jobs of a batch on a cluster: hands them out, repeats what broke off, tells how it goes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.errors import InputError
from ..job.folder import JobFolder
from .attempts import outcome_of
from .helpers import Helpers
from .standing import Standing, standing
from .table import BatchRow
from .task import STOP_FILE, Outcome, checkpoints_of, run_job_folder

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["Entry", "run_batch", "survey"]

_AHEAD = 2
"""Jobs that are handed out for each worker: the next one is there when one has ended, and the inputs of the others are
not copied yet."""

_POLL_SECONDS = 0.5
_STOP_SECONDS = 60.0
"""How long running jobs have for their checkpoints when the batch is stopped, and helpers when all jobs have ended."""


@dataclass
class Entry:
    """A job of a batch, and how it fares.

    Attributes
    ----------
    row : BatchRow
    standing : Standing
        How far it was before this run.
    state : str
        ``waiting``, ``running``, ``finished``, ``stopped`` or ``failed``.
    attempts : int
        Times that it was begun in this run.
    setbacks : int
        Attempts that have come no further.
    worker : str
        Who ran it last.
    error : str
        Why it failed.
    job : JobFolder or None
        Once it is handed out.
    """

    row: BatchRow
    standing: Standing
    state: str = "waiting"
    attempts: int = 0
    setbacks: int = 0
    worker: str = ""
    error: str = ""
    job: JobFolder | None = None
    before: list[tuple[str, int]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Job folder."""
        return Path(self.row.spec.output)


def survey(rows: Sequence[BatchRow], *, overwrite: bool) -> list[Entry]:
    """Jobs with how far they are.

    Raises
    ------
    InputError
        If a folder holds something else.
    """
    entries = []
    for row in rows:
        found = standing(row, overwrite=overwrite)
        entries.append(Entry(row, found, "finished" if found is Standing.FINISHED else "waiting"))
    return entries


def run_batch(
    client: Client,
    entries: Sequence[Entry],
    folder: Path,
    say: Callable[[str], None],
    *,
    retries: int = 2,
    overwrite: bool = False,
    workers: int | None = None,
    workers_per_job: int = 1,
    stopping: Callable[[], bool] = lambda: False,
    arguments: Callable[[Entry], dict[str, Any]] = lambda _: {},
) -> None:
    """Run all jobs that are not finished; each entry tells afterwards how it fared.

    Parameters
    ----------
    client : Client
        Of the cluster.
    entries : sequence of Entry
        From `survey`.
    folder : Path
        Folder of the batch, which all workers see under this name.
    say : callable
        Told what happens, a sentence each.
    retries : int
        Attempts beside the first one that may fail without having come further. Input that cannot be used is not
        tried again.
    overwrite : bool
        Replace what folders hold.
    workers : int, optional
        Jobs that run at a time; by default as many as the cluster has workers.
    workers_per_job : int
        Workers that compute the replicas of one job, while no other job waits for them.
    stopping : callable
        Whether the user wants to stop.
    arguments : callable
        Further arguments of `run_job_folder` for an entry.
    """
    stop_file = folder / STOP_FILE
    stop_file.unlink(missing_ok=True)
    waiting = deque(entry for entry in entries if entry.state == "waiting")
    out: dict[Future[Any], Entry] = {}
    stop_until: float | None = None
    done = sum(entry.state == "finished" for entry in entries)

    def told(entry: Entry, text: str) -> None:
        say(f"[{done}/{len(entries)}] {entry.row.name}: {text}")

    helpers = Helpers(client, workers_per_job, stop_file, say)
    try:
        while waiting or out or helpers.futures:
            if stopping() and stop_until is None:
                waiting.clear()
                stop_file.touch()
                stop_until = time.monotonic() + _STOP_SECONDS
            if not (waiting or out) and stop_until is None:
                stop_until = time.monotonic() + _STOP_SECONDS  # helpers are on their way out
            if stop_until is not None and time.monotonic() > stop_until:
                break
            size = workers if workers is not None else max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
            while waiting and len(out) < _AHEAD * size:
                entry = waiting.popleft()
                try:
                    future = _hand_out(client, entry, stop_file, overwrite, helpers, arguments(entry))
                except InputError as error:
                    entry.state, entry.error = "failed", str(error)
                    done += 1
                    told(entry, f"failed. {entry.error}")
                    continue
                out[future] = entry
            for future in [future for future in out if future.done()]:
                entry = out.pop(future)
                outcome = outcome_of(future)
                entry.worker = outcome.worker or entry.worker
                again = _absorb(entry, outcome, retries, stopped=stop_until is not None)
                done += not again
                told(entry, _sentence(entry, outcome, again))
                if again:
                    waiting.appendleft(entry)
                elif entry.job is not None:
                    helpers.done_with(entry.job)
            helpers.collect()
            if stop_until is None:
                running = [entry.job for entry in out.values() if entry.job is not None]
                helpers.balance(running, size - len(out) - len(waiting))
            if out or helpers.futures:
                _wait([*out, *helpers.futures])
    finally:
        for future in [*out, *helpers.futures]:
            with suppress(Exception):  # the scheduler may be gone, which is why this ends
                future.cancel()
        for entry in entries:
            if entry.state in ("waiting", "running"):
                entry.state = "stopped"
        stop_file.unlink(missing_ok=True)


def _hand_out(
    client: Client, entry: Entry, stop_file: Path, overwrite: bool, helpers: Helpers, arguments: dict[str, Any]
) -> Future[Any]:
    if entry.attempts == 0 and entry.standing is Standing.NEW:
        entry.job = JobFolder.create(entry.row.spec, overwrite=overwrite)
    elif entry.job is None:
        entry.job = JobFolder.open(entry.folder)
    helpers.prepare(entry.job)
    entry.attempts += 1
    entry.state = "running"
    entry.before = checkpoints_of(entry.folder)
    key = f"{entry.row.name}-{entry.attempts}-{time.time_ns()}"
    return client.submit(run_job_folder, str(entry.folder), str(stop_file), key=key, pure=False, **arguments)


def _absorb(entry: Entry, outcome: Outcome, retries: int, *, stopped: bool) -> bool:
    """Note how an attempt ended; whether there is another one."""
    if outcome.state == "finished":
        entry.state, entry.error = "finished", ""
        return False
    if outcome.state == "stopped" or stopped:
        entry.state = "stopped"
        return False
    entry.error = outcome.error
    if checkpoints_of(entry.folder) == entry.before:
        entry.setbacks += 1
    if outcome.final or entry.setbacks > retries:
        entry.state = "failed"
        return False
    entry.state = "waiting"
    return True


def _sentence(entry: Entry, outcome: Outcome, again: bool) -> str:
    where = f" (worker {entry.worker})" if entry.worker else ""
    if outcome.state != "failed":
        return f"{entry.state}{where}."
    if again:
        went = "it goes on from its checkpoint" if checkpoints_of(entry.folder) else "it begins again"
        return f"attempt {entry.attempts} failed{where}: {outcome.error} {went[0].upper()}{went[1:]}."
    return f"{entry.state}{where}: {outcome.error}"


def _wait(futures: Sequence[Future[Any]]) -> None:
    """Until one of the futures is done, for a moment at most."""
    from distributed import TimeoutError as TimedOut
    from distributed import wait

    with suppress(TimedOut):
        wait(futures, timeout=_POLL_SECONDS, return_when="FIRST_COMPLETED")
