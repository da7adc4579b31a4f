"""Reading the files of a finished job before anybody asks for them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from .ensemble_file import read_ensemble
from .results import input_atoms, result_atoms, result_confidence

if TYPE_CHECKING:
    from ..jobs.job import Job

__all__ = ["read_ahead"]


def read_ahead(job: Job) -> Thread:
    """Read what accepting parts of a job's result needs, beside everything else: clicks find it in memory.

    What cannot be read is not told here; it will be when it is asked for.

    Returns
    -------
    Thread
        It has been started.
    """
    thread = Thread(target=_read, args=(job,), name="adp3d files", daemon=True)
    thread.start()
    return thread


def _read(job: Job) -> None:
    from chimerax.core.errors import UserError

    ensemble = job.paths.get("ensemble")
    with suppress(UserError, OSError, ValueError):
        for atoms in (input_atoms(job), result_atoms(job)):
            atoms.by_address()
        result_confidence(job)
        if ensemble is not None:
            read_ensemble(Path(ensemble))
