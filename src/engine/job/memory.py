"""Memory and time: estimated before a run, kept within bounds during it, measured after it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from ..contract.errors import InputError
from ..prior.cost import PriorCost
from ..solver.potential_cost import PotentialCost
from .events import Events, shift_replicas
from .runtime import loaded_torch, release_memory

if TYPE_CHECKING:
    import torch

__all__ = [
    "Estimate",
    "PeakMemory",
    "available_memory",
    "estimate_cost",
    "is_out_of_memory",
    "run_in_batches",
]

T = TypeVar("T")


@dataclass(frozen=True)
class Estimate:
    """Expected cost of a run.

    Attributes
    ----------
    batch : int
        Replicas to compute at once so that memory suffices.
    peak_bytes : int
        Peak memory with that batch.
    bytes_per_replica : int
        Share of one replica.
    seconds : float
        Time of all steps and replicas.
    """

    batch: int
    peak_bytes: int
    bytes_per_replica: int
    seconds: float

    def sentence(self, replicas: int, what: str = "replicas") -> str:
        """Say the estimate in words; ``what`` the replicas are called."""
        at_once = "" if self.batch >= replicas else f", computing {self.batch} of {replicas} {what} at once"
        return f"Expected: about {_duration(self.seconds)} and {_size(self.peak_bytes)} of memory{at_once}."


def estimate_cost(
    replicas: int,
    residues: int,
    steps: int,
    cost: PriorCost,
    measured: Sequence[PotentialCost] = (),
    *,
    available_bytes: int | None = None,
    cores: int = 1,
    accelerated: bool = False,
) -> Estimate:
    """Estimate peak memory and time before a run; both are rough (a factor of two).

    Parameters
    ----------
    replicas, residues, steps : int
        Size of the job.
    cost : PriorCost
        What the prior takes.
    measured : sequence of PotentialCost
        What its measurements take.
    available_bytes : int, optional
        Memory that may be used; by default the batch holds all replicas.
    cores : int
        Threads that compute.
    accelerated : bool
        Whether an accelerator computes.
    """
    per_replica = residues * cost.bytes_per_residue + sum(each.bytes_per_replica for each in measured)
    fixed = cost.fixed_bytes + sum(each.fixed_bytes for each in measured)
    batch = replicas
    if available_bytes is not None:
        # A tenth is left to the rest of the system: running out kills a process without a word.
        batch = max(1, min(replicas, int((0.9 * available_bytes - fixed) // max(per_replica, 1))))
    # Threads share work imperfectly: nine tenths of each further core is what these networks reach.
    speed = cost.accelerator_speed if accelerated else 1 + 0.9 * (cores - 1)
    work = residues * cost.seconds_per_residue + sum(each.seconds_per_step for each in measured)
    return Estimate(batch, fixed + batch * per_replica, per_replica, replicas * steps * work / speed)


def available_memory(device: torch.device) -> int:
    """Bytes that can still be had: on the accelerator, or in the system within its container's limit."""
    import psutil
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    available = int(psutil.virtual_memory().available)
    limit = _container_room(Path("/sys/fs/cgroup"))
    return available if limit is None else min(available, limit)


def run_in_batches(
    compute: Callable[[range, Events], T],
    replicas: int,
    events: Events,
    *,
    batch: int | None = None,
    first: int = 0,
) -> list[T]:
    """Compute replicas in batches, smaller ones when memory turns out to be short.

    Parameters
    ----------
    compute : callable
        ``compute(range(a, b), events)`` computes the replicas a..b-1; the events it gets number its
        replicas from a. It may be called again with a smaller range after it ran out of memory, so
        its random numbers should depend on the replicas asked for and not on earlier calls.
    replicas : int
        Number of replicas.
    events : Events
        Told when the batch is made smaller.
    batch : int, optional
        Replicas to start with at once; by default all.
    first : int
        First replica to compute (those before it are done, after a resume).

    Returns
    -------
    list
        Results of the batches, in order.

    Raises
    ------
    InputError
        If memory does not suffice for one replica.
    """
    size = min(replicas, batch or replicas)
    results: list[T] = []
    start = first
    while start < replicas:
        chosen = range(start, min(start + size, replicas))
        exhausted = False
        try:
            results.append(compute(chosen, shift_replicas(events, start)))
            start = chosen.stop
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            exhausted = True
        # Outside the handler: the exception holds the frames, and these hold the large tensors.
        if exhausted:
            release_memory()
            if len(chosen) == 1:
                raise InputError(
                    "There is not enough memory for even one replica; close other programs, choose fewer "
                    "residues ('chains'), or use a machine with more memory."
                )
            size = (len(chosen) + 1) // 2
            events.message(f"Memory is short: going on with {size} replicas at once.", "warning")
    return results


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory could not be had, on any device."""
    if isinstance(error, MemoryError):
        return True
    torch = loaded_torch()
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    phrases = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")
    return isinstance(error, RuntimeError) and any(phrase in text for phrase in phrases)


class PeakMemory:
    """Highest memory use of this process while the block runs, in ``bytes`` afterwards.

    Linux counts it (and the counter is reset at the start); elsewhere it is sampled ten times a second.
    With CUDA, ``device_bytes`` is the peak of the tensors on the current device, else 0.
    """

    bytes: int = 0
    device_bytes: int = 0

    def __enter__(self) -> PeakMemory:
        self._counted = _reset_counter()
        self._end = threading.Event()
        self._sampler: threading.Thread | None = None
        if not self._counted:
            self._sampler = threading.Thread(target=self._sample, daemon=True)
            self._sampler.start()
        torch = loaded_torch()
        if torch is not None and torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end.set()
        if self._sampler is not None:
            self._sampler.join()
        self.bytes = max(self.bytes, _counted_peak() if self._counted else _resident())
        torch = loaded_torch()
        if torch is not None and torch.cuda.is_available():
            self.device_bytes = int(torch.cuda.max_memory_allocated())

    def _sample(self) -> None:
        while not self._end.wait(0.1):
            self.bytes = max(self.bytes, _resident())


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


def _reset_counter() -> bool:
    """Start Linux' count of the peak again; False where there is none that can be reset."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as stream:
            stream.write("5")
        return _counted_peak() > 0
    except OSError:
        return False


def _counted_peak() -> int:
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return 0


def _container_room(group: Path) -> int | None:
    """Bytes left under the memory limit of a Linux control group, ``None`` without a limit."""
    try:
        limit = (group / "memory.max").read_text(encoding="ascii").strip()
        used = int((group / "memory.current").read_text(encoding="ascii"))
        return None if limit == "max" else max(0, int(limit) - used)
    except (OSError, ValueError):
        return None


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
