"""One job of a batch, as a worker of the cluster runs it."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..contract.errors import InputError
from ..contract.folder_state import CHECKPOINTS, SHARED
from ..job.events import Control, NullEvents, Stopped
from ..job.execute import Pipeline, advice_for, execute, load_pipeline
from ..job.folder import JobFolder
from ..job.lock import JobBusy
from ..job.runtime import release_memory
from ..job.shared_folder import helper_of
from ..job.sharing import NothingLeft, SharedReplicas

__all__ = ["STOP_FILE", "Outcome", "checkpoints_of", "help_job_folder", "run_job_folder"]

STOP_FILE = ".stop"
"""In the folder of a batch: running jobs are to leave a checkpoint and end.

A file, since workers of every scheduler see the folders of their jobs."""

_LOOK_SECONDS = 1.0
_BUSY_SECONDS = 60.0
"""How long a job waits for another process to let its folder go: a worker that was given up may live on a little."""


@dataclass(frozen=True)
class Outcome:
    """How one attempt at a job ended.

    Attributes
    ----------
    state : str
        ``finished``, ``stopped`` or ``failed``; of one that came in beside it, ``helped`` when nothing is left to help
        with, and ``left`` when it was sent away before.
    worker : str
        Who ran it.
    error : str
        Why it failed.
    final : bool
        Whether another attempt would fail in the same way.
    died : bool
        Whether it failed because its worker is no more.
    """

    state: str
    worker: str
    error: str = ""
    final: bool = False
    died: bool = False


def run_job_folder(
    folder: str,
    stop_file: str,
    device: str | None = None,
    load: Callable[[str], Pipeline] = load_pipeline,
    wait: float = _BUSY_SECONDS,
) -> Outcome:
    """Run the job of a folder to its end, from its last checkpoint if it has one.

    Parameters
    ----------
    folder : str
        Job folder, as this machine names it.
    stop_file : str
        The job leaves a checkpoint and ends when this file appears.
    device : str, optional
        Device to compute on instead of the job's own.
    load : callable
        Gives the pipeline for a kind of job.
    wait : float
        Seconds to wait for another process to let the folder go.
    """
    worker = _worker_name()
    control = Control()
    deadline = time.monotonic() + wait
    stop = Path(stop_file)
    with _watched(stop.exists, control):
        while True:
            try:
                job = JobFolder.open(folder)
                if device is not None:
                    job = job.on(device)
                if not job.finished:
                    execute(job, NullEvents(), control, load)
                return Outcome("finished", worker)
            except Stopped:
                return Outcome("stopped", worker)
            except JobBusy as error:
                if control.stop_requested or time.monotonic() > deadline:
                    return Outcome("failed", worker, str(error))
                time.sleep(_LOOK_SECONDS)
            except InputError as error:
                return Outcome("failed", worker, str(error), final=True)
            except Exception as error:
                # the folder's log has the traceback; whether there is another attempt is decided where all are known
                return Outcome("failed", worker, " ".join(advice_for(error)).strip())
            finally:
                release_memory()


def help_job_folder(folder: str, stop_file: str) -> Outcome:
    """Compute replicas of a job that another worker leads, until none is left or the job has ended.

    Parameters
    ----------
    folder : str
        Folder of a job that is shared (`adp3d.job.shared_folder`), as this machine names it.
    stop_file : str
        The worker ends when this file appears.
    """
    worker = _worker_name()
    control, stop = Control(), Path(stop_file)
    in_users_terms: Callable[[str], str] = str
    shared: SharedReplicas | None = None

    def over() -> bool:
        return stop.exists() or (shared is not None and shared.over)

    try:
        job = JobFolder.open(folder)
        in_users_terms = job.in_users_terms
        helper = None if job.finished else helper_of(job, _name_in_files(worker))
        if helper is None:
            return Outcome("helped", worker)
        shared = helper.shared
        with _watched(over, control):
            execute(helper, NullEvents(), control)
        return Outcome("helped", worker)
    except NothingLeft:
        return Outcome("helped", worker)
    except Stopped:
        return Outcome("left", worker)
    except Exception as error:
        if over():  # the leader removes what was shared when it has come to the end
            return Outcome("left", worker)
        return Outcome("failed", worker, in_users_terms(" ".join(advice_for(error)).strip()))
    finally:
        release_memory()


def checkpoints_of(folder: Path) -> list[tuple[str, int]]:
    """What a job has to go on from: it changes when an attempt that broke off has come further."""
    found: list[tuple[str, int]] = []
    for path in (*(folder / CHECKPOINTS).glob("*"), *(folder / SHARED).glob("**/*.safetensors")):
        try:
            found.append((str(path.relative_to(folder)), path.stat().st_mtime_ns))
        except OSError:
            continue  # it was replaced by the next one just now
    return sorted(found)


@contextmanager
def _watched(asked: Callable[[], bool], control: Control) -> Iterator[None]:
    """Stop the job when that is asked for."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_LOOK_SECONDS):
            if asked():
                control.stop()
                return

    if asked():
        control.stop()
    thread = threading.Thread(target=watch, name="adp3d batch stop", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _name_in_files(worker: str) -> str:
    """Name of a folder for a worker, whose own may be an address; no two processes have the same."""
    import socket

    return re.sub(r"[^\w.-]+", "_", f"{worker}_{socket.gethostname()}_{os.getpid()}")


def _worker_name() -> str:
    """Name of the cluster's worker in this process; outside of one, the process."""
    import socket

    name: Any = None
    try:
        from distributed import get_worker

        name = get_worker().name
    except (ImportError, ValueError):
        pass
    return f"{socket.gethostname()} process {os.getpid()}" if name is None else f"{name}"
