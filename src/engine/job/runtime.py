"""The process itself: memory allocator, threads and device."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING

from ..contract.errors import InputError

if TYPE_CHECKING:
    import torch

__all__ = [
    "TUNABLES",
    "WAITING",
    "choose_device",
    "idle_cores",
    "is_glibc",
    "is_tuned",
    "loaded_torch",
    "release_memory",
    "set_threads",
    "settle_waiting",
    "tune_process",
    "tuned_environment",
    "usable_cores",
    "usable_devices",
]

TUNABLES = {
    "glibc.malloc.mmap_max": "0",
    "glibc.malloc.trim_threshold": str(16 * 2**30),
    "glibc.malloc.hugetlb": "1",
}
"""Settings of GNU libc's allocator. Each step of a network frees and takes the same large blocks; by
default these go back to the system every time and half of the computing time is page faults."""

WAITING = {"GOMP_SPINCOUNT": "10000", "KMP_BLOCKTIME": "0"}
"""Settings of the thread libraries: threads that wait for each other spin for some microseconds, then sleep. By default
they spin for long, and where another program takes one of the cores, each of a step's many small operations waits for
the thread that is not running. An evaluation of the network for 4 replicas of 172 residues, on one thread 0.27 s and on
two, on two idle cores (and with another program on one of them): 0.30 s (0.33 s) if they sleep at once, 0.28 s (0.36 s)
after 1,000 turns, 0.23 s (0.41 s) after 3,000, 0.19 s (0.62 s) after 10,000, and 0.18 s (1.3 s) by default; programs
that run when a job begins get their cores anyway (`idle_cores`)."""
_WAITED = ("OMP_WAIT_POLICY", *WAITING)
"""How users may have settled it."""

_LOOK_SECONDS = 0.2

_MARKER = "ADP3D_ALLOCATOR_TUNED"


def is_glibc() -> bool:
    """Whether the process runs on GNU libc, whose allocator can be tuned."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (ValueError, OSError):
        return False


def is_tuned(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the allocator settings are in force, by us or by the user."""
    present = environment.get("GLIBC_TUNABLES", "")
    return all(name in present for name in TUNABLES)


def tuned_environment(environment: Mapping[str, str]) -> dict[str, str] | None:
    """Environment in which a new process has the allocator settings; the user's own values stay.

    Returns
    -------
    dict or None
        ``None`` if there is nothing to do: already tuned, or marked as tried before.
    """
    if _MARKER in environment or is_tuned(environment):
        return None
    own = [item for item in environment.get("GLIBC_TUNABLES", "").split(":") if item]
    taken = {item.split("=", 1)[0] for item in own}
    added = [f"{name}={value}" for name, value in TUNABLES.items() if name not in taken]
    return {**environment, "GLIBC_TUNABLES": ":".join(own + added), _MARKER: "1"}


def settle_waiting(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let threads wait as `WAITING` says, unless the user has settled how; has an effect until torch is loaded."""
    if not any(name in environment for name in _WAITED):
        environment.update(WAITING)


def tune_process() -> None:
    """Set how threads wait, then start this very command again, once, with the allocator settings.

    The settings are read only when a process starts. The process number, working directory and open
    streams stay the same. Nothing happens where the C library is another one, or in an interpreter that was not
    started with a program (such as an interactive one). Only a program may call it, never a function that others call:
    what the process has done so far is lost. Call it before anything was read from standard input.
    """
    if "torch" not in sys.modules:
        settle_waiting()
    if not is_glibc() or len(sys.orig_argv) < 2 or not sys.executable:
        return
    environment = tuned_environment(os.environ)
    if environment is None:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
    except OSError:
        # Not allowed here (a sandbox, say): slower, but no reason to fail.
        os.environ[_MARKER] = "1"


def usable_devices() -> tuple[torch.device, ...]:
    """Devices of this machine that jobs can be computed on: the CPU, and graphics cards."""
    import torch

    cards = [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
    apple = [torch.device("mps")] if torch.backends.mps.is_available() else []
    return (torch.device("cpu"), *(cards if torch.cuda.is_available() else []), *apple)


def usable_cores() -> int:
    """Cores that this process may use: physical ones, its affinity and its container's quota."""
    import psutil

    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    quota = _container_quota()
    return max(1, min(cores, int(quota)) if quota else cores)


@lru_cache(maxsize=1)
def idle_cores() -> int:
    """Usable cores that nothing else keeps busy now, at least 1; programs that run at low priority do not count.

    Threads are slower than a single one where another program needs their core (`WAITING`). The answer is kept:
    results may differ in the last bit between numbers of threads, and should not within a process.
    """
    import psutil

    share = psutil.cpu_times_percent(_LOOK_SECONDS)
    busy: float = (share.user + share.system) / 100 * (psutil.cpu_count() or 1)
    return max(1, usable_cores() - round(busy))


def set_threads(count: int | None = None) -> int:
    """Set the threads of torch's CPU kernels.

    Parameters
    ----------
    count : int, optional
        Threads; by default the user's ``OMP_NUM_THREADS``, else `idle_cores`, but never more than `usable_cores`
        less as many as ``ADP3D_SPARE_CORES`` says: a program that draws beside the engine needs one, or the
        engine's threads wait for each other.

    Returns
    -------
    int
        The number set.
    """
    import torch

    if count is None:
        spared = max(1, usable_cores() - _whole("ADP3D_SPARE_CORES"))
        count = _whole("OMP_NUM_THREADS") or min(spared, idle_cores())
    torch.set_num_threads(count)
    return count


def _whole(variable: str) -> int:
    """Value of an environment variable, 0 if it is no whole number."""
    given = os.environ.get(variable, "")
    return int(given) if given.isdigit() else 0


def choose_device(name: str = "auto") -> torch.device:
    """Device for a name as users give it.

    ``auto`` is the first CUDA device if there is one, else the CPU; Apple's ``mps`` is taken only when
    asked for, as it lacks double precision.

    Raises
    ------
    InputError
        If the device does not exist on this machine, or the name is unknown.
    """
    import torch

    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    kind, _, number = name.partition(":")
    if kind == "cpu" and not number:
        return torch.device("cpu")
    if kind == "mps" and not number:
        if not torch.backends.mps.is_available():
            raise InputError("No Apple GPU can be used on this machine; use 'device cpu' or 'device auto'.")
        return torch.device("mps")
    if kind != "cuda" or (":" in name and not number.isdigit()):
        raise InputError(f"Unknown device '{name}'; use auto, cpu, cuda, cuda:N or mps.")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = int(number or 0)
    if count == 0:
        raise InputError("No CUDA device can be used on this machine; use 'device cpu' or 'device auto'.")
    if index >= count:
        raise InputError(f"There is no device cuda:{index}: this machine has {count}, numbered from cuda:0.")
    return torch.device("cuda", index)


def loaded_torch() -> ModuleType | None:
    """Return torch if something has loaded it already: a light command need not."""
    if "torch" not in sys.modules:
        return None
    import torch  # waits where another thread is in the middle of loading it

    return torch


def release_memory() -> None:
    """Give memory that is no longer used back to the device and to the system."""
    gc.collect()
    torch = loaded_torch()
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    if is_glibc():
        ctypes.CDLL(None).malloc_trim(0)


def _container_quota() -> float | None:
    """Cores granted by the Linux control group, ``None`` without a limit."""
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as stream:
            quota, period = stream.read().split()[:2]
    except (OSError, ValueError):
        return None
    return None if quota == "max" else max(1.0, int(quota) / int(period))
