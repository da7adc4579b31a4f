"""Clusters that run batches: workers on this computer, a scheduler that runs already, or jobs of SLURM."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.errors import InputError
from ..job.runtime import WAITING, usable_cores

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Scheduler", "cards_of_workers", "connected", "is_place", "slurm_cluster", "visible_cards"]

LOCAL, SLURM = "local", "slurm"

_CONNECT_SECONDS = 30
_CONFIG = {
    # a worker that dies takes its job along once, and this program tells and repeats it
    "distributed.scheduler.allowed-failures": 0,
    # no job waits behind another one at a busy worker while a second one is idle
    "distributed.scheduler.worker-saturation": 1.0,
    # a step of a job may hold Python's lock for long: silence is not death
    "distributed.scheduler.worker-ttl": "10 minutes",
    # a worker also answers HTTP, without encryption: it has nothing to say there
    "distributed.worker.http.routes": [],
    "distributed.scheduler.http.routes": [],
    # set before a worker starts: what it logs is not for the user's terminal
    "distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "error",
    # jobs run for hours: nothing is to be made of it
    "distributed.admin.tick.limit": "1 hour",
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
}
"""dask's own settings where they are in the way of a few long jobs; see its configuration reference."""


@dataclass(frozen=True)
class Scheduler:
    """Where a batch runs.

    Attributes
    ----------
    place : str
        ``local``, ``slurm``, or the address of a scheduler.
    workers : int or None
        Jobs that run at a time; by default one for each graphics card, else one for each core.
    cores : int
        Cores of each SLURM job.
    memory, walltime : str
        Of each SLURM job, as SLURM takes them.
    queue, account : str or None
        Partition and account of SLURM.
    gpus : int
        Graphics cards of each SLURM job.
    directives : tuple of str
        Further lines after ``#SBATCH``.
    """

    place: str = LOCAL
    workers: int | None = None
    cores: int = 4
    memory: str = "16GB"
    walltime: str = "12:00:00"
    queue: str | None = None
    account: str | None = None
    gpus: int = 0
    directives: tuple[str, ...] = ()


def is_place(text: str) -> bool:
    """Whether a text says where to run: ``local``, ``slurm``, or the address of a scheduler."""
    return text in (LOCAL, SLURM) or text.startswith(("tcp://", "tls://"))


@contextmanager
def connected(scheduler: Scheduler, folder: Path, on_cpu: bool) -> Iterator[tuple[Client, int | None]]:
    """Client of a cluster, which ends with the block unless it ran before, and its number of workers if that is fixed.

    Parameters
    ----------
    scheduler : Scheduler
    folder : Path
        Folder of the batch.
    on_cpu : bool
        Whether all jobs are to be computed without a graphics card.

    Raises
    ------
    InputError
        If dask is not installed, or the scheduler is not there.
    """
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        raise InputError(
            f"Batches need the package 'distributed' ({error}); install it with \"pip install 'adp3d[batch]'\"."
        ) from error
    with dask.config.set(_CONFIG):
        if scheduler.place not in (LOCAL, SLURM):
            try:
                client = Client(scheduler.place, timeout=_CONNECT_SECONDS)
            except (OSError, ValueError, TypeError) as error:
                raise InputError(
                    f"No dask scheduler answers at '{scheduler.place}' ({error}); start one there with "
                    "'dask scheduler', or run the batch on this computer."
                ) from error
            with client:
                yield client, None
            return
        cards = [] if on_cpu else visible_cards()
        count = scheduler.workers or (len(cards) if scheduler.place == LOCAL and cards else 0)
        if scheduler.place == LOCAL:
            count = count or usable_cores()
            cluster = _local_cluster(count, cards, folder)
        else:
            count = count or 1
            cluster = slurm_cluster(scheduler, folder)
            cluster.adapt(minimum=count, maximum=count)  # a worker whose time is over is followed by another one
        with cluster, Client(cluster) as client:
            yield client, count
        if scheduler.place == LOCAL:
            shutil.rmtree(_scratch(folder), ignore_errors=True)


def visible_cards() -> list[str]:
    """Graphics cards of this computer that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    named = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return named if len(named) == count else [str(number) for number in range(count)]


def cards_of_workers(count: int, cards: Sequence[str]) -> list[dict[str, str]]:
    """Environment variables by which each of ``count`` workers sees one graphics card, in turn."""
    if not cards:
        return [{} for _ in range(count)]
    return [{"CUDA_VISIBLE_DEVICES": cards[number % len(cards)]} for number in range(count)]


def _local_cluster(count: int, cards: Sequence[str], folder: Path) -> Any:
    """Worker processes on this computer; nobody else's can join, or reach them from outside.

    The transport is encrypted with a certificate that lives as long as the cluster: on a computer with several users
    the loopback address alone would let any of them run code as this one.
    """
    from distributed import Nanny, Scheduler, SpecCluster

    from .local_worker import OutlivesInterrupts  # needs dask to be there

    security = _own_security()
    threads = str(max(1, usable_cores() // count))
    if "OMP_NUM_THREADS" in os.environ:
        threads = os.environ["OMP_NUM_THREADS"]
    common = {"host": "127.0.0.1", "protocol": "tls", "security": security}
    scratch = _scratch(folder)
    workers = {
        number: {
            "cls": Nanny,
            "options": {
                **common,
                "nthreads": 1,
                "memory_limit": 0,
                "local_directory": str(scratch),
                "env": {**WAITING, "OMP_NUM_THREADS": threads, **card},
                "dashboard": False,
                "plugins": [OutlivesInterrupts()],
            },
        }
        for number, card in enumerate(cards_of_workers(count, cards))
    }
    lead = {"cls": Scheduler, "options": {**common, "port": 0, "dashboard": False}}
    return SpecCluster(workers=workers, scheduler=lead, security=security, silence_logs=50, name="adp3d")


def slurm_cluster(scheduler: Scheduler, folder: Path) -> Any:
    """Workers that are jobs of SLURM, one each, with their graphics cards and encrypted transport.

    Raises
    ------
    InputError
        If dask-jobqueue is not installed.
    """
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError as error:
        raise InputError(
            f"SLURM needs the package 'dask-jobqueue' ({error}); install it with \"pip install 'adp3d[batch]'\"."
        ) from error
    scratch = _scratch(folder)
    scratch.mkdir(parents=True, exist_ok=True)
    cards = ["=".join(("--gres", f"gpu:{scheduler.gpus}"))] if scheduler.gpus else []
    return SLURMCluster(
        cores=1,  # one job at a time; its threads are the next line
        job_cpu=scheduler.cores,
        processes=1,
        memory=scheduler.memory,
        walltime=scheduler.walltime,
        queue=scheduler.queue,
        account=scheduler.account,
        job_name="adp3d",
        job_extra_directives=[*cards, *scheduler.directives],
        job_script_prologue=[f"export OMP_NUM_THREADS={scheduler.cores}"],
        worker_extra_args=["--no-dashboard", "--memory-limit", "0"],
        log_directory=str(scratch),
        python=sys.executable,
        protocol="tls://",
        security=_own_security(),
        shared_temp_directory=str(scratch),
        scheduler_options={"dashboard": False},
    )


def _scratch(folder: Path) -> Path:
    """Where workers keep what they need while they live."""
    return folder / ".dask"


def _own_security() -> Any:
    """Certificate for the cluster that is made now, known to nobody else."""
    from distributed.security import Security

    try:
        return Security.temporary()
    except ImportError as error:
        raise InputError(
            f"Batches need the package 'cryptography' ({error}); install it with \"pip install 'adp3d[batch]'\"."
        ) from error
