"""Files and folders that commands write to, looked at before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ..contract.errors import InputError
from ..contract.settings import OUTPUT
from ..job.storage import check_writable, storage_errors

__all__ = ["OverwriteFile", "OverwriteTables", "new_file", "new_tables"]

OverwriteFile = Annotated[bool, typer.Option("--overwrite", help="Replace an output file that is there.")]
OverwriteTables = Annotated[
    bool, typer.Option("--overwrite", help="Replace tables that the folder holds.", rich_help_panel=OUTPUT)
]


def new_file(path: Path, overwrite: bool, suffixes: Sequence[str] = ()) -> Path:
    """A file that a command is to write.

    Parameters
    ----------
    path : Path
    overwrite : bool
        Whether it may be there.
    suffixes : sequence of str
        What its name may end with; anything if empty.

    Raises
    ------
    InputError
        If it is there though it may not, is a folder, has another ending, or cannot be written.
    """
    if path.is_dir():
        raise InputError(f"'{path}' is a folder; name a file with --output.")
    if suffixes and path.suffix.lower() not in suffixes:
        raise InputError(f"'{path.name}' ends with none of {', '.join(suffixes)}; choose another name with --output.")
    if os.path.lexists(path) and not overwrite:
        raise InputError(f"'{path}' exists; choose another file with --output, or give --overwrite.")
    check_writable(path.parent)
    return path


def new_tables(folder: Path, names: Sequence[str], overwrite: bool) -> Path:
    """A folder that a command is to write files with these names to; it is made if it is not there.

    Raises
    ------
    InputError
        If it holds one of them and they may not be replaced, is no folder, or cannot be written to.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise InputError(f"'{folder}' is a file; name a folder with --output.")
    there = next((name for name in names if os.path.lexists(folder / name)), None)
    if there is not None and not overwrite:
        raise InputError(
            f"'{folder}' holds '{there}' already; choose another folder with --output, or give --overwrite."
        )
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    check_writable(folder)
    return folder
