"""Where inputs lie until the engine has copied them, and where job folders go."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.contract.folder_state import failed_start
from .preferred import default_folder, folder_beside

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = ["base_folder", "discard", "give_up_job_folder", "new_job_folder", "new_staging_folder"]

_PREFIX = "adp3d-inputs-"
_made: set[Path] = set()
"""Folders of this ChimeraX: a job's record, which may come from elsewhere, cannot name others to be removed."""
_reserved: set[Path] = set()
"""Job folders that were made here, before the engine writes into them."""
_STALE_SECONDS = 2 * 86_400.0
"""Age of folders that a ChimeraX which ended abruptly has left behind."""


def new_staging_folder() -> Path:
    """Empty temporary folder for the inputs of one job; it goes with ChimeraX if nobody removes it sooner."""
    from chimerax.core.errors import UserError

    _remove_stale()
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    except OSError as error:
        raise UserError(
            f"No temporary folder could be made for the job's inputs: {error.strerror or error}."
        ) from error
    _made.add(folder)
    atexit.register(discard, folder)
    return folder


def _remove_stale() -> None:
    """Remove folders of this user that are so old that no job can wait for them any more."""
    with suppress(OSError):  # the temporary folder cannot be listed, or another ChimeraX is quicker
        for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            state = folder.lstat()
            ours = not hasattr(os, "getuid") or state.st_uid == os.getuid()
            if ours and stat.S_ISDIR(state.st_mode) and time.time() - state.st_mtime > _STALE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def discard(folder: Path) -> None:
    """Remove a folder that `new_staging_folder` made; nothing else is ever removed."""
    if folder in _made:
        shutil.rmtree(folder, ignore_errors=True)


def new_job_folder(
    session: Session, name: str, kind: str, chosen: str | None, source: str | Path | None = None
) -> Path:
    """Folder for a new job: the chosen one, else a new one where `base_folder` says.

    Parameters
    ----------
    session : Session
    name, kind : str
        Of the model or restraints and of the job, which a new folder is named after.
    chosen : str or None
    source : str or Path, optional
        File of the model or of the restraints.

    Raises
    ------
    UserError
        If the chosen folder holds something already, a job that failed at its start not counted, or the place cannot
        be written to.
    """
    from chimerax.core.errors import UserError

    if chosen:
        folder = Path(os.path.abspath(os.path.expanduser(chosen)))
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not failed_start(folder):
            raise UserError(f"The folder '{folder}' is not empty; choose a new folder for the job.")
        _claim(folder)
        return folder
    base = base_folder(session, source)
    try:
        base.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder '{base}' for jobs cannot be made: {error.strerror or error}.") from error
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(name).stem).strip("_")[:40] or "model"
    try:
        taken = {path.name for path in base.iterdir()}
    except OSError as error:
        raise UserError(f"The folder '{base}' for jobs cannot be read: {error.strerror or error}.") from error
    number = 1
    while f"{stem}_{kind}_{number}" in taken:
        number += 1
    folder = base / f"{stem}_{kind}_{number}"
    try:
        folder.mkdir()  # taken: the next job, which may be prepared before this one starts, gets another
    except OSError as error:
        raise UserError(f"The folder '{folder}' cannot be made: {error.strerror or error}.") from error
    _reserved.add(folder)
    return folder


def give_up_job_folder(folder: Path) -> None:
    """Remove the folder of a job that cannot be submitted, if it was made for it and is still empty."""
    if folder in _reserved:
        with suppress(OSError):  # it holds something
            folder.rmdir()


def _claim(folder: Path) -> None:
    """Make a folder, and see that files can be written into it: now, not when the engine has begun to compute."""
    from chimerax.core.errors import UserError

    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError:
            if made:
                folder.rmdir()
            raise
        if made:
            _reserved.add(folder)
    except OSError as error:
        raise UserError(
            f"The job cannot write into the folder '{folder}' ({error.strerror or error}); choose another folder."
        ) from error


def base_folder(session: Session, source: str | Path | None = None) -> Path:
    """Folder for job folders: the user's setting, else that of the file that the job is on, else among the downloads.

    Parameters
    ----------
    session : Session
    source : str or Path, optional
        File of the model, or of the restraints.
    """
    from ..settings import adp3d_settings

    chosen = adp3d_settings(session).job_folder
    return Path(chosen).expanduser() if chosen else folder_beside(source) or default_folder()
