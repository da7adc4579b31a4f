"""Job folders whose replicas several processes compute: begun, joined and left."""

from __future__ import annotations

import shutil
from dataclasses import replace

from ..contract.folder_state import SHARED
from ..contract.specification import CommonSpec
from .folder import JobFolder
from .sharing import SharedReplicas
from .storage import storage_errors

__all__ = ["end_sharing", "helper_of", "share"]

_HELPERS = "helpers"


def share(job: JobFolder, size: int) -> None:
    """Let other processes compute replicas of a job, ``size`` at a time.

    A job that is shared already keeps the size that it has.

    Raises
    ------
    InputError
        If that cannot be written.
    """
    job.shared = SharedReplicas.begin(job.path / SHARED, size)


def helper_of(job: JobFolder, name: str) -> JobFolder | None:
    """Folder in which another process, under a name of its own, helps with a job; None where nothing is shared.

    It lies in the folder of the job, and has its own log and checkpoints.

    Raises
    ------
    InputError
        If it cannot be made.
    """
    shared = SharedReplicas.found(job.path / SHARED, helping=True)
    if shared is None or shared.closed:
        return None
    path = job.path / SHARED / _HELPERS / name
    spec = replace(job.spec, trajectory_interval=0) if isinstance(job.spec, CommonSpec) else job.spec
    helper = JobFolder(path, spec, shared)
    with storage_errors(path):
        path.mkdir(parents=True, exist_ok=True)
        if job.docking.is_file():  # where the model was put, for all alike
            shutil.copyfile(job.docking, helper.docking)
    return helper


def end_sharing(job: JobFolder) -> None:
    """Remove what was shared; who still computes for it finds nothing, and leaves."""
    shutil.rmtree(job.path / SHARED, ignore_errors=True)
    job.shared = None
